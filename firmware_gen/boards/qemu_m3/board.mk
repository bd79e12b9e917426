# SPDX-License-Identifier: Apache-2.0
# Cortex-M3 on QEMU's MPS2 AN385.
BOARD_CPU = -mcpu=cortex-m3
include boards/mps2/mps2.mk
BOARD_RUN = $(QEMU_RUN) -M mps2-an385 -kernel
