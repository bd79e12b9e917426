/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include "kshot_helium_dot.h"
#include "kshot_helium_outputs.h"
#include "kshot_helium_s8.h"

void kshot_helium_fully_connected_s8(const kshot_helium_dense_s8 *dense, const int8_t *input, int8_t *output)
{
    const kshot_helium_range range =
        kshot_helium_range_of(dense->output_zero_point, dense->activation_min, dense->activation_max);
    const kshot_helium_channels *group = dense->channels;
    const int8_t *weights = dense->weights;

    for (uint32_t done = 0; done < dense->output_len; done += 4, group++, weights += 4 * dense->input_len) {
        const kshot_words sums = kshot_helium_dot_4x1(weights, dense->input_len, input, group->start);
        const kshot_words values = kshot_helium_requantize(&range, sums, kshot_words_load(group->multiplier),
                                                           kshot_words_widen(group->exponent));
        kshot_words_narrow_first(output + done, values, dense->output_len - done);
    }
}
#else
typedef int kshot_helium_fully_connected_s8_is_left_out; /* a file must not be empty */
#endif
