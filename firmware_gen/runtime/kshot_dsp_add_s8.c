/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_DSP

#include "kshot_dsp_instructions.h"
#include "kshot_dsp_outputs.h"
#include "kshot_dsp_s8.h"

#define DOUBLED_SHIFT 21 /* left_shift is 20; the high multiplication wants a doubled value */

/* One input on its way to the common scale. */
typedef struct {
    int32_t zero, multiplier, half, negative; /* the zero point shifted; half a step of the last division; -1 if any */
    uint32_t shift;
} operand;

static operand operand_of(int32_t zero_point, int32_t multiplier, int32_t shift)
{
    const operand prepared = {
        .zero = (int32_t)((uint32_t)zero_point << DOUBLED_SHIFT),
        .multiplier = multiplier,
        .half = shift > 0 ? (int32_t)1 << (shift - 1) : 0,
        .negative = shift > 0 ? -1 : 0,
        .shift = (uint32_t)shift,
    };
    return prepared;
}

static inline int32_t rescaled(const operand *from, int32_t value)
{
    const int32_t doubled = (int32_t)((uint32_t)value << DOUBLED_SHIFT) - from->zero;
    int32_t scaled = kshot_smmulr(doubled, from->multiplier);
    scaled += (scaled >> 31) & from->negative;
    return (scaled + from->half) >> from->shift;
}

void kshot_dsp_elementwise_add_s8(const kshot_add_s8 *add, const int8_t *input1, const int8_t *input2, int8_t *output)
{
    const operand first = operand_of(add->input1_zero_point, add->input1_multiplier, add->input1_shift);
    const operand second = operand_of(add->input2_zero_point, add->input2_multiplier, add->input2_shift);
    const uint32_t shift = (uint32_t)add->output_shift - 1u;
    const int32_t rounding = (int32_t)((uint32_t)(2 * add->output_zero_point + 1) << shift);
    const int32_t multiplier = add->output_multiplier;
    const uint32_t len = add->len;

    for (uint32_t i = 0; i < len; i++) {
        const int32_t sum = rescaled(&first, input1[i]) + rescaled(&second, input2[i]);
        output[i] = (int8_t)kshot_dsp_requantize(sum * 2, multiplier, rounding, shift);
    }
    kshot_dsp_clamp(add->activation_min, add->activation_max, output, len);
}
#else
typedef int kshot_dsp_add_s8_is_left_out; /* a file must not be empty */
#endif
