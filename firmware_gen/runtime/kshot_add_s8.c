/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_fixed_point.h"
#include "kshot_kernels_s8.h"

void kshot_elementwise_add_s8(const kshot_add_s8 *add, const int8_t *input1, const int8_t *input2, int8_t *output)
{
    for (uint32_t i = 0; i < add->len; i++) {
        const int32_t raised1 = kshot_shift_left(input1[i] - add->input1_zero_point, add->left_shift);
        const int32_t raised2 = kshot_shift_left(input2[i] - add->input2_zero_point, add->left_shift);
        const int32_t sum = kshot_requantize(raised1, add->input1_multiplier, add->input1_shift) +
                            kshot_requantize(raised2, add->input2_multiplier, add->input2_shift);
        const int32_t value = kshot_requantize(sum, add->output_multiplier, add->output_shift);
        output[i] = kshot_quantized_s8(value, add->output_zero_point, add->activation_min, add->activation_max);
    }
}
