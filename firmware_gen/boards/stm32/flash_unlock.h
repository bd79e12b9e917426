/* SPDX-License-Identifier: Apache-2.0 */
/* The two keys that open the control register of every STM32's flash, in this order: RM0390 section 3.5.1, RM0351
 * section 3.3.5, RM0433 section 4.5.1. A wrong key closes it until the next reset. */
#ifndef STM32_FLASH_UNLOCK_H
#define STM32_FLASH_UNLOCK_H

#include "../registers.h"

/* Far longer than any operation: the slowest, erasing 128 KB of an STM32F4 or H7, takes 4 s at most. */
#ifndef FLASH_WAIT_READS
#define FLASH_WAIT_READS 0x10000000u
#endif

/* Whether the control register is open now. `lock` is its bit that says that it is closed. */
static inline bool flash_unlock(uint32_t key_register, uint32_t control_register, uint32_t lock)
{
    if (register_read(control_register) & lock) {
        register_write(key_register, 0x45670123);
        register_write(key_register, 0xCDEF89AB);
    }
    return !(register_read(control_register) & lock);
}

#endif
