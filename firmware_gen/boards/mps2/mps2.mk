# SPDX-License-Identifier: Apache-2.0
# Arm's MPS2 and MPS3 boards, one FPGA image (AN385, AN386, ...) a processor; chosen by QEMU's -M. A board.mk sets before
# it includes this MPS2_LINKER_SCRIPT, and adds afterwards -DMPS2_UART0 and -DMPS2_CLOCK_MHZ, where they are not an AN386's.
include boards/cortex_m/cortex_m.mk
MPS2_LINKER_SCRIPT ?= boards/mps2/link.ld
BOARD_SOURCES += $(QEMU_SOURCES) boards/mps2/board.c
BOARD_LINKER_SCRIPTS += $(MPS2_LINKER_SCRIPT)
BOARD_LDFLAGS += -T $(MPS2_LINKER_SCRIPT)
