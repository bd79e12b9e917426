# SPDX-License-Identifier: Apache-2.0
# Arm's MPS2 boards, one FPGA image (AN385, AN386, ...) a processor; chosen by QEMU's -M.
include boards/cortex_m/cortex_m.mk
BOARD_SOURCES += boards/mps2/board.c
BOARD_LINKER_SCRIPTS += boards/mps2/link.ld
BOARD_LDFLAGS += -T boards/mps2/link.ld
