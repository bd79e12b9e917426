# SPDX-License-Identifier: Apache-2.0
# Cortex-M55 with Helium on QEMU's MPS3 AN547, in the secure state.
BOARD_CPU = -mcpu=cortex-m55 -mfloat-abi=hard
MPS2_LINKER_SCRIPT = boards/mps2/an547.ld
include boards/mps2/mps2.mk
BOARD_CFLAGS += -DMPS2_UART0=0x59303000 -DMPS2_CLOCK_MHZ=32
BOARD_RUN = $(QEMU_RUN) -M mps3-an547 -kernel
