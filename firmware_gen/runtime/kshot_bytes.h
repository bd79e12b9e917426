/* SPDX-License-Identifier: Apache-2.0 */
/* Integers as bytes, little-endian, wherever they lie. */
#ifndef KSHOT_BYTES_H
#define KSHOT_BYTES_H

#include <stdint.h>

static inline void kshot_put_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void kshot_put_u32(uint8_t *at, uint32_t value)
{
    kshot_put_u16(at, value & 0xffff);
    kshot_put_u16(at + 2, value >> 16);
}

static inline uint16_t kshot_get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t kshot_get_u32(const uint8_t *at)
{
    return kshot_get_u16(at) | (uint32_t)kshot_get_u16(at + 2) << 16;
}

#endif
