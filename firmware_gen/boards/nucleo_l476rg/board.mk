# SPDX-License-Identifier: Apache-2.0
# ST Nucleo-L476RG (STM32L476RG: Cortex-M4F at 80 MHz, 1 MB flash, 128 KB RAM, of which 96 KB in one piece). Serial:
# USART2 on PA2 and PA3, which the board's ST-LINK brings to USB (UM1724, section 6.8).
BOARD_CPU = -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
include boards/cortex_m/microcontroller.mk
BOARD_CFLAGS += -DSTM32_USART=0x40004400u -DSTM32_GPIO=0x48000000u -DSTM32_TRANSMIT_PIN=2u -DSTM32_RECEIVE_PIN=3u
BOARD_SOURCES += boards/stm32/l4.c boards/stm32/usart.c boards/stm32/flash_l4.c
BOARD_LINKER_SCRIPTS += boards/nucleo_l476rg/link.ld
BOARD_LDFLAGS += -T boards/nucleo_l476rg/link.ld
