# SPDX-License-Identifier: Apache-2.0
# ST Nucleo-F446RE (STM32F446RE: Cortex-M4F at 168 MHz, 512 KB flash, 128 KB RAM). Serial: USART2 on PA2 and PA3, which
# the board's ST-LINK brings to USB (UM1724, section 6.8).
BOARD_CPU = -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
include boards/cortex_m/microcontroller.mk
BOARD_CFLAGS += -DSTM32_USART=0x40004400u -DSTM32_GPIO=0x40020000u -DSTM32_TRANSMIT_PIN=2u -DSTM32_RECEIVE_PIN=3u -DSTM32_OLD_USART
BOARD_SOURCES += boards/stm32/f4.c boards/stm32/usart.c boards/stm32/flash_f4.c
BOARD_LINKER_SCRIPTS += boards/nucleo_f446re/link.ld
BOARD_LDFLAGS += -T boards/nucleo_f446re/link.ld
# The store lies between the vectors and the code: a .bin would fill it.
BOARD_IN_PIECES = yes
