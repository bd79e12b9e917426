/* SPDX-License-Identifier: Apache-2.0 */
/* The UART of nRF51 and nRF52, 115,200 baud, no flow control. */
#ifndef NORDIC_UART_H
#define NORDIC_UART_H

#include <stddef.h>
#include <stdint.h>

/* A pin is its number plus 32 times its port. */
void nordic_uart_start(uint32_t transmit_pin, uint32_t receive_pin);
void nordic_uart_write(const char *bytes, size_t len);
void nordic_uart_read(char *bytes, size_t len);

#endif
