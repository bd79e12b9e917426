/* SPDX-License-Identifier: Apache-2.0 */
/* RP2350 Datasheet: sections 2.2 (address map), 7.5 (resets), 8.1 (clocks), 8.2 (crystal), 8.6 (PLL), 9 (GPIO),
 * 12.1 (UART). */
#ifndef RP2_CHIP_H
#define RP2_CHIP_H

#define CLOCK_HZ 150000000u
#define PLL_FEEDBACK 125u /* 12 MHz * 125 = 1,500 MHz */
#define PLL_DIVIDE_1 5u
#define PLL_DIVIDE_2 2u

#define CLOCKS 0x40010000u
#define RESETS 0x40020000u
#define IO_BANK0 0x40028000u
#define PADS_BANK0 0x40038000u
#define XOSC 0x40048000u
#define PLL_SYS 0x40050000u
#define UART0 0x40070000u

#define RESET_IO_BANK0 (1u << 6)
#define RESET_PADS_BANK0 (1u << 9)
#define RESET_PLL_SYS (1u << 14)
#define RESET_UART0 (1u << 26)

#endif
