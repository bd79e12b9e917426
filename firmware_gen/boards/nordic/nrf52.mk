# SPDX-License-Identifier: Apache-2.0
# nRF52833 and nRF52840: Cortex-M4F at 64 MHz. A board.mk adds its link.ld and the pins of its serial line.
BOARD_CPU = -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
include boards/cortex_m/microcontroller.mk
BOARD_SOURCES += boards/nordic/nrf52.c boards/nordic/uart.c boards/nordic/nvmc.c
