/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic that every int8 kernel shares (docs/int8_semantics.md). */
#ifndef KSHOT_FIXED_POINT_H
#define KSHOT_FIXED_POINT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C99 leaves a right shift of a negative number to the compiler. All that matter shift arithmetically; one that does
 * not stops here, where it can be understood. */
typedef char kshot_needs_arithmetic_right_shift[(-3 >> 1) == -2 ? 1 : -1];

static inline int32_t kshot_min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t kshot_max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* value + zero_point, limited to [low, high]; no value overflows. */
static inline int8_t kshot_quantized_s8(int32_t value, int32_t zero_point, int8_t low, int8_t high)
{
    return (int8_t)(kshot_min(kshot_max(value, low - zero_point), high - zero_point) + zero_point);
}

/* round(a * b / 2^31), halves upwards: the high half of the doubled product. Saturates for a = b = -2^31. */
static inline int32_t kshot_multiply_high(int32_t a, int32_t b)
{
    const int64_t rounded = ((int64_t)a * b + ((int64_t)1 << 30)) >> 31;
    return rounded > INT32_MAX ? INT32_MAX : (int32_t)rounded;
}

/* round(value / 2^exponent), halves away from zero; exponent in [0, 31]. */
static inline int32_t kshot_divide_by_power(int32_t value, int32_t exponent)
{
    const uint32_t mask = ((uint32_t)1 << exponent) - 1u;
    const uint32_t remainder = (uint32_t)value & mask;
    const uint32_t half = (mask >> 1) + (value < 0 ? 1u : 0u);
    return (value >> exponent) + (remainder > half ? 1 : 0);
}

/* value * 2^exponent, wrapping as the reference does when the product leaves 32 bits; exponent in [0, 31]. */
static inline int32_t kshot_shift_left(int32_t value, int32_t exponent)
{
    return (int32_t)((uint32_t)value << exponent);
}

/* value * multiplier / 2^(31 + right_shift), rounded twice: by the high multiplication, then by the division. The
 * multiplier is not negative; a negative right_shift is a left shift of the value before. */
static inline int32_t kshot_requantize(int32_t value, int32_t multiplier, int32_t right_shift)
{
    const int32_t left = right_shift < 0 ? -right_shift : 0;
    const int32_t right = right_shift < 0 ? 0 : right_shift;
    return kshot_divide_by_power(kshot_multiply_high(kshot_shift_left(value, left), multiplier), right);
}

#ifdef __cplusplus
}
#endif
#endif
