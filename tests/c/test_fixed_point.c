/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kshot_fixed_point.h"

/* The high multiplication rounds to nearest and halves upwards. */
TEST(multiply_high_rounds_halves_upwards)
{
    CHECK_EQUAL(1, kshot_multiply_high(1, 1 << 30));
    CHECK_EQUAL(0, kshot_multiply_high(1, (1 << 30) - 1));
    CHECK_EQUAL(0, kshot_multiply_high(-1, 1 << 30));
    CHECK_EQUAL(-1, kshot_multiply_high(-1, (1 << 30) + 1));
    CHECK_EQUAL(-1, kshot_multiply_high(-3, 1 << 30));
}

/* The one product that 32 bits cannot hold saturates. */
TEST(multiply_high_saturates)
{
    CHECK_EQUAL(INT32_MAX, kshot_multiply_high(INT32_MIN, INT32_MIN));
    CHECK_EQUAL(INT32_MIN + 1, kshot_multiply_high(INT32_MIN, INT32_MAX));
    CHECK_EQUAL(INT32_MAX - 1, kshot_multiply_high(INT32_MAX, INT32_MAX));
}

/* The division rounds halves away from zero, over the whole range of exponents. */
TEST(divide_by_power_rounds_halves_away_from_zero)
{
    CHECK_EQUAL(3, kshot_divide_by_power(5, 1));
    CHECK_EQUAL(-3, kshot_divide_by_power(-5, 1));
    CHECK_EQUAL(1, kshot_divide_by_power(5, 2));
    CHECK_EQUAL(-1, kshot_divide_by_power(-5, 2));
    CHECK_EQUAL(2, kshot_divide_by_power(6, 2));
    CHECK_EQUAL(-2, kshot_divide_by_power(-6, 2));
    CHECK_EQUAL(INT32_MIN, kshot_divide_by_power(INT32_MIN, 0));
    CHECK_EQUAL(INT32_MAX, kshot_divide_by_power(INT32_MAX, 0));
    CHECK_EQUAL(-1, kshot_divide_by_power(INT32_MIN, 31));
    CHECK_EQUAL(1, kshot_divide_by_power(INT32_MAX, 31));
    CHECK_EQUAL(1, kshot_divide_by_power(1 << 30, 31));
    CHECK_EQUAL(0, kshot_divide_by_power((1 << 30) - 1, 31));
}

/* Both roundings happen: 4 * 3/8 is 1.5, which the first makes 2 (of 1.5) or the second 1 (of 0.75 halves). */
TEST(requantize_rounds_twice)
{
    CHECK_EQUAL(2, kshot_requantize(3, 1 << 30, 0));   /* 1.5 */
    CHECK_EQUAL(1, kshot_requantize(3, 1 << 30, 1));   /* 0.75: 1.5 -> 2, then 1 */
    CHECK_EQUAL(1, kshot_requantize(5, 1 << 30, 2));   /* 0.625: 2.5 -> 3, then 0.75 -> 1 */
    CHECK_EQUAL(1, kshot_requantize(3, 1 << 30, 2));   /* 0.375 alone would give 0; 1.5 -> 2, then 0.5 -> 1 */
    CHECK_EQUAL(0, kshot_requantize(-3, 1 << 30, 2));  /* -1.5 -> -1, then -0.25 -> 0 */
    CHECK_EQUAL(-1, kshot_requantize(-5, 1 << 30, 2)); /* -2.5 -> -2, then -0.5 -> -1 */
}

/* A negative shift multiplies before the rounding, so that nothing is lost. */
TEST(requantize_shifts_left_before_rounding)
{
    CHECK_EQUAL(6, kshot_requantize(3, 1 << 30, -2));
    CHECK_EQUAL(-6, kshot_requantize(-3, 1 << 30, -2));
    CHECK_EQUAL(0, kshot_requantize(12345, 0, 0));
}

/* The zero point comes on top, the limits hold, and the ends of 32 bits do not wrap. */
TEST(quantized_keeps_both_limits)
{
    CHECK_EQUAL(3, kshot_quantized_s8(5, -2, -5, 7));
    CHECK_EQUAL(-5, kshot_quantized_s8(-6, 0, -5, 7));
    CHECK_EQUAL(-5, kshot_quantized_s8(INT32_MIN, -128, -5, 7));
    CHECK_EQUAL(7, kshot_quantized_s8(8, 0, -5, 7));
    CHECK_EQUAL(7, kshot_quantized_s8(INT32_MAX, 127, -5, 7));
}

CHECK_MAIN(ENTRY(multiply_high_rounds_halves_upwards), ENTRY(multiply_high_saturates),
           ENTRY(divide_by_power_rounds_halves_away_from_zero), ENTRY(requantize_rounds_twice),
           ENTRY(requantize_shifts_left_before_rounding), ENTRY(quantized_keeps_both_limits))
