# SPDX-License-Identifier: Apache-2.0
# Raspberry Pi Pico 2 (RP2350: Cortex-M33F at 150 MHz, in the secure state, 520 KB RAM; 4 MB of serial flash beside it).
BOARD_CPU = -mcpu=cortex-m33 -mfpu=fpv5-sp-d16 -mfloat-abi=hard
include boards/rp2/rp2.mk
BOARD_CFLAGS += -DRP2_CHIP='"rp2350.h"'
BOARD_SOURCES += boards/rp2/image_definition.c
BOARD_LINKER_SCRIPTS += boards/raspberry_pi_pico2/link.ld
BOARD_LDFLAGS += -T boards/raspberry_pi_pico2/link.ld
