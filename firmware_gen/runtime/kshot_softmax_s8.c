/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax in fixed point, with the polynomials and roundings of gemmlowp, which TensorFlow Lite's int8 kernels use.
 * "Qm" below means m integer bits: a real number times 2^(31 - m), held in an int32_t. */
#include "kshot_fixed_point.h"
#include "kshot_kernels_s8.h"

#define DIFFERENCE_INTEGER_BITS 5 /* of a scaled difference to the row's maximum */
#define SUM_INTEGER_BITS 12       /* of a row's sum of exponentials */

static int32_t saturating_shift_left(int32_t value, int32_t exponent)
{
    const int64_t wide = (int64_t)value * ((int64_t)1 << exponent);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* exp(a) for a in [-1/4, 0), Q0 -> Q0: Taylor's series of degree four around -1/8. */
static int32_t exp_of_quarter(int32_t a)
{
    const int32_t exp_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t x = a + ((int32_t)1 << 28);
    const int32_t x2 = kshot_multiply_high(x, x);
    const int32_t x3 = kshot_multiply_high(x2, x);
    const int32_t x4 = kshot_multiply_high(x2, x2);
    const int32_t higher = kshot_multiply_high(kshot_divide_by_power(x4, 2) + x3, third) + x2;
    return exp_minus_eighth + kshot_multiply_high(exp_minus_eighth, x + kshot_divide_by_power(higher, 1));
}

/* exp(a) for a in [-32, 0], Q5 -> Q0: of the remainder modulo a quarter by the series, of the rest bit by bit, a factor
 * exp(-2^k) each. */
static int32_t exp_of_difference(int32_t a)
{
    static const int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t fraction_bits = 31 - DIFFERENCE_INTEGER_BITS;
    const int32_t quarter = (int32_t)1 << (fraction_bits - 2);
    const int32_t remainder = (a & (quarter - 1)) - quarter;
    const uint32_t quarters = (uint32_t)(remainder - a) >> (fraction_bits - 2);
    int32_t result;

    if (a == 0) {
        return INT32_MAX;
    }
    result = exp_of_quarter(saturating_shift_left(remainder, DIFFERENCE_INTEGER_BITS));
    for (uint32_t bit = 0; bit < sizeof factors / sizeof factors[0]; bit++) {
        if ((quarters >> bit & 1u) != 0) {
            result = kshot_multiply_high(result, factors[bit]);
        }
    }
    return result;
}

/* 1 / (1 + a) for a in [0, 1), Q0 -> Q0: three Newton steps on d = (1 + a) / 2 from 48/17 - 32/17 d. */
static int32_t reciprocal_of_one_plus(int32_t a)
{
    const int32_t one_q2 = (int32_t)1 << 29;
    const int32_t denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + kshot_multiply_high(denominator, -1010580540);
    for (int step = 0; step < 3; step++) {
        const int32_t error = one_q2 - kshot_multiply_high(denominator, x);
        x += saturating_shift_left(kshot_multiply_high(x, error), 2);
    }
    return saturating_shift_left(x, 1);
}

static int32_t leading_zeros(uint32_t value)
{
    int32_t count = 32;
    while (value != 0) {
        value >>= 1;
        count--;
    }
    return count;
}

static void softmax_row(const kshot_softmax_s8 *softmax, const int8_t *input, int8_t *output)
{
    int32_t largest = INT8_MIN;
    int32_t sum = 0;

    for (uint32_t i = 0; i < softmax->row_len; i++) {
        largest = kshot_max(largest, input[i]);
    }
    for (uint32_t i = 0; i < softmax->row_len; i++) {
        const int32_t difference = input[i] - largest;
        if (difference >= softmax->diff_min) {
            const int32_t scaled = kshot_requantize(difference, softmax->multiplier, -softmax->left_shift);
            sum += kshot_divide_by_power(exp_of_difference(scaled), SUM_INTEGER_BITS);
        }
    }

    /* sum = (1 + a) * 2^integer_bits, so that 1 / sum is the reciprocal of 1 + a and a shift */
    const int32_t zeros = leading_zeros((uint32_t)sum);
    const int32_t integer_bits = SUM_INTEGER_BITS - zeros;
    const int32_t reciprocal = reciprocal_of_one_plus((int32_t)(((uint32_t)sum << zeros) - ((uint32_t)1 << 31)));

    for (uint32_t i = 0; i < softmax->row_len; i++) {
        const int32_t difference = input[i] - largest;
        int32_t value = 0;
        if (difference >= softmax->diff_min) {
            const int32_t scaled = kshot_requantize(difference, softmax->multiplier, -softmax->left_shift);
            const int32_t share = kshot_multiply_high(reciprocal, exp_of_difference(scaled));
            value = kshot_divide_by_power(share, integer_bits + 31 - 8);
        }
        output[i] = kshot_quantized_s8(value, INT8_MIN, INT8_MIN, INT8_MAX);
    }
}

void kshot_softmax_rows_s8(const kshot_softmax_s8 *softmax, const int8_t *input, int8_t *output)
{
    for (uint32_t row = 0; row < softmax->rows; row++) {
        softmax_row(softmax, input, output);
        input += softmax->row_len;
        output += softmax->row_len;
    }
}
