# SPDX-License-Identifier: Apache-2.0
# What all Cortex-M boards share; a board's board.mk includes it and adds its own (see boards/host/board.mk).
# -fcallgraph-info=su writes who calls whom and each function's stack beside every object: the size report reads it.
BOARD_CROSS = arm-none-eabi-
BOARD_CFLAGS = $(BOARD_CPU) -mthumb -fcallgraph-info=su -fstack-usage
BOARD_SOURCES = boards/cortex_m/startup.c boards/cortex_m/systick.c boards/cortex_m/reset.c
BOARD_LDFLAGS = $(BOARD_CPU) -mthumb -nostartfiles --specs=nano.specs
BOARD_LINKER_SCRIPTS = boards/cortex_m/sections.ld

# Boards that QEMU runs add the first line, for board_exit and the emulation program.
QEMU_SOURCES = boards/cortex_m/semihosting.c
# One emulated instruction takes one nanosecond of the machine's time, on every run alike.
QEMU_RUN = qemu-system-arm -display none -monitor none -serial stdio -icount shift=0,align=off,sleep=off \
	-semihosting-config enable=on,target=native
