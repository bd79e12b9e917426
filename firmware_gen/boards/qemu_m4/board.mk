# SPDX-License-Identifier: Apache-2.0
# Cortex-M4 with its floating-point unit on QEMU's MPS2 AN386.
BOARD_CPU = -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
include boards/mps2/mps2.mk
BOARD_RUN = $(QEMU_RUN) -M mps2-an386 -kernel
