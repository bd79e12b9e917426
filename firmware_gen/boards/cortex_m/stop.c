/* SPDX-License-Identifier: Apache-2.0 */
/* A microcontroller has nowhere to go when its program ends. */
#include "../board.h"

/* The status, for a debugger. */
static volatile int exit_status;

void board_exit(int status)
{
    exit_status = status;
    for (;;) {
        __asm__ volatile("wfi");
    }
}
