# SPDX-License-Identifier: Apache-2.0
# What the Raspberry Pi Pico and Pico 2 share; a board.mk sets BOARD_CPU and adds its chip's header and its link.ld.
include boards/cortex_m/microcontroller.mk
BOARD_SOURCES += boards/rp2/board.c boards/rp2/flash.c boards/rp2/rom.c
