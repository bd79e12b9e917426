# SPDX-License-Identifier: Apache-2.0
# Arduino Nano 33 BLE (nRF52840, 1 MB flash, 256 KB RAM) behind its bootloader, which owns the first 64 KB. Serial: header
# pins TX (P1.03) and RX (P1.10), for a USB adapter of 3.3 V (Arduino Nano 33 BLE pinout, ABX00030); the board's own
# USB connector is used by the bootloader alone.
include boards/nordic/nrf52.mk
BOARD_CFLAGS += -DBOARD_TRANSMIT_PIN=35 -DBOARD_RECEIVE_PIN=42
BOARD_LINKER_SCRIPTS += boards/arduino_nano33ble/link.ld
BOARD_LDFLAGS += -T boards/arduino_nano33ble/link.ld
