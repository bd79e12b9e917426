/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include "kshot_helium_dot.h"
#include "kshot_helium_outputs.h"
#include "kshot_helium_pixels.h"

void kshot_helium_convolve_pixels(const kshot_helium_conv_s8 *conv, uint32_t len, const int8_t *const *pixels,
                                  uint32_t count, int8_t *output)
{
    const kshot_helium_range range =
        kshot_helium_range_of(conv->output_zero_point, conv->activation_min, conv->activation_max);
    const kshot_helium_channels *group = conv->channels;
    const int8_t *weights = conv->weights;
    const uint32_t channels = conv->output.channels;

    for (uint32_t done = 0; done < channels; done += 4, group++, weights += 4 * len) {
        int32_t sums[KSHOT_HELIUM_PIXELS][4];
        int8_t *pixel = output + done;
        kshot_helium_dot_2x3(weights, len, pixels, group->start, &sums[0][0]);
        kshot_helium_dot_2x3(weights + 2 * len, len, pixels, group->start + 2, &sums[0][2]);
        const kshot_words multiplier = kshot_words_load(group->multiplier);
        const kshot_words exponent = kshot_words_widen(group->exponent);
        for (uint32_t i = 0; i < count; i++, pixel += channels) {
            const kshot_words values = kshot_helium_requantize(&range, kshot_words_load(sums[i]), multiplier, exponent);
            kshot_words_narrow_first(pixel, values, channels - done);
        }
    }
}
#else
typedef int kshot_helium_pixels_is_left_out; /* a file must not be empty */
#endif
