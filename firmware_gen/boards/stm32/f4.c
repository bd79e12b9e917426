/* SPDX-License-Identifier: Apache-2.0 */
/* Clock and start of STM32F446: 168 MHz from the internal oscillator of 16 MHz, so that no crystal is needed. RM0390,
 * sections 3.4 (flash latency), 5.4 (power), 6.3 (clocks). */
#include "../board.h"

#include "../cortex_m/systick.h"
#include "../registers.h"
#include "usart.h"

#define RCC 0x40023800u
#define RCC_CR (RCC + 0x00)
#define RCC_PLLCFGR (RCC + 0x04)
#define RCC_CFGR (RCC + 0x08)
#define RCC_AHB1ENR (RCC + 0x30)
#define RCC_APB1ENR (RCC + 0x40)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define PLL_M_8_N_168_P_2 (8u | 168u << 6 | 0u << 16 | 7u << 24) /* 16 MHz / 8 * 168 / 2; the 7 is Q, not used */
#define CFGR_APB1_QUARTER_APB2_HALF (5u << 10 | 4u << 13)
#define CFGR_SW_MASK 3u
#define CFGR_SW_PLL 2u
#define CFGR_SWS_MASK 12u
#define CFGR_SWS_PLL 8u
#define AHB1ENR_GPIOA (1u << 0)
#define APB1ENR_USART2 (1u << 17)

#define FLASH_ACR 0x40023C00u
#define ACR_5_WAIT_STATES_CACHES_PREFETCH (5u | 1u << 8 | 1u << 9 | 1u << 10)

#define HSI_HZ 16000000u
#define APB1_HZ 42000000u
#define WAIT_READS 0x10000u

const char *const board_tick_unit = "cycles";

/* The clock of APB1 in the end: without the PLL the chip stays on its oscillator, slow but right. */
static uint32_t clock_start(void)
{
    register_write(RCC_PLLCFGR, PLL_M_8_N_168_P_2);
    register_set(RCC_CR, CR_PLLON);
    if (!register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY, WAIT_READS)) {
        return HSI_HZ;
    }
    register_write(FLASH_ACR, ACR_5_WAIT_STATES_CACHES_PREFETCH);
    (void)register_read(FLASH_ACR);
    register_set(RCC_CFGR, CFGR_APB1_QUARTER_APB2_HALF);
    register_change(RCC_CFGR, CFGR_SW_MASK, CFGR_SW_PLL);
    (void)register_wait(RCC_CFGR, CFGR_SWS_MASK, CFGR_SWS_PLL, WAIT_READS);
    return APB1_HZ;
}

void board_start(void)
{
    const uint32_t apb1_hz = clock_start();

    register_set(RCC_AHB1ENR, AHB1ENR_GPIOA);
    register_set(RCC_APB1ENR, APB1ENR_USART2);
    (void)register_read(RCC_APB1ENR); /* a clock needs two cycles to start */
    stm32_usart_start(apb1_hz);
    systick_start();
}

uint64_t board_tick(void)
{
    return systick_ticks();
}
