# SPDX-License-Identifier: Apache-2.0
# Nordic nRF52840-DK (PCA10056; nRF52840, 1 MB flash, 256 KB RAM). Serial: P0.06 and P0.08, which the board's debugger
# brings to USB (nRF52840 DK Hardware User Guide, section 'Virtual COM port').
include boards/nordic/nrf52.mk
BOARD_CFLAGS += -DBOARD_TRANSMIT_PIN=6 -DBOARD_RECEIVE_PIN=8
BOARD_LINKER_SCRIPTS += boards/nrf52840_dk/link.ld
BOARD_LDFLAGS += -T boards/nrf52840_dk/link.ld
