/* SPDX-License-Identifier: Apache-2.0 */
/* A chip's registers and memory, by address. Drivers touch them through these calls alone, so that tests on a host can
 * put a model of the chip behind the very same driver: they define REGISTER_MODEL and these functions. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifndef REGISTER_MODEL

static inline uint32_t register_read(uint32_t address)
{
    return *(volatile uint32_t *)(uintptr_t)address;
}

static inline void register_write(uint32_t address, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)address = value;
}

static inline void memory_read(uint32_t address, uint8_t *data, uint32_t len)
{
    memcpy(data, (const void *)(uintptr_t)address, len);
}

/* What was written before has reached its place before what follows begins. */
static inline void memory_barrier(void)
{
    __asm__ volatile("dsb" ::: "memory");
}

/* Returns what interrupts_restore takes. */
static inline uint32_t interrupts_disable(void)
{
    uint32_t before;

    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(before)::"memory");
    return before;
}

static inline void interrupts_restore(uint32_t before)
{
    __asm__ volatile("msr primask, %0" ::"r"(before) : "memory");
}

#else

uint32_t register_read(uint32_t address);
void register_write(uint32_t address, uint32_t value);
void memory_read(uint32_t address, uint8_t *data, uint32_t len);
void memory_barrier(void);
uint32_t interrupts_disable(void);
void interrupts_restore(uint32_t before);

#endif

static inline void register_set(uint32_t address, uint32_t bits)
{
    register_write(address, register_read(address) | bits);
}

static inline void register_clear(uint32_t address, uint32_t bits)
{
    register_write(address, register_read(address) & ~bits);
}

/* Puts `value` into the bits of `mask`; both are in place, not shifted. */
static inline void register_change(uint32_t address, uint32_t mask, uint32_t value)
{
    register_write(address, (register_read(address) & ~mask) | value);
}

/* Reads until the bits of `mask` are `value`. false after `limit` reads: what is broken must not hang the firmware. */
static inline bool register_wait(uint32_t address, uint32_t mask, uint32_t value, uint32_t limit)
{
    for (uint32_t i = 0; i < limit; i++) {
        if ((register_read(address) & mask) == value) {
            return true;
        }
    }
    return false;
}

#endif
