# SPDX-License-Identifier: Apache-2.0
# Cortex-M33 with DSP instructions and its floating-point unit on QEMU's MPS2 AN505, in the secure state.
BOARD_CPU = -mcpu=cortex-m33 -mfpu=fpv5-sp-d16 -mfloat-abi=hard
MPS2_LINKER_SCRIPT = boards/mps2/an505.ld
include boards/mps2/mps2.mk
BOARD_CFLAGS += -DMPS2_UART0=0x50200000 -DMPS2_CLOCK_MHZ=20
BOARD_RUN = $(QEMU_RUN) -M mps2-an505 -kernel
