/* SPDX-License-Identifier: Apache-2.0 */
/* Requantization without a 64-bit multiplication where the processor has none. */
#ifndef KSHOT_SCALAR_ARITHMETIC_H
#define KSHOT_SCALAR_ARITHMETIC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Armv6-M and the baseline of Armv8-M multiply 32 by 32 bits to 32. */
#if (defined(__ARM_ARCH) && __ARM_ARCH_ISA_THUMB == 1) || defined(KSHOT_MULTIPLY_BY_HALVES)

/* kshot_multiply_high() for |sum| < 2^30 and a multiplier that is not negative, from products of 16-bit halves: none of
 * the intermediate sums leaves 32 bits. The lowest 16 bits of the product reach no further than their carry. */
static inline int32_t kshot_scalar_multiply_high(int32_t sum, int32_t multiplier)
{
    const uint32_t sum_low = (uint32_t)sum & 0xFFFFu, low = (uint32_t)multiplier & 0xFFFFu;
    const int32_t sum_high = sum >> 16, high = multiplier >> 16;
    const int32_t carried = sum_high * (int32_t)low + (int32_t)((sum_low * low) >> 16);
    const uint32_t middle = ((uint32_t)carried & 0xFFFFu) + sum_low * (uint32_t)high;
    const int32_t upper = sum_high * high + (carried >> 16) + (int32_t)(middle >> 16);
    const uint32_t next_2_bits = (middle >> 14) & 3u;
    return upper * 2 + (int32_t)((next_2_bits + 1u) >> 1);
}

#else

static inline int32_t kshot_scalar_multiply_high(int32_t sum, int32_t multiplier)
{
    return (int32_t)(((int64_t)sum * multiplier + ((int64_t)1 << 30)) >> 31);
}

#endif

/* How the sums of one channel become outputs: `rounding` is (2 * output zero point + 1) << (shift - 1). */
typedef struct kshot_scalar_scale {
    int32_t multiplier, rounding, low, high;
    uint32_t shift;
} kshot_scalar_scale;

/* kshot_requantize(), the zero point added, between the limits. Shift is at least 1. */
static inline int8_t kshot_scalar_requantize(const kshot_scalar_scale *scale, int32_t sum)
{
    int32_t value = kshot_scalar_multiply_high(sum, scale->multiplier);
    value = (value + (value >> 31) + scale->rounding) >> scale->shift;
    value = value < scale->low ? scale->low : value;
    return (int8_t)(value > scale->high ? scale->high : value);
}

static inline int32_t kshot_scalar_rounding(int32_t rounding, uint32_t shift)
{
    return (int32_t)((uint32_t)rounding << (shift - 1u));
}

#ifdef __cplusplus
}
#endif
#endif
