/* SPDX-License-Identifier: Apache-2.0 */
/* Boards with an nRF52833 or nRF52840: nRF52840 Product Specification 1.7, nRF52833 Product Specification 1.5. A
 * board.mk names the pins of the serial line, BOARD_TRANSMIT_PIN and BOARD_RECEIVE_PIN. */
#include "../board.h"

#include "../cortex_m/systick.h"
#include "../registers.h"
#include "uart.h"

/* Section 5.4, CLOCK: the crystal is what makes the serial line exact; the processor runs at 64 MHz without it, too. */
#define CLOCK_HFCLKSTART 0x40000000u
#define CLOCK_HFCLKSTARTED 0x40000100u
#define CRYSTAL_WAIT_READS 0x100000u

/* Section 4.8, access port protection: chips of later revisions lock the debug port at each reset unless the firmware
 * says that it may stay open; a locked one opens only after all of the flash was erased, the store with it. */
#define APPROTECT_DISABLE 0x40000558u
#define APPROTECT_SW_DISABLED 0x5Au

#define NVMC_ICACHECNF 0x4001E540u /* section 4.3 */

const char *const board_tick_unit = "cycles";

void board_start(void)
{
    register_write(APPROTECT_DISABLE, APPROTECT_SW_DISABLED);
    register_write(NVMC_ICACHECNF, 1);
    register_write(CLOCK_HFCLKSTARTED, 0);
    register_write(CLOCK_HFCLKSTART, 1);
    (void)register_wait(CLOCK_HFCLKSTARTED, 1, 1, CRYSTAL_WAIT_READS);
    nordic_uart_start(BOARD_TRANSMIT_PIN, BOARD_RECEIVE_PIN);
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
    return systick_ticks();
}
