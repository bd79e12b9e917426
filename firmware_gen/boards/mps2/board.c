/* SPDX-License-Identifier: Apache-2.0 */
/* Arm MPS2 or MPS3 with any of their processors, in QEMU: the serial line is the CMSDK UART 0. */
#include "../board.h"

#include "../cortex_m/semihosting.h"
#include "../cortex_m/systick.h"

typedef struct {
    volatile uint32_t data, state, control, interrupt, baud_divider;
} cmsdk_uart;

/* Of the AN385, AN386 and AN500; the board.mk of another image defines its own. */
#ifndef MPS2_UART0
#define MPS2_UART0 0x40004000
#endif
#ifndef MPS2_CLOCK_MHZ
#define MPS2_CLOCK_MHZ 25
#endif

#define UART0 ((cmsdk_uart *)MPS2_UART0)
#define STATE_TRANSMIT_FULL 1u
#define STATE_RECEIVE_FULL 2u
#define CONTROL_TRANSMIT_AND_RECEIVE 3u
#define BAUD_DIVIDER_115200 (MPS2_CLOCK_MHZ * 10000u / 1152u)

#define INSTRUCTIONS_PER_4_TICKS (4000u / MPS2_CLOCK_MHZ) /* an instruction being 1 ns (-icount shift=0) */

const char *const board_tick_unit = "instructions";

void board_start(void)
{
    UART0->baud_divider = BAUD_DIVIDER_115200;
    UART0->control = CONTROL_TRANSMIT_AND_RECEIVE;
    systick_start();
}

void board_write(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (UART0->state & STATE_TRANSMIT_FULL) {
        }
        UART0->data = (uint8_t)bytes[i];
    }
}

size_t board_read(char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (!(UART0->state & STATE_RECEIVE_FULL)) {
        }
        bytes[i] = (char)UART0->data;
    }
    return len;
}

uint64_t board_tick(void)
{
    return systick_ticks() * INSTRUCTIONS_PER_4_TICKS / 4;
}

void board_exit(int status)
{
    semihosting_exit(status);
}
