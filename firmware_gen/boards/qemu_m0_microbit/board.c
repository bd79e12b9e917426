/* SPDX-License-Identifier: Apache-2.0 */
/* BBC micro:bit v1 in QEMU: the serial line is the nRF51's UART. */
#include "../board.h"

#include "../cortex_m/semihosting.h"
#include "../cortex_m/systick.h"

#define UART_REGISTER(offset) (*(volatile uint32_t *)(0x40002000u + (offset)))
#define UART_STARTRX UART_REGISTER(0x000)
#define UART_STARTTX UART_REGISTER(0x008)
#define UART_RXDRDY UART_REGISTER(0x108)
#define UART_TXDRDY UART_REGISTER(0x11C)
#define UART_ENABLE UART_REGISTER(0x500)
#define UART_PSELTXD UART_REGISTER(0x50C)
#define UART_PSELRXD UART_REGISTER(0x514)
#define UART_RXD UART_REGISTER(0x518)
#define UART_TXD UART_REGISTER(0x51C)
#define UART_BAUDRATE UART_REGISTER(0x524)

const char *const board_tick_unit = "instructions";

void board_start(void)
{
    UART_PSELTXD = 24;
    UART_PSELRXD = 25;
    UART_BAUDRATE = 0x01D7E000; /* 115200 */
    UART_ENABLE = 4;
    UART_STARTTX = 1;
    UART_STARTRX = 1;
    systick_start();
}

void board_write(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        UART_TXDRDY = 0;
        UART_TXD = (uint8_t)bytes[i];
        while (!UART_TXDRDY) {
        }
    }
}

size_t board_read(char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (!UART_RXDRDY) {
        }
        UART_RXDRDY = 0;
        bytes[i] = (char)UART_RXD;
    }
    return len;
}

uint64_t board_tick(void)
{
    return systick_ticks() * 125 / 2; /* 16 MHz, an instruction being 1 ns (-icount shift=0) */
}

void board_exit(int status)
{
    semihosting_exit(status);
}
