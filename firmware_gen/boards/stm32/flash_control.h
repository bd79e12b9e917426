/* SPDX-License-Identifier: Apache-2.0 */
/* What the flash controllers of the STM32 families share: two keys in this order open the control register (RM0390
 * section 3.5.1, RM0351 section 3.3.5, RM0433 section 4.5.1), and a wrong one closes it until the next reset; errors of
 * before must be cleared by ones, or the next operation is refused. */
#ifndef STM32_FLASH_CONTROL_H
#define STM32_FLASH_CONTROL_H

#include "../registers.h"

/* Far longer than any operation: the slowest, erasing 128 KB of an STM32F4 or H7, takes 4 s at most. */
#ifndef FLASH_WAIT_READS
#define FLASH_WAIT_READS 0x10000000u
#endif

typedef struct flash_control {
    uint32_t key, control, status, clear; /* addresses */
    uint32_t lock;                        /* bit of control: it is closed */
    uint32_t busy, errors;                /* bits of status */
} flash_control;

/* Whether the operation has ended, and well. */
static inline bool flash_wait_until_done(const flash_control *flash)
{
    return register_wait(flash->status, flash->busy, 0, FLASH_WAIT_READS) &&
           !(register_read(flash->status) & flash->errors);
}

/* Ready for a program or an erase: nothing under way, no error left from before, control open. */
static inline bool flash_begin(const flash_control *flash)
{
    if (!register_wait(flash->status, flash->busy, 0, FLASH_WAIT_READS)) {
        return false;
    }
    register_write(flash->clear, flash->errors);
    if (register_read(flash->control) & flash->lock) {
        register_write(flash->key, 0x45670123);
        register_write(flash->key, 0xCDEF89AB);
    }
    return !(register_read(flash->control) & flash->lock);
}

/* Erases what `unit` selects in the control register; `start` is the bit that begins. */
static inline bool flash_erase_unit(const flash_control *flash, uint32_t unit, uint32_t start)
{
    register_write(flash->control, unit);
    register_set(flash->control, start);
    memory_barrier();
    return flash_wait_until_done(flash);
}

/* The data cache of STM32F4 and L4 must not keep what the flash held before; it can be emptied only while it is off. */
static inline void flash_data_cache_empty(uint32_t access_register)
{
    const uint32_t enable = 1u << 10, reset = 1u << 12;

    if (register_read(access_register) & enable) {
        register_clear(access_register, enable);
        register_set(access_register, reset);
        register_clear(access_register, reset);
        register_set(access_register, enable);
    }
}

#endif
