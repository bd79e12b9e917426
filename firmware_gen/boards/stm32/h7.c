/* SPDX-License-Identifier: Apache-2.0 */
/* Clock and start of STM32H743: 400 MHz from the internal oscillator of 64 MHz, buses at 200 and 100 MHz. RM0433,
 * sections 4.3.8 (flash latency), 6.6 (voltage scaling), 6.8 (power registers), 8.7 (clocks). Of the caches only that
 * for instructions is on: variables are in memory that needs none, and the flash driver must see what flash holds. */
#include "../board.h"

#include "../cortex_m/systick.h"
#include "../registers.h"
#include "usart.h"

#define PWR 0x58024800u
#define PWR_CSR1 (PWR + 0x04)
#define PWR_CR3 (PWR + 0x0C)
#define PWR_D3CR (PWR + 0x18)
#define CSR1_ACTVOSRDY (1u << 13)
#define CR3_SUPPLY_MASK 7u
#define CR3_LDOEN 2u
#define D3CR_VOSRDY (1u << 13)
#define D3CR_VOS_MASK (3u << 14)
#define D3CR_VOS1 (3u << 14)

#define RCC 0x58024400u
#define RCC_CR (RCC + 0x00)
#define RCC_CFGR (RCC + 0x10)
#define RCC_D1CFGR (RCC + 0x18)
#define RCC_D2CFGR (RCC + 0x1C)
#define RCC_D3CFGR (RCC + 0x20)
#define RCC_PLLCKSELR (RCC + 0x28)
#define RCC_PLLCFGR (RCC + 0x2C)
#define RCC_PLL1DIVR (RCC + 0x30)
#define RCC_AHB4ENR (RCC + 0xE0)
#define RCC_APB1LENR (RCC + 0xE8)
#define CR_PLL1ON (1u << 24)
#define CR_PLL1RDY (1u << 25)
#define PLLCKSELR_HSI_M1_10 (0u | 10u << 4)                       /* 6.4 MHz into the PLL */
#define PLLCFGR_4_TO_8_MHZ_P_ON (2u << 2 | 1u << 16)              /* wide VCO, output P */
#define PLL1DIVR_N_125_P_2 (124u | 1u << 9 | 1u << 16 | 1u << 24) /* 6.4 MHz * 125 / 2; each field is one less */
#define D1CFGR_AHB_HALF_APB_HALF (8u | 4u << 4)
#define D2CFGR_APBS_HALF (4u << 4 | 4u << 8)
#define D3CFGR_APB_HALF (4u << 4)
#define CFGR_SW_MASK 7u
#define CFGR_SW_PLL1 3u
#define CFGR_SWS_MASK 0x38u
#define CFGR_SWS_PLL1 0x18u
#define AHB4ENR_GPIOD (1u << 3)
#define APB1LENR_USART3 (1u << 18)

#define FLASH_ACR 0x52002000u
#define ACR_2_WAIT_STATES_DELAY_2 0x22u /* up to 210 MHz at VOS1 */

/* Armv7-M B2.2 and B3.2: the instruction cache is emptied, then switched on. */
#define ICIALLU 0xE000EF50u
#define SCB_CCR 0xE000ED14u
#define CCR_IC (1u << 17)

#define HSI_HZ 64000000u
#define APB1_HZ 100000000u
#define WAIT_READS 0x10000u

const char *const board_tick_unit = "cycles";

static void instruction_cache_start(void)
{
    register_write(ICIALLU, 0);
    memory_barrier();
    register_set(SCB_CCR, CCR_IC);
    memory_barrier();
}

/* The clock of APB1 in the end: without the voltage or the PLL the chip stays on its oscillator. */
static uint32_t clock_start(void)
{
    register_change(PWR_CR3, CR3_SUPPLY_MASK, CR3_LDOEN);
    if (!register_wait(PWR_CSR1, CSR1_ACTVOSRDY, CSR1_ACTVOSRDY, WAIT_READS)) {
        return HSI_HZ;
    }
    register_change(PWR_D3CR, D3CR_VOS_MASK, D3CR_VOS1);
    if (!register_wait(PWR_D3CR, D3CR_VOSRDY, D3CR_VOSRDY, WAIT_READS)) {
        return HSI_HZ;
    }
    register_write(RCC_PLLCKSELR, PLLCKSELR_HSI_M1_10);
    register_write(RCC_PLLCFGR, PLLCFGR_4_TO_8_MHZ_P_ON);
    register_write(RCC_PLL1DIVR, PLL1DIVR_N_125_P_2);
    register_set(RCC_CR, CR_PLL1ON);
    if (!register_wait(RCC_CR, CR_PLL1RDY, CR_PLL1RDY, WAIT_READS)) {
        return HSI_HZ;
    }
    register_write(FLASH_ACR, ACR_2_WAIT_STATES_DELAY_2);
    (void)register_wait(FLASH_ACR, 0x3F, ACR_2_WAIT_STATES_DELAY_2, WAIT_READS);
    register_write(RCC_D1CFGR, D1CFGR_AHB_HALF_APB_HALF);
    register_write(RCC_D2CFGR, D2CFGR_APBS_HALF);
    register_write(RCC_D3CFGR, D3CFGR_APB_HALF);
    register_change(RCC_CFGR, CFGR_SW_MASK, CFGR_SW_PLL1);
    (void)register_wait(RCC_CFGR, CFGR_SWS_MASK, CFGR_SWS_PLL1, WAIT_READS);
    return APB1_HZ;
}

void board_start(void)
{
    const uint32_t apb1_hz = clock_start();

    instruction_cache_start();
    register_set(RCC_AHB4ENR, AHB4ENR_GPIOD);
    register_set(RCC_APB1LENR, APB1LENR_USART3);
    (void)register_read(RCC_APB1LENR); /* a clock needs two cycles to start */
    stm32_usart_start(apb1_hz);
    systick_start();
}

uint64_t board_tick(void)
{
    return systick_ticks();
}
