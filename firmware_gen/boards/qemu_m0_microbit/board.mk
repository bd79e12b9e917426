# SPDX-License-Identifier: Apache-2.0
# BBC micro:bit v1 (nRF51822, Cortex-M0, 256 KB flash, 16 KB RAM) in QEMU.
BOARD_CPU = -mcpu=cortex-m0
include boards/cortex_m/cortex_m.mk
BOARD_SOURCES += $(QEMU_SOURCES) boards/qemu_m0_microbit/board.c boards/nordic/uart.c
BOARD_LINKER_SCRIPTS += boards/qemu_m0_microbit/link.ld
BOARD_LDFLAGS += -T boards/qemu_m0_microbit/link.ld
BOARD_RUN = $(QEMU_RUN) -M microbit -kernel
