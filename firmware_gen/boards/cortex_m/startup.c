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

/* The floating-point unit, and Helium with it, is off after reset; code before it is on must not touch it, hence no C.
 */
__attribute__((naked, noreturn)) void Reset_Handler(void)
{
    __asm volatile(
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

__attribute__((used, noreturn)) void startup_run(void)
{
    memcpy(link_data_start, link_data_source, (size_t)((char *)link_data_end - (char *)link_data_start));
    memset(link_bss_start, 0, (size_t)((char *)link_bss_end - (char *)link_bss_start));
    board_exit(main());
}

static void fault(void)
{
    board_exit(BOARD_EXIT_FAULT);
}

typedef struct {
    uint32_t *stack_top;
    void (*handlers[15])(void); /* exceptions 1 to 15 */
} vector_table;

/* No device interrupt is ever enabled here, so the table ends with the processor's own exceptions. */
__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    link_stack_top,
    {Reset_Handler, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     SysTick_Handler},
};
