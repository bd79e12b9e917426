/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include <string.h>

#include "kshot_helium_dot.h"
#include "kshot_helium_pixels.h"
#include "kshot_window.h"

/* What lies under the window, in the order of the weights; zero points outside of the image. */
static void gather_inside(const kshot_helium_conv_s8 *conv, const int8_t *input, const kshot_patch *patch,
                          int8_t *column)
{
    const kshot_window *const window = &conv->window;
    const uint32_t channels = conv->input.channels, row_len = channels * window->width;
    const uint32_t columns = (uint32_t)(patch->columns.end - patch->columns.begin);
    const uint32_t run = window->dilation_width == 1 ? columns : 1;
    const int32_t row_step = window->dilation_height * conv->input.width * conv->input.channels;
    int32_t row = kshot_tap_index(patch, window, &conv->input, patch->rows.begin, patch->columns.begin);

    memset(column, conv->input_zero_point, (size_t)row_len * window->height);
    column += (uint32_t)patch->rows.begin * row_len + (uint32_t)patch->columns.begin * channels;
    for (int32_t left = patch->rows.end - patch->rows.begin; left > 0; left--, column += row_len, row += row_step) {
        for (uint32_t i = 0; i < columns; i += run) {
            kshot_helium_copy(input + row + i * window->dilation_width * channels, run * channels,
                              column + i * channels);
        }
    }
}

/* Where a window begins if it lies inside of the image, and how its taps are copied then. */
typedef struct {
    uint32_t row_len, row_step, len;
    int in_one_vector; /* by one load, from `offsets` */
    uint8_t offsets[16];
} whole_window;

static whole_window whole_window_of(const kshot_helium_conv_s8 *conv)
{
    const kshot_window *const window = &conv->window;
    const uint32_t channels = conv->input.channels, height = window->height;
    whole_window whole = {
        .row_len = channels * window->width,
        .row_step = (uint32_t)window->dilation_height * conv->input.width * channels,
    };

    whole.len = whole.row_len * height;
    whole.in_one_vector = whole.len <= sizeof whole.offsets && window->dilation_width == 1 &&
                          (height - 1) * whole.row_step + whole.row_len <= UINT8_MAX + 1u;
    for (uint32_t i = 0; whole.in_one_vector && i < whole.len; i++) {
        whole.offsets[i] = (uint8_t)(i / whole.row_len * whole.row_step + i % whole.row_len);
    }
    return whole;
}

static inline void gather_whole(const whole_window *whole, const int8_t *taps, int8_t *column)
{
    if (whole->in_one_vector) {
        const kshot_bytes inputs = kshot_bytes_gather(taps, whole->offsets, (uint16_t)((1u << whole->len) - 1u));
        kshot_bytes_store_first(column, inputs, whole->len);
        return;
    }
    for (const int8_t *const end = column + whole->len; column != end; column += whole->row_len) {
        kshot_helium_copy(taps, whole->row_len, column);
        taps += whole->row_step;
    }
}

/* One pixel; `rows` are the taps inside of the image. */
static inline void gather_pixel(const kshot_helium_conv_s8 *conv, const whole_window *whole, const int8_t *input,
                                const kshot_taps *rows, uint32_t x, int8_t *column)
{
    const kshot_window *const window = &conv->window;
    const int32_t first = (int32_t)(x * window->stride_width) - window->pad_left;

    if (window->dilation_width == 1 && rows->end - rows->begin == window->height && first >= 0 &&
        first + window->width <= conv->input.width) {
        const uint32_t pixel = (uint32_t)rows->first * conv->input.width + (uint32_t)first;
        gather_whole(whole, input + pixel * conv->input.channels, column);
    } else {
        const kshot_patch patch = {
            *rows,
            kshot_taps_inside(first, window->dilation_width, window->width, conv->input.width),
        };
        gather_inside(conv, input, &patch, column);
    }
}

void kshot_helium_conv2d_s8(const kshot_helium_conv_s8 *conv, const int8_t *input, int8_t *output, void *scratch)
{
    const kshot_window *const window = &conv->window;
    const uint32_t width = conv->output.width;
    const whole_window whole = whole_window_of(conv);
    const uint32_t len = whole.len;
    int8_t *const columns = scratch;
    kshot_taps rows = kshot_patch_at(window, &conv->input, 0, 0).rows;
    uint32_t y = 0, x = 0;

    for (uint32_t left = width * conv->output.height; left > 0;) {
        const uint32_t count = left < KSHOT_HELIUM_PIXELS ? left : KSHOT_HELIUM_PIXELS;
        const int8_t *const pixels[KSHOT_HELIUM_PIXELS] = {
            columns,
            count > 1 ? columns + len : columns,
            count > 2 ? columns + 2 * len : columns,
        };
        for (uint32_t i = 0; i < count; i++) {
            gather_pixel(conv, &whole, input, &rows, x, columns + i * len);
            if (++x == width) {
                x = 0;
                y++;
                rows = kshot_patch_at(window, &conv->input, (int32_t)y, 0).rows;
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
