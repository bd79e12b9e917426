/* SPDX-License-Identifier: Apache-2.0 */
/* From sums to outputs, four at a time. */
#ifndef KSHOT_HELIUM_OUTPUTS_H
#define KSHOT_HELIUM_OUTPUTS_H

#include "kshot_helium_vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What all outputs of a layer share. */
typedef struct kshot_helium_range {
    kshot_words low, high;
    int32_t zero_point;
} kshot_helium_range;

static inline kshot_helium_range kshot_helium_range_of(int32_t zero_point, int32_t low, int32_t high)
{
    const kshot_helium_range range = {kshot_words_fill(low), kshot_words_fill(high), zero_point};
    return range;
}

static inline kshot_words kshot_helium_limit(const kshot_helium_range *range, kshot_words values)
{
    values = kshot_words_add_each(values, range->zero_point);
    return kshot_words_min(kshot_words_max(values, range->low), range->high);
}

/* kshot_requantize() with a right shift of at least 1, its exponent negated, then zero point and limits. Halves go
 * upwards in the shift of the processor, so values below 0 are lowered by one before. */
static inline kshot_words kshot_helium_requantize(const kshot_helium_range *range, kshot_words sums,
                                                  kshot_words multiplier, kshot_words exponent)
{
    kshot_words values = kshot_words_multiply_high(sums, multiplier);
    values = kshot_words_add(values, kshot_words_sign(values));
    return kshot_helium_limit(range, kshot_words_shift(values, exponent));
}

/* The same with one scale for four outputs. */
static inline kshot_words kshot_helium_requantize_each(const kshot_helium_range *range, kshot_words sums,
                                                       int32_t multiplier, int32_t exponent)
{
    kshot_words values = kshot_words_multiply_high_each(sums, multiplier);
    values = kshot_words_add(values, kshot_words_sign(values));
    return kshot_helium_limit(range, kshot_words_shift_each(values, exponent));
}

#ifdef __cplusplus
}
#endif
#endif
