/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_fixed_point.h"
#include "kshot_kernels_s8.h"

void kshot_mean_hw_s8(const kshot_mean_s8 *mean, const int8_t *input, int8_t *output)
{
    const uint32_t pixels = (uint32_t)mean->input.height * mean->input.width;
    const uint32_t channels = mean->input.channels;

    for (uint32_t channel = 0; channel < channels; channel++) {
        const int8_t *value = input + channel;
        int32_t sum = 0;
        for (uint32_t i = 0; i < pixels; i++, value += channels) {
            sum += *value - mean->input_zero_point;
        }
        sum = kshot_requantize(sum, mean->multiplier, mean->shift);
        output[channel] = kshot_quantized_s8(sum, mean->output_zero_point, INT8_MIN, INT8_MAX);
    }
}
