/* SPDX-License-Identifier: Apache-2.0 */
/* A USART of an STM32 with its two pins, 115,200 baud; usart.c implements board_write and board_read with it. A
 * board.mk says where the registers are: STM32_USART, STM32_GPIO; and which pins of that port: STM32_TRANSMIT_PIN and
 * STM32_RECEIVE_PIN, both with the alternate function 7. */
#ifndef STM32_USART_H
#define STM32_USART_H

#include <stdint.h>

/* The clocks of the port and of the USART run, the latter at `clock_hz`. */
void stm32_usart_start(uint32_t clock_hz);

#endif
