/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products of one pixel with four output channels, bytes without a sign: inputs from `inputs` to `end`, a multiple
 * of four and at least four, weights as in kshot_scalar_s8.h. Sums wrap. Returns the next four channels' weights. */
#ifndef KSHOT_SCALAR_DOT_H
#define KSHOT_SCALAR_DOT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__thumb__) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) &&                         \
    !defined(__OPTIMIZE_SIZE__)

/* The loop needs all eight registers that 16-bit instructions reach, and the compiler would spill some in its middle.
 */
#if __ARM_ARCH_ISA_THUMB == 1
#define KSHOT_SCALAR_ADD(sum, at)                                                                                      \
    "ldrb %[w], [%[weights], #" at "]\n\t"                                                                             \
    "muls %[w], %[x]\n\t"                                                                                              \
    "adds %[" sum "], %[w]\n\t"
#else
#define KSHOT_SCALAR_ADD(sum, at)                                                                                      \
    "ldrb %[w], [%[weights], #" at "]\n\t"                                                                             \
    "mla %[" sum "], %[w], %[x], %[" sum "]\n\t"
#endif
#define KSHOT_SCALAR_INPUT(at, w0, w1, w2, w3)                                                                         \
    "ldrb %[x], [%[inputs], #" at "]\n\t" KSHOT_SCALAR_ADD("sum0", w0) KSHOT_SCALAR_ADD("sum1", w1)                    \
        KSHOT_SCALAR_ADD("sum2", w2) KSHOT_SCALAR_ADD("sum3", w3)

/* A frame pointer would take one of the registers. */
__attribute__((noinline, unused, optimize("O2", "omit-frame-pointer"))) static const uint8_t *
kshot_scalar_add_quads(const uint8_t *weights, const uint8_t *inputs, const uint8_t *end, uint32_t *sums)
{
    uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3], x, w;

    __asm__ volatile(".syntax unified\n"
                     "1:\n\t" KSHOT_SCALAR_INPUT("0", "0", "1", "2", "3") KSHOT_SCALAR_INPUT("1", "4", "5", "6", "7")
                         KSHOT_SCALAR_INPUT("2", "8", "9", "10", "11")
                             KSHOT_SCALAR_INPUT("3", "12", "13", "14", "15") "adds %[inputs], #4\n\t"
                                                                             "adds %[weights], #16\n\t"
                                                                             "cmp %[inputs], %[end]\n\t"
                                                                             "bne 1b"
                     : [sum0] "+&l"(sum0), [sum1] "+&l"(sum1), [sum2] "+&l"(sum2), [sum3] "+&l"(sum3),
                       [inputs] "+&l"(inputs), [weights] "+&l"(weights), [x] "=&l"(x), [w] "=&l"(w)
                     : [end] "h"(end)
                     : "cc", "memory");
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return weights;
}

#undef KSHOT_SCALAR_ADD
#undef KSHOT_SCALAR_INPUT

#else

static inline const uint8_t *kshot_scalar_add_quads(const uint8_t *weights, const uint8_t *inputs, const uint8_t *end,
                                                    uint32_t *sums)
{
    uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];

    for (; inputs != end; inputs += 4, weights += 16) {
        uint32_t value = inputs[0];
        sum0 += value * weights[0];
        sum1 += value * weights[1];
        sum2 += value * weights[2];
        sum3 += value * weights[3];
        value = inputs[1];
        sum0 += value * weights[4];
        sum1 += value * weights[5];
        sum2 += value * weights[6];
        sum3 += value * weights[7];
        value = inputs[2];
        sum0 += value * weights[8];
        sum1 += value * weights[9];
        sum2 += value * weights[10];
        sum3 += value * weights[11];
        value = inputs[3];
        sum0 += value * weights[12];
        sum1 += value * weights[13];
        sum2 += value * weights[14];
        sum3 += value * weights[15];
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return weights;
}

#endif

#ifdef __cplusplus
}
#endif
#endif
