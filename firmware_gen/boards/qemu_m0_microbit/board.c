/* SPDX-License-Identifier: Apache-2.0 */
/* BBC micro:bit v1 in QEMU: the serial line is the nRF51's UART on the pins that lead to the interface chip. */
#include "../board.h"

#include "../cortex_m/semihosting.h"
#include "../cortex_m/systick.h"
#include "../nordic/uart.h"

const char *const board_tick_unit = "instructions";

void board_start(void)
{
    nordic_uart_start(24, 25);
    systick_start();
}

void board_write(const char *bytes, size_t len)
{
    nordic_uart_write(bytes, len);
}

size_t board_read(char *bytes, size_t len)
{
    nordic_uart_read(bytes, len);
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
