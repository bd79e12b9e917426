/* SPDX-License-Identifier: Apache-2.0 */
/* The inline arithmetic of kshot_fixed_point.h as functions over arrays, for comparison with its NumPy twin. */
#include "kshot_fixed_point.h"

void batch_multiply_high(uint32_t len, const int32_t *a, const int32_t *b, int32_t *out);
void batch_divide_by_power(uint32_t len, const int32_t *value, const int32_t *exponent, int32_t *out);
void batch_requantize(uint32_t len, const int32_t *value, const int32_t *multiplier, const int32_t *shift,
                      int32_t *out);

void batch_multiply_high(uint32_t len, const int32_t *a, const int32_t *b, int32_t *out)
{
    for (uint32_t i = 0; i < len; i++) {
        out[i] = kshot_multiply_high(a[i], b[i]);
    }
}

void batch_divide_by_power(uint32_t len, const int32_t *value, const int32_t *exponent, int32_t *out)
{
    for (uint32_t i = 0; i < len; i++) {
        out[i] = kshot_divide_by_power(value[i], exponent[i]);
    }
}

void batch_requantize(uint32_t len, const int32_t *value, const int32_t *multiplier, const int32_t *shift, int32_t *out)
{
    for (uint32_t i = 0; i < len; i++) {
        out[i] = kshot_requantize(value[i], multiplier[i], shift[i]);
    }
}
