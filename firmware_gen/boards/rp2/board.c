/* SPDX-License-Identifier: Apache-2.0 */
/* Raspberry Pi Pico and Pico 2: a crystal of 12 MHz, and UART 0 on the pins GP0 (sends) and GP1 (receives), 115,200
 * baud. A board.mk names the chip's header, RP2_CHIP; the offsets here are those of both chips. */
#include "../board.h"

#include "../cortex_m/systick.h"
#include "../registers.h"
#include RP2_CHIP

#define RESET_DONE (RESETS + 0x08)

#define XOSC_CTRL (XOSC + 0x00)
#define XOSC_STATUS (XOSC + 0x04)
#define XOSC_STARTUP (XOSC + 0x0C)
#define XOSC_ENABLE_1_TO_15_MHZ 0x00FABAA0u
#define XOSC_STABLE (1u << 31)
#define XOSC_STARTUP_1_MS 47u /* in units of 256 periods */

#define PLL_CS (PLL_SYS + 0x00)
#define PLL_PWR (PLL_SYS + 0x04)
#define PLL_FBDIV (PLL_SYS + 0x08)
#define PLL_PRIM (PLL_SYS + 0x0C)
#define PLL_LOCK (1u << 31)
#define PLL_PD_AND_VCOPD 0x21u
#define PLL_POSTDIVPD 0x08u

#define CLK_REF_CTRL (CLOCKS + 0x30)
#define CLK_REF_SELECTED (CLOCKS + 0x38)
#define CLK_SYS_CTRL (CLOCKS + 0x3C)
#define CLK_SYS_SELECTED (CLOCKS + 0x44)
#define CLK_PERI_CTRL (CLOCKS + 0x48)
#define REF_FROM_XOSC 2u
#define SYS_FROM_AUX 1u /* the auxiliary source 0 is the PLL */
#define SYS_AUX_MASK 0xE0u
#define PERI_ENABLE_FROM_SYS (1u << 11)

#define GPIO_CTRL(pin) (IO_BANK0 + 8u * (pin) + 4u)
#define GPIO_PAD(pin) (PADS_BANK0 + 4u * (pin) + 4u)
#define FUNCTION_UART 2u
#define PAD_INPUT_PULLED_UP_4_MA 0x5Au /* on the RP2350 this also ends the pad's isolation */
#define TRANSMIT_PIN 0u
#define RECEIVE_PIN 1u

#define UART_DR (UART0 + 0x00)
#define UART_FR (UART0 + 0x18)
#define UART_IBRD (UART0 + 0x24)
#define UART_FBRD (UART0 + 0x28)
#define UART_LCR_H (UART0 + 0x2C)
#define UART_CR (UART0 + 0x30)
#define UART_RECEIVE_EMPTY (1u << 4)
#define UART_TRANSMIT_FULL (1u << 5)
#define UART_8_BITS_FIFO 0x70u
#define UART_ENABLE_BOTH_WAYS 0x301u
#define BAUD 115200u
#define BAUD_DIVISOR_64THS ((4u * CLOCK_HZ + BAUD / 2) / BAUD) /* CLOCK_HZ / 16 / BAUD, in 64ths */

#define WAIT_READS 0x100000u

const char *const board_tick_unit = "cycles";

static void unreset(uint32_t blocks)
{
    register_clear(RESETS, blocks);
    (void)register_wait(RESET_DONE, blocks, blocks, WAIT_READS);
}

static void clock_start(void)
{
    register_write(XOSC_STARTUP, XOSC_STARTUP_1_MS);
    register_write(XOSC_CTRL, XOSC_ENABLE_1_TO_15_MHZ);
    (void)register_wait(XOSC_STATUS, XOSC_STABLE, XOSC_STABLE, WAIT_READS);

    register_clear(CLK_SYS_CTRL, SYS_FROM_AUX);
    (void)register_wait(CLK_SYS_SELECTED, 1, 1, WAIT_READS);
    register_change(CLK_REF_CTRL, 3, REF_FROM_XOSC);
    (void)register_wait(CLK_REF_SELECTED, 1u << REF_FROM_XOSC, 1u << REF_FROM_XOSC, WAIT_READS);

    register_set(RESETS, RESET_PLL_SYS);
    unreset(RESET_PLL_SYS);
    register_change(PLL_CS, 0x3F, 1);
    register_write(PLL_FBDIV, PLL_FEEDBACK);
    register_clear(PLL_PWR, PLL_PD_AND_VCOPD);
    (void)register_wait(PLL_CS, PLL_LOCK, PLL_LOCK, WAIT_READS);
    register_write(PLL_PRIM, PLL_DIVIDE_1 << 16 | PLL_DIVIDE_2 << 12);
    register_clear(PLL_PWR, PLL_POSTDIVPD);

    register_clear(CLK_SYS_CTRL, SYS_AUX_MASK);
    register_set(CLK_SYS_CTRL, SYS_FROM_AUX);
    (void)register_wait(CLK_SYS_SELECTED, 1u << SYS_FROM_AUX, 1u << SYS_FROM_AUX, WAIT_READS);
    register_write(CLK_PERI_CTRL, PERI_ENABLE_FROM_SYS);
}

static void serial_start(void)
{
    unreset(RESET_IO_BANK0 | RESET_PADS_BANK0 | RESET_UART0);
    for (uint32_t pin = TRANSMIT_PIN; pin <= RECEIVE_PIN; pin++) {
        register_write(GPIO_CTRL(pin), FUNCTION_UART);
        register_write(GPIO_PAD(pin), PAD_INPUT_PULLED_UP_4_MA);
    }
    register_write(UART_IBRD, BAUD_DIVISOR_64THS / 64);
    register_write(UART_FBRD, BAUD_DIVISOR_64THS % 64);
    register_write(UART_LCR_H, UART_8_BITS_FIFO); /* also takes over the two before */
    register_write(UART_CR, UART_ENABLE_BOTH_WAYS);
}

void board_start(void)
{
    clock_start();
    serial_start();
    systick_start();
}

void board_write(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (register_read(UART_FR) & UART_TRANSMIT_FULL) {
        }
        register_write(UART_DR, (uint8_t)bytes[i]);
    }
}

size_t board_read(char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (register_read(UART_FR) & UART_RECEIVE_EMPTY) {
        }
        bytes[i] = (char)(register_read(UART_DR) & 0xFF); /* errors of the line stand above */
    }
    return len;
}

uint64_t board_tick(void)
{
    return systick_ticks();
}
