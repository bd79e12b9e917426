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

/* Four channels of one pixel whose inputs fit a vector. */
static inline kshot_words short_sums(const kshot_bytes *rows, const int8_t *pixel, uint32_t len, kshot_words start)
{
    const kshot_bytes inputs = kshot_bytes_load_first(pixel, len);
    const int32_t a = kshot_bytes_dot(rows[0], inputs), b = kshot_bytes_dot(rows[1], inputs);
    const int32_t c = kshot_bytes_dot(rows[2], inputs), d = kshot_bytes_dot(rows[3], inputs);

    return kshot_words_add(kshot_words_of(a, b, c, d), start);
}

static inline kshot_helium_sums short_dot_4x3(const int8_t *weights, uint32_t len, const int8_t *const *pixels,
                                              const int32_t *start)
{
    const kshot_words bias = kshot_words_load(start);
    const kshot_bytes rows[4] = {
        kshot_bytes_load_first(weights, len),
        kshot_bytes_load_first(weights + len, len),
        kshot_bytes_load_first(weights + 2 * len, len),
        kshot_bytes_load_first(weights + 3 * len, len),
    };
    const kshot_helium_sums sums = {
        short_sums(rows, pixels[0], len, bias),
        short_sums(rows, pixels[1], len, bias),
        short_sums(rows, pixels[2], len, bias),
    };
    return sums;
}

void kshot_helium_convolve_pixels(const kshot_helium_conv_s8 *conv, uint32_t len, const int8_t *const *pixels,
                                  uint32_t count, int8_t *output)
{
    const kshot_helium_range range =
        kshot_helium_range_of(conv->output_zero_point, conv->activation_min, conv->activation_max);
    const uint32_t channels = conv->output.channels;
    const kshot_helium_channels *group = conv->channels;
    const int8_t *weights = conv->weights;
    destinations to = {output, count > 1 ? output + channels : output, count > 2 ? output + 2 * channels : output};

    for (uint32_t done = 0; done < channels; done += 4, group++, weights += 4 * len) {
        const kshot_helium_sums sums = len <= 16 ? short_dot_4x3(weights, len, pixels, group->start)
                                                 : kshot_helium_dot_4x3(weights, len, pixels, group->start);
        store(group, &range, &sums, channels - done, &to);
        to = (destinations){to.first + 4, to.second + 4, to.third + 4};
    }
}
#else
typedef int kshot_helium_pixels_is_left_out; /* a file must not be empty */
#endif
