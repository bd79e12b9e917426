# SPDX-License-Identifier: Apache-2.0
# Raspberry Pi Pico (RP2040: Cortex-M0+ at 125 MHz, 264 KB RAM; 2 MB of serial flash beside it).
BOARD_CPU = -mcpu=cortex-m0plus
include boards/rp2/rp2.mk
BOARD_CFLAGS += -DRP2_CHIP='"rp2040.h"'
BOARD_SOURCES += boards/rp2/boot_stage2.c
BOARD_LINKER_SCRIPTS += boards/raspberry_pi_pico/link.ld
BOARD_LDFLAGS += -T boards/raspberry_pi_pico/link.ld
