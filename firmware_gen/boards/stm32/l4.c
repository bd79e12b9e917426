/* SPDX-License-Identifier: Apache-2.0 */
/* Clock and start of STM32L476: 80 MHz from the internal oscillator of 16 MHz. RM0351, sections 3.3.3 (flash latency),
 * 5.1.8 (voltage range 1, as after reset), 6.4 (clocks). */
#include "../board.h"

#include "../cortex_m/systick.h"
#include "../registers.h"
#include "usart.h"

#define RCC 0x40021000u
#define RCC_CR (RCC + 0x00)
#define RCC_CFGR (RCC + 0x08)
#define RCC_PLLCFGR (RCC + 0x0C)
#define RCC_AHB2ENR (RCC + 0x4C)
#define RCC_APB1ENR1 (RCC + 0x58)
#define CR_HSION (1u << 8)
#define CR_HSIRDY (1u << 10)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define PLL_HSI_M_1_N_10_R_2 (2u | 0u << 4 | 10u << 8 | 1u << 24 | 0u << 25) /* 16 MHz * 10 / 2 */
#define CFGR_SW_MASK 3u
#define CFGR_SW_PLL 3u
#define CFGR_SWS_MASK 12u
#define CFGR_SWS_PLL 12u
#define AHB2ENR_GPIOA (1u << 0)
#define APB1ENR1_USART2 (1u << 17)

#define FLASH_ACR 0x40022000u
#define ACR_4_WAIT_STATES_CACHES_PREFETCH (4u | 1u << 8 | 1u << 9 | 1u << 10)

#define MSI_HZ 4000000u
#define PLL_HZ 80000000u
#define WAIT_READS 0x10000u

const char *const board_tick_unit = "cycles";

/* The clock of APB1 in the end: without the PLL the chip stays on its oscillator, slow but right. */
static uint32_t clock_start(void)
{
    register_set(RCC_CR, CR_HSION);
    if (!register_wait(RCC_CR, CR_HSIRDY, CR_HSIRDY, WAIT_READS)) {
        return MSI_HZ;
    }
    register_write(RCC_PLLCFGR, PLL_HSI_M_1_N_10_R_2);
    register_set(RCC_CR, CR_PLLON);
    if (!register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY, WAIT_READS)) {
        return MSI_HZ;
    }
    register_write(FLASH_ACR, ACR_4_WAIT_STATES_CACHES_PREFETCH);
    (void)register_read(FLASH_ACR);
    register_change(RCC_CFGR, CFGR_SW_MASK, CFGR_SW_PLL);
    (void)register_wait(RCC_CFGR, CFGR_SWS_MASK, CFGR_SWS_PLL, WAIT_READS);
    return PLL_HZ;
}

void board_start(void)
{
    const uint32_t apb1_hz = clock_start();

    register_set(RCC_AHB2ENR, AHB2ENR_GPIOA);
    register_set(RCC_APB1ENR1, APB1ENR1_USART2);
    (void)register_read(RCC_APB1ENR1); /* a clock needs two cycles to start */
    stm32_usart_start(apb1_hz);
    systick_start();
}

uint64_t board_tick(void)
{
    return systick_ticks();
}
