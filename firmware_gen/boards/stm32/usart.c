/* SPDX-License-Identifier: Apache-2.0 */
/* GPIO and USART: RM0390 (STM32F446) chapters 7 and 25, RM0351 (STM32L47x) chapters 8 and 40, RM0433 (STM32H743)
 * chapters 11 and 48. The USART of the F4 is of an older kind. */
#include "usart.h"

#include "../board.h"
#include "../registers.h"

#define GPIO_MODER (STM32_GPIO + 0x00)
#define GPIO_PUPDR (STM32_GPIO + 0x0C)
#define GPIO_AFR(pin) (STM32_GPIO + 0x20 + 4 * ((pin) / 8))
#define ALTERNATE_FUNCTION 2u
#define PULLED_UP 1u
#define FUNCTION_USART 7u

#ifdef STM32_OLD_USART
#define USART_STATUS (STM32_USART + 0x00)
#define USART_RECEIVE (STM32_USART + 0x04)
#define USART_TRANSMIT (STM32_USART + 0x04)
#define USART_BRR (STM32_USART + 0x08)
#define USART_CR1 (STM32_USART + 0x0C)
#define CR1_ENABLE (1u << 13)
#else
#define USART_CR1 (STM32_USART + 0x00)
#define USART_BRR (STM32_USART + 0x0C)
#define USART_STATUS (STM32_USART + 0x1C)
#define USART_RECEIVE (STM32_USART + 0x24)
#define USART_TRANSMIT (STM32_USART + 0x28)
#define CR1_ENABLE (1u << 0)
#endif
#define CR1_RECEIVE_AND_TRANSMIT 0x0Cu
#define STATUS_RECEIVED (1u << 5)
#define STATUS_TRANSMIT_EMPTY (1u << 7)
#define BAUD 115200u

static void pin_start(uint32_t pin)
{
    register_change(GPIO_AFR(pin), 15u << 4 * (pin % 8), FUNCTION_USART << 4 * (pin % 8));
    register_change(GPIO_PUPDR, 3u << 2 * pin, PULLED_UP << 2 * pin);
    register_change(GPIO_MODER, 3u << 2 * pin, ALTERNATE_FUNCTION << 2 * pin);
}

void stm32_usart_start(uint32_t clock_hz)
{
    pin_start(STM32_TRANSMIT_PIN);
    pin_start(STM32_RECEIVE_PIN);
    register_write(USART_BRR, (clock_hz + BAUD / 2) / BAUD);
    register_write(USART_CR1, CR1_ENABLE | CR1_RECEIVE_AND_TRANSMIT);
}

void board_write(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (!(register_read(USART_STATUS) & STATUS_TRANSMIT_EMPTY)) {
        }
        register_write(USART_TRANSMIT, (uint8_t)bytes[i]);
    }
}

size_t board_read(char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while (!(register_read(USART_STATUS) & STATUS_RECEIVED)) {
        }
        bytes[i] = (char)(register_read(USART_RECEIVE) & 0xFF);
    }
    return len;
}
