/* SPDX-License-Identifier: Apache-2.0 */
/* nRF51 Series Reference Manual 3.0, chapters 14 (GPIO) and 29 (UART); nRF52840 Product Specification 1.7, sections 6.9
 * (GPIO) and 6.33 (UART, in the same place and with the same registers). */
#include "uart.h"

#include "../registers.h"

#define GPIO(pin) (0x50000000u + 0x300u * ((pin) / 32))
#define GPIO_OUTSET 0x508u
#define GPIO_PIN_CNF(pin) (0x700u + 4 * ((pin) % 32))
#define PIN_OUTPUT 3u           /* no input buffer */
#define PIN_INPUT_PULLED_UP 12u /* an unconnected line is idle */

#define UART 0x40002000u
#define UART_STARTRX (UART + 0x000)
#define UART_STARTTX (UART + 0x008)
#define UART_RXDRDY (UART + 0x108)
#define UART_TXDRDY (UART + 0x11C)
#define UART_ENABLE (UART + 0x500)
#define UART_PSELTXD (UART + 0x50C)
#define UART_PSELRXD (UART + 0x514)
#define UART_RXD (UART + 0x518)
#define UART_TXD (UART + 0x51C)
#define UART_BAUDRATE (UART + 0x524)
#define ENABLED 4u
#define BAUDRATE_115200 0x01D7E000u

void nordic_uart_start(uint32_t transmit_pin, uint32_t receive_pin)
{
    register_write(GPIO(transmit_pin) + GPIO_OUTSET, UINT32_C(1) << transmit_pin % 32);
    register_write(GPIO(transmit_pin) + GPIO_PIN_CNF(transmit_pin), PIN_OUTPUT);
    register_write(GPIO(receive_pin) + GPIO_PIN_CNF(receive_pin), PIN_INPUT_PULLED_UP);
    register_write(UART_PSELTXD, transmit_pin);
    register_write(UART_PSELRXD, receive_pin);
    register_write(UART_BAUDRATE, BAUDRATE_115200);
    register_write(UART_ENABLE, ENABLED);
    register_write(UART_STARTTX, 1);
    register_write(UART_STARTRX, 1);
}

void nordic_uart_write(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        register_write(UART_TXDRDY, 0);
        register_write(UART_TXD, (uint8_t)bytes[i]);
        while (!register_read(UART_TXDRDY)) {
        }
    }
}

void nordic_uart_read(char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (!register_read(UART_RXDRDY)) {
        }
        register_write(UART_RXDRDY, 0);
        bytes[i] = (char)register_read(UART_RXD);
    }
}
