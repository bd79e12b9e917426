# SPDX-License-Identifier: Apache-2.0
# BBC micro:bit v2 (nRF52833, 512 KB flash, 128 KB RAM). Serial: P0.06 and P1.08, which the interface chip brings to USB
# (micro:bit v2 schematic, nets UART_INT_RX and UART_INT_TX).
include boards/nordic/nrf52.mk
BOARD_CFLAGS += -DBOARD_TRANSMIT_PIN=6 -DBOARD_RECEIVE_PIN=40
BOARD_LINKER_SCRIPTS += boards/microbit_v2/link.ld
BOARD_LDFLAGS += -T boards/microbit_v2/link.ld
