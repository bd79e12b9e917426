/* SPDX-License-Identifier: Apache-2.0 */
/* Reset and exceptions of an Armv6-M, Armv7-M or Armv8-M processor. Symbols named link_* come from sections.ld. */
#include "../board.h"

#include <string.h>

extern uint32_t link_data_source[], link_data_start[], link_data_end[];
extern uint32_t link_bss_start[], link_bss_end[], link_stack_top[];

int main(void);
void Reset_Handler(void);
void SysTick_Handler(void);
void startup_run(void);

static void fault(void)
{
    board_exit(BOARD_EXIT_FAULT);
}

/* A flash driver takes it over where the flash reports damage by it. */
void NMI_Handler(void) __attribute__((weak, alias("fault")));

typedef struct {
    uint32_t *stack_top;
    void (*handlers[15])(void); /* exceptions 1 to 15 */
} vector_table;

/* No device interrupt is ever enabled here, so the table ends with the processor's own exceptions. */
__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    link_stack_top,
    {Reset_Handler, NMI_Handler, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     SysTick_Handler},
};

/* Nested Vectored Interrupt Controller and Vector Table Offset Register, Armv7-M B3.4 and B3.2.5. */
#define NVIC_ICER ((volatile uint32_t *)0xE000E180)
#define NVIC_ICPR ((volatile uint32_t *)0xE000E280)
#define SCB_VTOR (*(volatile uint32_t *)0xE000ED08)
#if __ARM_ARCH >= 7
#define NVIC_WORDS 8u
#else
#define NVIC_WORDS 1u
#endif

/* The floating-point unit, and Helium with it, is off after reset; code before it is on must not touch it, hence no C.
 * A bootloader may have come before: its stack, vectors and interrupts are not kept. */
__attribute__((naked, noreturn)) void Reset_Handler(void)
{
    __asm volatile("cpsid i                \n"
                   "ldr r0, =link_stack_top \n"
                   "msr msp, r0            \n"
#if __ARM_ARCH >= 8
                   "movs r0, #0            \n"
                   "msr msplim, r0         \n"
#endif
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
                   "ldr r0, =0xE000ED88 \n" /* CPACR */
                   "ldr r1, [r0]        \n"
                   "ldr r2, =0x00F00000 \n" /* full access to coprocessors 10 and 11 */
                   "orrs r1, r2         \n"
                   "str r1, [r0]        \n"
                   "dsb                 \n"
                   "isb                 \n"
#endif
                   "ldr r0, =startup_run \n"
                   "bx r0                \n"
                   ".ltorg               \n");
}

static void interrupts_start(void)
{
    for (uint32_t i = 0; i < NVIC_WORDS; i++) {
        NVIC_ICER[i] = UINT32_MAX;
        NVIC_ICPR[i] = UINT32_MAX;
    }
#if __ARM_ARCH >= 7
    SCB_VTOR = (uint32_t)(uintptr_t)&vectors;
#endif
    __asm volatile("cpsie i" ::: "memory");
}

__attribute__((used, noreturn)) void startup_run(void)
{
    memcpy(link_data_start, link_data_source, (size_t)((char *)link_data_end - (char *)link_data_start));
    memset(link_bss_start, 0, (size_t)((char *)link_bss_end - (char *)link_bss_start));
    interrupts_start();
    board_exit(main());
}
