/* SPDX-License-Identifier: Apache-2.0 */
#include "../board.h"
#include "../registers.h"

/* Application Interrupt and Reset Control Register, Armv6-M B3.2.6, Armv7-M B3.2.6, Armv8-M D1.2.3. */
#define AIRCR 0xE000ED0Cu
#define AIRCR_KEY 0x05FA0000u
#define AIRCR_SYSRESETREQ 4u

void board_reset(void)
{
    memory_barrier();
    register_write(AIRCR, AIRCR_KEY | AIRCR_SYSRESETREQ);
    for (;;) {
    }
}
