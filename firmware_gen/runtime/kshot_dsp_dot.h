/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products of one or two pixels' columns with four output channels, from the words of kshot_dsp_s8.h.
 *
 * A column holds a pixel's inputs widened to 16 bits: for each quad the pair of inputs 0 and 2, then that of 1 and 3.
 * Columns of two pixels alternate word by word. Sums wrap; those of 256 * even channel + odd channel need no more than
 * 32 bits once the odd one is taken away. */
#ifndef KSHOT_DSP_DOT_H
#define KSHOT_DSP_DOT_H

#include "kshot_dsp_instructions.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sums of channels 0 and 1 together, of 1, of 2 and 3 together, of 3. */
typedef struct kshot_dsp_sums {
    int32_t both01, only1, both23, only3;
} kshot_dsp_sums;

/* The four sums, doubled. */
static inline int32_t kshot_dsp_doubled_even(int32_t both, int32_t odd)
{
    return (int32_t)((uint32_t)both - (uint32_t)odd) >> 7;
}

static inline void kshot_dsp_add_pair(const uint32_t *weights, uint32_t inputs, kshot_dsp_sums *sums)
{
    sums->both01 = kshot_smlad(weights[0], inputs, sums->both01);
    sums->only1 = kshot_smlad(kshot_sxtb16(weights[0]), inputs, sums->only1);
    sums->both23 = kshot_smlad(weights[1], inputs, sums->both23);
    sums->only3 = kshot_smlad(kshot_sxtb16(weights[1]), inputs, sums->only3);
}

/* One pixel. Returns the next four channels' weights. */
static inline const uint32_t *kshot_dsp_dot_1(const uint32_t *weights, const uint32_t *column, uint32_t quads,
                                              kshot_dsp_sums *sums)
{
    for (const uint32_t *const end = column + 2 * quads; column != end; column += 2, weights += 4) {
        kshot_dsp_add_pair(weights, column[0], sums);
        kshot_dsp_add_pair(weights + 2, column[1], sums);
    }
    return weights;
}

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) &&                 \
    !defined(__OPTIMIZE_SIZE__)

/* The loop holds 14 values, as many as there are registers, so the compiler would spill some in its middle. */
#define KSHOT_DSP_PAIR                                                                                                 \
    "ldrd %[x0], %[x1], [%[column]], #8\n\t"                                                                           \
    "ldrd %[w0], %[w1], [%[weights]], #8\n\t"                                                                          \
    "smlad %[p01], %[w0], %[x0], %[p01]\n\t"                                                                           \
    "smlad %[q01], %[w0], %[x1], %[q01]\n\t"                                                                           \
    "smlad %[p23], %[w1], %[x0], %[p23]\n\t"                                                                           \
    "smlad %[q23], %[w1], %[x1], %[q23]\n\t"                                                                           \
    "sxtb16 %[w0], %[w0]\n\t"                                                                                          \
    "sxtb16 %[w1], %[w1]\n\t"                                                                                          \
    "smlad %[p1], %[w0], %[x0], %[p1]\n\t"                                                                             \
    "smlad %[q1], %[w0], %[x1], %[q1]\n\t"                                                                             \
    "smlad %[p3], %[w1], %[x0], %[p3]\n\t"                                                                             \
    "smlad %[q3], %[w1], %[x1], %[q3]\n\t"
#define KSHOT_DSP_OPERANDS                                                                                             \
    [p01] "+&r"(p01), [q01] "+&r"(q01), [p1] "+&r"(p1), [q1] "+&r"(q1), [p23] "+&r"(p23), [q23] "+&r"(q23),            \
        [p3] "+&r"(p3), [q3] "+&r"(q3), [column] "+&r"(column), [weights] "+&r"(weights), [x0] "=&r"(x0),              \
        [x1] "=&r"(x1), [w0] "=&r"(w0), [w1] "=&r"(w1)

/* A frame pointer would take one of the registers, whatever the flags of the build say. */
__attribute__((noinline, unused, optimize("O2", "omit-frame-pointer"))) static const uint32_t *
kshot_dsp_dot_2(const uint32_t *weights, const uint32_t *column, uint32_t quads, kshot_dsp_sums *p, kshot_dsp_sums *q)
{
    const uint32_t *const end = column + 4 * quads;
    int32_t p01 = p->both01, p1 = p->only1, p23 = p->both23, p3 = p->only3;
    int32_t q01 = q->both01, q1 = q->only1, q23 = q->both23, q3 = q->only3;
    uint32_t x0, x1, w0, w1;

    if (quads & 1) {
        __asm__ volatile(KSHOT_DSP_PAIR KSHOT_DSP_PAIR : KSHOT_DSP_OPERANDS : : "memory");
    }
    if (column != end) {
        __asm__ volatile("1:\n\t" KSHOT_DSP_PAIR KSHOT_DSP_PAIR KSHOT_DSP_PAIR KSHOT_DSP_PAIR "ldr %[x0], %[end]\n\t"
                         "cmp %[column], %[x0]\n\t"
                         "bne 1b"
                         : KSHOT_DSP_OPERANDS
                         : [end] "m"(end)
                         : "cc", "memory");
    }
    *p = (kshot_dsp_sums){p01, p1, p23, p3};
    *q = (kshot_dsp_sums){q01, q1, q23, q3};
    return weights;
}

#undef KSHOT_DSP_PAIR
#undef KSHOT_DSP_OPERANDS

#else

/* Two pixels. Returns the next four channels' weights. */
static inline const uint32_t *kshot_dsp_dot_2(const uint32_t *weights, const uint32_t *column, uint32_t quads,
                                              kshot_dsp_sums *p, kshot_dsp_sums *q)
{
    for (const uint32_t *const end = column + 4 * quads; column != end; column += 4, weights += 4) {
        kshot_dsp_add_pair(weights, column[0], p);
        kshot_dsp_add_pair(weights, column[1], q);
        kshot_dsp_add_pair(weights + 2, column[2], p);
        kshot_dsp_add_pair(weights + 2, column[3], q);
    }
    return weights;
}

#endif

#ifdef __cplusplus
}
#endif
#endif
