# SPDX-License-Identifier: Apache-2.0
# Cortex-M0 code on QEMU's Cortex-M3 machine, for models that the micro:bit's 16 KB cannot hold.
BOARD_CPU = -mcpu=cortex-m0
include boards/mps2/mps2.mk
BOARD_RUN = $(QEMU_RUN) -M mps2-an385 -kernel
