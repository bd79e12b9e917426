/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "kshot_dot_s8.h"
#include "kshot_fixed_point.h"
#include "kshot_kernels_s8.h"
#include "kshot_window.h"

/* Adds `count` (1 or KSHOT_DOT_ROWS) output channels' sums over one patch. Taps that neighbour each other in a row also
 * neighbour in memory, in the image and in the weights, so that they make one run; dilation parts them. */
static void accumulate(const kshot_conv_s8 *conv, const kshot_patch *patch, const int8_t *input, uint32_t channel,
                       uint32_t count, int32_t *sums)
{
    const kshot_window *const window = &conv->window;
    const int32_t channels = conv->input.channels;
    const int32_t taps_per_run = window->dilation_width == 1 ? patch->columns.end - patch->columns.begin : 1;
    const uint32_t run_len = (uint32_t)(taps_per_run * channels);
    const uint32_t filter_len = (uint32_t)window->height * window->width * conv->input.channels;
    const int8_t *const filters = conv->weights + (size_t)channel * filter_len;

    for (int32_t y = patch->rows.begin; y < patch->rows.end; y++) {
        for (int32_t x = patch->columns.begin; x < patch->columns.end; x += taps_per_run) {
            const int8_t *const run = input + kshot_tap_index(patch, window, &conv->input, y, x);
            const int8_t *const weights = filters + (y * window->width + x) * channels;
            if (count == KSHOT_DOT_ROWS) {
                kshot_dot_4_s8(run, weights, filter_len, run_len, conv->input_zero_point, sums);
            } else {
                kshot_dot_1_s8(run, weights, run_len, conv->input_zero_point, sums);
            }
        }
    }
}

static void convolve_pixel(const kshot_conv_s8 *conv, const kshot_patch *patch, const int8_t *input, int8_t *output)
{
    const kshot_requantization *const scale = &conv->requantization;
    const uint32_t channels = conv->output.channels;
    uint32_t count;

    for (uint32_t channel = 0; channel < channels; channel += count) {
        int32_t sums[KSHOT_DOT_ROWS] = {0};
        count = channels - channel >= KSHOT_DOT_ROWS ? KSHOT_DOT_ROWS : 1;
        accumulate(conv, patch, input, channel, count, sums);
        for (uint32_t i = channel; i < channel + count; i++) {
            const int32_t sum = sums[i - channel] + (conv->bias != NULL ? conv->bias[i] : 0);
            const int32_t value = kshot_requantize(sum, scale->multiplier[i], scale->shift[i]);
            output[i] = kshot_quantized_s8(value, conv->output_zero_point, conv->activation_min, conv->activation_max);
        }
    }
}

void kshot_conv2d_s8(const kshot_conv_s8 *conv, const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < conv->output.height; y++) {
        for (int32_t x = 0; x < conv->output.width; x++) {
            const kshot_patch patch = kshot_patch_at(&conv->window, &conv->input, y, x);
            convolve_pixel(conv, &patch, input, output);
            output += conv->output.channels;
        }
    }
}
