# SPDX-License-Identifier: Apache-2.0
# A board.mk tells the project's Makefile, which includes it and runs from the project's top folder:
#   BOARD_CROSS    prefix of the tools: arm-none-eabi- or nothing
#   BOARD_CFLAGS   flags of every compilation: the processor first of all
#   BOARD_SOURCES  what to compile for this board
#   BOARD_LDFLAGS  flags of the link, the linker script among them
#   BOARD_LINKER_SCRIPTS  files that the link depends on
#   BOARD_RUN      a command that runs the linked program, which is appended to it
#   BOARD_IN_PIECES  yes where the image has a gap that no .bin may fill; there is a .hex alone then
BOARD_CROSS =
BOARD_CFLAGS =
BOARD_SOURCES = boards/host/board.c
BOARD_LDFLAGS =
BOARD_LINKER_SCRIPTS =
BOARD_RUN =
