# SPDX-License-Identifier: Apache-2.0
# ST Nucleo-H743ZI and H743ZI2 (STM32H743ZI: Cortex-M7F at 400 MHz, 2 MB flash; of its RAM the 128 KB of DTCM). Serial:
# USART3 on PD8 and PD9, which the board's ST-LINK brings to USB (UM1974, section 6.9; UM2407, section 6.10).
BOARD_CPU = -mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=hard
include boards/cortex_m/microcontroller.mk
BOARD_CFLAGS += -DSTM32_USART=0x40004800u -DSTM32_GPIO=0x58020C00u -DSTM32_TRANSMIT_PIN=8u -DSTM32_RECEIVE_PIN=9u
BOARD_SOURCES += boards/stm32/h7.c boards/stm32/usart.c boards/stm32/flash_h7.c
BOARD_LINKER_SCRIPTS += boards/nucleo_h743zi/link.ld
BOARD_LDFLAGS += -T boards/nucleo_h743zi/link.ld
