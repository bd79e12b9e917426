/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "kshot_fixed_point.h"
#include "kshot_kernels_s8.h"
#include "kshot_window.h"

/* Output channels summed at a time: as many as their sums may take of the stack. */
#define BLOCK_LEN 32

/* One tap, one input channel per output channel. */
static void accumulate_tap(const int8_t *input, const int8_t *weights, uint32_t len, int32_t zero_point, int32_t *sums)
{
    for (uint32_t i = 0; i < len; i++) {
        sums[i] += (input[i] - zero_point) * weights[i];
    }
}

/* One tap, `multiplier` output channels for each input channel; `channel` is the first output channel. */
static void accumulate_shared_tap(const int8_t *input, const int8_t *weights, uint32_t channel, uint32_t len,
                                  uint32_t multiplier, int32_t zero_point, int32_t *sums)
{
    uint32_t used = channel % multiplier;
    input += channel / multiplier;
    for (uint32_t i = 0; i < len; i++) {
        sums[i] += (*input - zero_point) * weights[i];
        if (++used == multiplier) {
            used = 0;
            input++;
        }
    }
}

/* Adds the sums of output channels channel .. channel + len - 1 over one patch. */
static void accumulate(const kshot_conv_s8 *conv, const kshot_patch *patch, const int8_t *input, uint32_t channel,
                       uint32_t len, int32_t *sums)
{
    const kshot_window *const window = &conv->window;

    for (int32_t y = patch->rows.begin; y < patch->rows.end; y++) {
        for (int32_t x = patch->columns.begin; x < patch->columns.end; x++) {
            const int8_t *const pixel = input + kshot_tap_index(patch, window, &conv->input, y, x);
            const int8_t *const weights = conv->weights + (y * window->width + x) * conv->output.channels + channel;
            if (conv->depth_multiplier == 1) {
                accumulate_tap(pixel + channel, weights, len, conv->input_zero_point, sums);
            } else {
                accumulate_shared_tap(pixel, weights, channel, len, conv->depth_multiplier, conv->input_zero_point,
                                      sums);
            }
        }
    }
}

static void convolve_pixel(const kshot_conv_s8 *conv, const kshot_patch *patch, const int8_t *input, int8_t *output)
{
    const kshot_requantization *const scale = &conv->requantization;
    const uint32_t channels = conv->output.channels;

    for (uint32_t channel = 0; channel < channels; channel += BLOCK_LEN) {
        const uint32_t len = channels - channel < BLOCK_LEN ? channels - channel : BLOCK_LEN;
        int32_t sums[BLOCK_LEN] = {0};
        accumulate(conv, patch, input, channel, len, sums);
        for (uint32_t i = channel; i < channel + len; i++) {
            const int32_t sum = sums[i - channel] + (conv->bias != NULL ? conv->bias[i] : 0);
            const int32_t value = kshot_requantize(sum, scale->multiplier[i], scale->shift[i]);
            output[i] = kshot_quantized_s8(value, conv->output_zero_point, conv->activation_min, conv->activation_max);
        }
    }
}

void kshot_depthwise_conv2d_s8(const kshot_conv_s8 *conv, const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < conv->output.height; y++) {
        for (int32_t x = 0; x < conv->output.width; x++) {
            const kshot_patch patch = kshot_patch_at(&conv->window, &conv->input, y, x);
            convolve_pixel(conv, &patch, input, output);
            output += conv->output.channels;
        }
    }
}
