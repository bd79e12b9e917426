/* SPDX-License-Identifier: Apache-2.0 */
/* RP2040 Datasheet: sections 2.2 (address map), 2.14 (resets), 2.15 (clocks), 2.16 (crystal), 2.18 (PLL), 2.19 (GPIO),
 * 4.2 (UART). */
#ifndef RP2_CHIP_H
#define RP2_CHIP_H

#define CLOCK_HZ 125000000u
#define PLL_FEEDBACK 125u /* 12 MHz * 125 = 1,500 MHz */
#define PLL_DIVIDE_1 6u
#define PLL_DIVIDE_2 2u

#define CLOCKS 0x40008000u
#define RESETS 0x4000C000u
#define IO_BANK0 0x40014000u
#define PADS_BANK0 0x4001C000u
#define XOSC 0x40024000u
#define PLL_SYS 0x40028000u
#define UART0 0x40034000u

#define RESET_IO_BANK0 (1u << 5)
#define RESET_PADS_BANK0 (1u << 8)
#define RESET_PLL_SYS (1u << 12)
#define RESET_UART0 (1u << 22)

#endif
