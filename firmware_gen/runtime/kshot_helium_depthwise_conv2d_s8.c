/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include "kshot_helium_outputs.h"
#include "kshot_helium_s8.h"
#include "kshot_window.h"

/* Four output channels of one pixel: where their inputs stand in a pixel of the image, and how many of them exist. */
typedef struct {
    kshot_words inputs;
    uint32_t first, len;
} lanes;

static kshot_words bias_of(const kshot_conv_s8 *conv, const lanes *at)
{
    int32_t bias[4] = {0};

    for (uint32_t i = 0; conv->bias && i < at->len; i++) {
        bias[i] = conv->bias[at->first + i];
    }
    return kshot_words_load(bias);
}

static kshot_words sums_of(const kshot_conv_s8 *conv, const kshot_patch *patch, const lanes *at, const int8_t *input)
{
    const kshot_window *const window = &conv->window;
    const uint32_t channels = conv->output.channels;
    const int32_t step = window->dilation_width * conv->input.channels;
    kshot_words sums = bias_of(conv, at);

    for (int32_t y = patch->rows.begin; y < patch->rows.end; y++) {
        int32_t tap = kshot_tap_index(patch, window, &conv->input, y, patch->columns.begin);
        const int8_t *weights =
            conv->weights + (uint32_t)(y * window->width + patch->columns.begin) * channels + at->first;
        for (int32_t x = patch->columns.begin; x < patch->columns.end; x++, tap += step, weights += channels) {
            const kshot_words values = kshot_words_gather_first(input + tap, at->inputs, at->len);
            const kshot_words real = kshot_words_add_each(values, -conv->input_zero_point);
            sums = kshot_words_add(sums, kshot_words_multiply(real, kshot_words_widen_first(weights, at->len)));
        }
    }
    return sums;
}

/* Lanes that do not exist are computed from zeros and not stored. */
static kshot_words requantized(const kshot_conv_s8 *conv, const lanes *at, kshot_words sums)
{
    const kshot_helium_range range =
        kshot_helium_range_of(conv->output_zero_point, conv->activation_min, conv->activation_max);
    int32_t multiplier[4] = {0}, exponent[4] = {0};

    for (uint32_t i = 0; i < at->len; i++) {
        multiplier[i] = conv->requantization.multiplier[at->first + i];
        exponent[i] = -conv->requantization.shift[at->first + i];
    }
    return kshot_helium_requantize(&range, sums, kshot_words_load(multiplier), kshot_words_load(exponent));
}

void kshot_helium_depthwise_conv2d_s8(const kshot_conv_s8 *conv, const int8_t *input, int8_t *output)
{
    const uint32_t channels = conv->output.channels, multiplier = conv->depth_multiplier;

    for (int32_t y = 0; y < conv->output.height; y++) {
        for (int32_t x = 0; x < conv->output.width; x++, output += channels) {
            const kshot_patch patch = kshot_patch_at(&conv->window, &conv->input, y, x);
            for (uint32_t first = 0; first < channels; first += 4) {
                int32_t inputs[4];
                for (uint32_t i = 0; i < 4; i++) {
                    inputs[i] = (int32_t)((first + i) / multiplier);
                }
                const uint32_t left = channels - first;
                const lanes at = {kshot_words_load(inputs), first, left < 4 ? left : 4};
                const kshot_words sums = sums_of(conv, &patch, &at, input);
                kshot_words_narrow_first(output + first, requantized(conv, &at, sums), left);
            }
        }
    }
}
#else
typedef int kshot_helium_depthwise_conv2d_s8_is_left_out; /* a file must not be empty */
#endif
