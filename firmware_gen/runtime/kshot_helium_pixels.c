/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include "kshot_helium_dot.h"
#include "kshot_helium_outputs.h"
#include "kshot_helium_pixels.h"

/* Where the channels of each pixel go. */
typedef struct {
    int8_t *first, *second, *third;
} destinations;

/* Four channels of each pixel, `len` of which exist. */
static inline void store(const kshot_helium_channels *group, const kshot_helium_range *range,
                         const kshot_helium_sums *sums, uint32_t len, const destinations *to)
{
    const kshot_words multiplier = kshot_words_load(group->multiplier), exponent = kshot_words_widen(group->exponent);
    const kshot_words first = kshot_helium_requantize(range, sums->first, multiplier, exponent);
    const kshot_words second = kshot_helium_requantize(range, sums->second, multiplier, exponent);
    const kshot_words third = kshot_helium_requantize(range, sums->third, multiplier, exponent);

    if (len >= 4) {
        kshot_words_narrow(to->first, first);
        kshot_words_narrow(to->second, second);
        kshot_words_narrow(to->third, third);
    } else {
        kshot_words_narrow_first(to->first, first, len);
        kshot_words_narrow_first(to->second, second, len);
        kshot_words_narrow_first(to->third, third, len);
    }
}

static inline kshot_helium_sums short_dot_4x3(const int8_t *weights, uint32_t len, const int8_t *const *pixels,
                                              const int32_t *start)
{
    const kshot_helium_sums sums = kshot_helium_short_dot_4x3(weights, len, pixels);
    const kshot_words bias = kshot_words_load(start);

    return (kshot_helium_sums){
        kshot_words_add(sums.first, bias),
        kshot_words_add(sums.second, bias),
        kshot_words_add(sums.third, bias),
    };
}

/* All channels, by one of the dot products above; expanded for each, so that both loops keep what they need. */
typedef kshot_helium_sums dot_4x3(const int8_t *weights, uint32_t len, const int8_t *const *pixels,
                                  const int32_t *start);

static inline void convolve_with(dot_4x3 *dot, const kshot_helium_conv_s8 *conv, uint32_t len,
                                 const int8_t *const *pixels, destinations to)
{
    const kshot_helium_range range =
        kshot_helium_range_of(conv->output_zero_point, conv->activation_min, conv->activation_max);
    const kshot_helium_channels *group = conv->channels;
    const int8_t *weights = conv->weights, *const end = to.first + conv->output.channels;

    for (; to.first < end; group++, weights += 4 * len) {
        const kshot_helium_sums sums = dot(weights, len, pixels, group->start);
        store(group, &range, &sums, (uint32_t)(end - to.first), &to);
        to.first += 4;
        to.second += 4;
        to.third += 4;
    }
}

void kshot_helium_convolve_pixels(const kshot_helium_conv_s8 *conv, uint32_t len, const int8_t *const *pixels,
                                  uint32_t count, int8_t *output)
{
    const uint32_t channels = conv->output.channels;
    const destinations to = {
        output,
        count > 1 ? output + channels : output,
        count > 2 ? output + 2 * channels : output,
    };

    if (len <= 16) {
        convolve_with(short_dot_4x3, conv, len, pixels, to);
    } else {
        convolve_with(kshot_helium_dot_4x3, conv, len, pixels, to);
    }
}
#else
typedef int kshot_helium_pixels_is_left_out; /* a file must not be empty */
#endif
