/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include <string.h>

#include "kshot_helium_dot.h"
#include "kshot_helium_pixels.h"
#include "kshot_window.h"

/* What lies under the window, in the order of the weights; zero points outside of the image. */
static void gather(const kshot_helium_conv_s8 *conv, const int8_t *input, uint32_t y, uint32_t x, int8_t *column)
{
    const kshot_window *const window = &conv->window;
    const kshot_patch patch = kshot_patch_at(window, &conv->input, (int32_t)y, (int32_t)x);
    const uint32_t channels = conv->input.channels, row_len = channels * window->width;
    const uint32_t columns = (uint32_t)(patch.columns.end - patch.columns.begin);
    const uint32_t run = window->dilation_width == 1 ? columns : 1;
    const int32_t row_step = window->dilation_height * conv->input.width * conv->input.channels;

    if (columns != window->width || patch.rows.end - patch.rows.begin != window->height) {
        memset(column, conv->input_zero_point, (size_t)row_len * window->height);
    }
    int32_t row = kshot_tap_index(&patch, window, &conv->input, patch.rows.begin, patch.columns.begin);
    column += (uint32_t)patch.rows.begin * row_len + (uint32_t)patch.columns.begin * channels;
    for (int32_t tap_y = patch.rows.begin; tap_y < patch.rows.end; tap_y++, column += row_len, row += row_step) {
        for (uint32_t i = 0; i < columns; i += run) {
            kshot_helium_copy(input + row + i * window->dilation_width * channels, run * channels,
                              column + i * channels);
        }
    }
}

void kshot_helium_conv2d_s8(const kshot_helium_conv_s8 *conv, const int8_t *input, int8_t *output, void *scratch)
{
    const uint32_t width = conv->output.width;
    const uint32_t len = (uint32_t)conv->window.height * conv->window.width * conv->input.channels;
    int8_t *const columns = scratch;
    const int8_t *const pixels[KSHOT_HELIUM_PIXELS] = {columns, columns + len, columns + 2 * len};
    uint32_t y = 0, x = 0;

    for (uint32_t left = width * conv->output.height; left > 0;) {
        const uint32_t count = left < KSHOT_HELIUM_PIXELS ? left : KSHOT_HELIUM_PIXELS;
        for (uint32_t i = 0; i < count; i++) {
            gather(conv, input, y, x, columns + i * len);
            if (++x == width) {
                x = 0;
                y++;
            }
        }
        kshot_helium_convolve_pixels(conv, len, pixels, count, output);
        output += count * conv->output.channels;
        left -= count;
    }
}
#else
typedef int kshot_helium_conv2d_s8_is_left_out; /* a file must not be empty */
#endif
