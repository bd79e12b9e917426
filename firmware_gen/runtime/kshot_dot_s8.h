/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products for convolution and fully connected layers: one run of inputs against one or four rows of weights.
 *
 * An input less its zero point fits 16 bits. Saying so lets compilers multiply 16 by 16 bits, on x86 eight at once. */
#ifndef KSHOT_DOT_S8_H
#define KSHOT_DOT_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rows that share a pass: each input is loaded and freed of its zero point once for all of them. */
#define KSHOT_DOT_ROWS 4

/* sums[0] += sum of (input[i] - zero_point) * weights[i] for i < len. */
static inline void kshot_dot_1_s8(const int8_t *input, const int8_t *weights, uint32_t len, int32_t zero_point,
                                  int32_t *sums)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < len; i++) {
        const int16_t value = (int16_t)(input[i] - zero_point);
        sum += value * weights[i];
    }
    sums[0] += sum;
}

/* The same for four rows of weights, `stride` apart. */
static inline void kshot_dot_4_s8(const int8_t *input, const int8_t *weights, uint32_t stride, uint32_t len,
                                  int32_t zero_point, int32_t *sums)
{
    const int8_t *const row0 = weights;
    const int8_t *const row1 = row0 + stride;
    const int8_t *const row2 = row1 + stride;
    const int8_t *const row3 = row2 + stride;
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (uint32_t i = 0; i < len; i++) {
        const int16_t value = (int16_t)(input[i] - zero_point);
        sum0 += value * row0[i];
        sum1 += value * row1[i];
        sum2 += value * row2[i];
        sum3 += value * row3[i];
    }
    sums[0] += sum0;
    sums[1] += sum1;
    sums[2] += sum2;
    sums[3] += sum3;
}

#ifdef __cplusplus
}
#endif
#endif
