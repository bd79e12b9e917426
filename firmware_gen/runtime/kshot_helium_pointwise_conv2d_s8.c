/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include "kshot_helium_pixels.h"

void kshot_helium_pointwise_conv2d_s8(const kshot_helium_conv_s8 *conv, const int8_t *input, int8_t *output)
{
    const uint32_t width = conv->output.width, len = conv->input.channels;
    const uint32_t column_step = conv->window.stride_width * len;
    const uint32_t row_step = conv->window.stride_height * conv->input.width * len;
    const int8_t *pixels[KSHOT_HELIUM_PIXELS];
    const int8_t *row = input;
    uint32_t x = 0;

    for (uint32_t left = width * conv->output.height; left > 0;) {
        const uint32_t count = left < KSHOT_HELIUM_PIXELS ? left : KSHOT_HELIUM_PIXELS;
        for (uint32_t i = count; i < KSHOT_HELIUM_PIXELS; i++) {
            pixels[i] = row + x * column_step;
        }
        for (uint32_t i = 0; i < count; i++) {
            pixels[i] = row + x * column_step;
            if (++x == width) {
                x = 0;
                row += row_step;
            }
        }
        kshot_helium_convolve_pixels(conv, len, pixels, count, output);
        output += count * conv->output.channels;
        left -= count;
    }
}
#else
typedef int kshot_helium_pointwise_conv2d_s8_is_left_out; /* a file must not be empty */
#endif
