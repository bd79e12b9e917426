/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include "kshot_fixed_point.h"
#include "kshot_helium_block.h"
#include "kshot_helium_s8.h"

void kshot_helium_mean_hw_s8(const kshot_mean_s8 *mean, const int8_t *input, int8_t *output)
{
    const int32_t pixels = mean->input.height * mean->input.width;
    const kshot_block block = {.rows = 1, .columns = pixels, .column_step = mean->input.channels};

    for (uint32_t left = mean->input.channels; left > 0; input += 4) {
        const uint32_t len = left < 4 ? left : 4;
        int32_t sums[4];
        kshot_words_store(
            sums, kshot_words_add_each(kshot_helium_block_sum(&block, input, len), -pixels * mean->input_zero_point));
        for (uint32_t i = 0; i < len; i++) {
            const int32_t value = kshot_requantize(sums[i], mean->multiplier, mean->shift);
            *output++ = kshot_quantized_s8(value, mean->output_zero_point, INT8_MIN, INT8_MAX);
        }
        left -= len;
    }
}
#else
typedef int kshot_helium_mean_s8_is_left_out; /* a file must not be empty */
#endif
