/* SPDX-License-Identifier: Apache-2.0 */
/* RP2040's second stage of the boot, RP2040 Datasheet sections 2.8.1.3 and 4.10: the boot ROM copies these 256 bytes to
 * RAM, compares their CRC and runs them. They set the interface up so that flash can be read in place with the command
 * that every flash knows, 03h, at a quarter of the system clock (31 MHz); then they start the program.
 *
 * The flash driver calls a copy of them, too, to make flash readable again: with a return address in LR, which is 0 at
 * boot, they return.
 *
 * Assembly alone, so that the bytes, and BOOT_STAGE2_CRC with them, are the same with any compiler. */
#define TEXT_OF(macro) TEXT(macro)
#define TEXT(value) #value

/* CRC-32 with the polynomial 0x04C11DB7 from 0xFFFFFFFF on, neither reflected nor inverted, of the 252 bytes before. */
#define BOOT_STAGE2_CRC 0x5CAA7CA3

__asm__(".pushsection .boot_stage2, \"ax\", %progbits \n"
        ".syntax unified                \n"
        ".cpu cortex-m0plus             \n"
        ".thumb                         \n"
        ".global boot_stage2            \n"
        ".type boot_stage2, %function   \n"
        "boot_stage2:                   \n"
        "    push {lr}                  \n"
        "    ldr r3, 1f                 \n"
        "    movs r1, #0                \n"
        "    str r1, [r3, #0x08]        \n" /* SSIENR: off, to be set up */
        "    str r1, [r3, #0x04]        \n" /* CTRLR1: one word a transfer */
        "    movs r1, #4                \n"
        "    str r1, [r3, #0x14]        \n" /* BAUDR */
        "    ldr r1, 2f                 \n"
        "    str r1, [r3, #0x00]        \n" /* CTRLR0 */
        "    adds r3, #0xF4             \n"
        "    ldr r1, 3f                 \n"
        "    str r1, [r3, #0]           \n" /* SPI_CTRLR0 */
        "    subs r3, #0xF4             \n"
        "    movs r1, #1                \n"
        "    str r1, [r3, #0x08]        \n" /* SSIENR: on */
        "    pop {r0}                   \n"
        "    cmp r0, #0                 \n"
        "    beq 6f                     \n"
        "    bx r0                      \n"
        "6:  ldr r0, 4f                 \n"
        "    ldr r1, 5f                 \n"
        "    str r0, [r1]               \n" /* VTOR */
        "    ldmia r0!, {r1, r2}        \n"
        "    msr msp, r1                \n"
        "    bx r2                      \n"
        "    .balign 4                  \n"
        "1:  .word 0x18000000           \n" /* the serial interface to the flash */
        "2:  .word 0x001F0300           \n" /* 32 bits of data, a read after a command, one line */
        "3:  .word 0x03000218           \n" /* 03h, 8 bits of command, 24 of address */
        "4:  .word 0x10000100           \n" /* the vector table, behind these bytes */
        "5:  .word 0xE000ED08           \n"
        "    .org boot_stage2 + 252     \n"
        "    .word " TEXT_OF(BOOT_STAGE2_CRC) " \n .popsection \n");
