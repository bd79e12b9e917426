/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "kshot_dot_s8.h"
#include "kshot_fixed_point.h"
#include "kshot_kernels_s8.h"

void kshot_fully_connected_s8(const kshot_dense_s8 *dense, const int8_t *input, int8_t *output)
{
    const kshot_requantization *const scale = &dense->requantization;
    const int8_t *weights = dense->weights;
    uint32_t count;

    for (uint32_t first = 0; first < dense->output_len; first += count) {
        int32_t sums[KSHOT_DOT_ROWS] = {0};
        if (dense->output_len - first >= KSHOT_DOT_ROWS) {
            count = KSHOT_DOT_ROWS;
            kshot_dot_4_s8(input, weights, dense->input_len, dense->input_len, dense->input_zero_point, sums);
        } else {
            count = 1;
            kshot_dot_1_s8(input, weights, dense->input_len, dense->input_zero_point, sums);
        }
        weights += (size_t)count * dense->input_len;
        for (uint32_t i = first; i < first + count; i++) {
            const int32_t sum = sums[i - first] + (dense->bias != NULL ? dense->bias[i] : 0);
            const int32_t value = kshot_requantize(sum, scale->multiplier[i], scale->shift[i]);
            output[i] =
                kshot_quantized_s8(value, dense->output_zero_point, dense->activation_min, dense->activation_max);
        }
    }
}
