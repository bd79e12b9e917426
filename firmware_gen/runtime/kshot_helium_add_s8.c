/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include "kshot_helium_outputs.h"
#include "kshot_helium_s8.h"

#define LEFT_SHIFT 20

/* One input on its way to the common scale. */
typedef struct {
    kshot_words lowers; /* -1 where values below 0 are lowered before the shift, which is where there is one */
    int32_t zero, multiplier, exponent;
} operand;

static operand operand_of(int32_t zero_point, int32_t multiplier, int32_t shift)
{
    const operand prepared = {
        .lowers = kshot_words_fill(shift > 0 ? -1 : 0),
        .zero = -zero_point,
        .multiplier = multiplier,
        .exponent = -shift,
    };
    return prepared;
}

static inline kshot_words rescaled(const operand *from, kshot_words values)
{
    values = kshot_words_shift_each(kshot_words_add_each(values, from->zero), LEFT_SHIFT);
    values = kshot_words_multiply_high_each(values, from->multiplier);
    values = kshot_words_add(values, kshot_words_and(kshot_words_sign(values), from->lowers));
    return kshot_words_shift_each(values, from->exponent);
}

void kshot_helium_elementwise_add_s8(const kshot_add_s8 *add, const int8_t *input1, const int8_t *input2,
                                     int8_t *output)
{
    const operand first = operand_of(add->input1_zero_point, add->input1_multiplier, add->input1_shift);
    const operand second = operand_of(add->input2_zero_point, add->input2_multiplier, add->input2_shift);
    const kshot_helium_range range =
        kshot_helium_range_of(add->output_zero_point, add->activation_min, add->activation_max);

    for (uint32_t i = 0; i < add->len; i += 4) {
        const uint32_t left = add->len - i;
        const kshot_words a = rescaled(&first, kshot_words_widen_first(input1 + i, left));
        const kshot_words b = rescaled(&second, kshot_words_widen_first(input2 + i, left));
        const kshot_words sum = kshot_words_add(a, b);
        const kshot_words value = kshot_helium_requantize_each(&range, sum, add->output_multiplier, -add->output_shift);
        kshot_words_narrow_first(output + i, value, left);
    }
}
#else
typedef int kshot_helium_add_s8_is_left_out; /* a file must not be empty */
#endif
