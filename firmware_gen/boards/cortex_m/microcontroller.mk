# SPDX-License-Identifier: Apache-2.0
# Cortex-M boards that are no emulator: they have flash for the store, and no semihosting.
include boards/cortex_m/cortex_m.mk
BOARD_SOURCES += boards/cortex_m/flash.c boards/cortex_m/stop.c
BOARD_LINKER_SCRIPTS += boards/cortex_m/store.ld
BOARD_RUN = @echo "kshot flash writes this to the board:"
