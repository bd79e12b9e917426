/* SPDX-License-Identifier: Apache-2.0 */
#include "systick.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018)

#define ENABLE_WITH_INTERRUPT_FROM_PROCESSOR_CLOCK 7u
#define PERIOD_TICKS (UINT32_C(1) << 24) /* the counter has 24 bits and counts down */

static volatile uint32_t periods;

void SysTick_Handler(void);
void SysTick_Handler(void)
{
    periods++;
}

void systick_start(void)
{
    periods = 0;
    SYST_RVR = PERIOD_TICKS - 1;
    SYST_CVR = 0;
    SYST_CSR = ENABLE_WITH_INTERRUPT_FROM_PROCESSOR_CLOCK;
}

uint64_t systick_ticks(void)
{
    uint32_t whole, left;

    do { /* again when a period ended between the two reads */
        whole = periods;
        left = SYST_CVR;
    } while (whole != periods);
    /* A period ends, and the interrupt comes, when 0 is reached; 0 is also what the counter starts from. */
    return (uint64_t)whole * PERIOD_TICKS + ((PERIOD_TICKS - left) & (PERIOD_TICKS - 1));
}
