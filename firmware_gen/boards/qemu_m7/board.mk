# SPDX-License-Identifier: Apache-2.0
# Cortex-M7 with its floating-point unit on QEMU's MPS2 AN500.
BOARD_CPU = -mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=hard
include boards/mps2/mps2.mk
BOARD_RUN = $(QEMU_RUN) -M mps2-an500 -kernel
