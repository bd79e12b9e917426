/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_DSP

#include "kshot_dsp_columns.h"
#include "kshot_dsp_dot.h"
#include "kshot_dsp_outputs.h"
#include "kshot_dsp_s8.h"

/* The same zero point in both lanes. */
static uint32_t zero_pair(const kshot_dsp_conv_s8 *conv)
{
    return ((uint32_t)conv->input_zero_point & 0xFFFFu) * 0x10001u;
}

/* Where each row of taps is a whole number of quads: straight from the image, borders filled in between. */
static void gather_quads(const kshot_dsp_conv_s8 *conv, const kshot_patch *patch, const int8_t *input, uint32_t count,
                         uint32_t *column)
{
    const kshot_window *const window = &conv->window;
    const uint32_t tap_quads = conv->input.channels / 4u, row_quads = tap_quads * window->width;
    const uint32_t left = (uint32_t)patch->columns.begin * tap_quads;
    const uint32_t inside = (uint32_t)(patch->columns.end - patch->columns.begin) * tap_quads;
    const uint32_t pair = zero_pair(conv);

    for (int32_t y = 0; y < window->height; y++) {
        if (y < patch->rows.begin || y >= patch->rows.end) {
            column = kshot_dsp_fill(pair, row_quads, count, column);
            continue;
        }
        column = kshot_dsp_fill(pair, left, count, column);
        const int8_t *tap = input + kshot_tap_index(patch, window, &conv->input, y, patch->columns.begin);
        if (window->dilation_width == 1) {
            column = kshot_dsp_widen(tap, inside, count, column);
        } else {
            for (int32_t x = patch->columns.begin; x < patch->columns.end; x++) {
                column = kshot_dsp_widen(tap, tap_quads, count, column);
                tap += window->dilation_width * conv->input.channels;
            }
        }
        column = kshot_dsp_fill(pair, row_quads - left - inside, count, column);
    }
}

/* Any other row of taps: gathered as bytes first, in `bytes`. */
static void gather_bytes(const kshot_dsp_conv_s8 *conv, const kshot_patch *patch, const int8_t *input, int8_t *bytes)
{
    const kshot_window *const window = &conv->window;
    const uint32_t channels = conv->input.channels, row_len = channels * window->width;
    const uint32_t inside = (uint32_t)(patch->columns.end - patch->columns.begin);
    int8_t *row = bytes;

    if (inside != window->width || patch->rows.end - patch->rows.begin != window->height) {
        memset(bytes, conv->input_zero_point, 4u * conv->quads);
    }
    row += (uint32_t)patch->rows.begin * row_len + (uint32_t)patch->columns.begin * channels;
    for (int32_t y = patch->rows.begin; y < patch->rows.end; y++, row += row_len) {
        const int8_t *tap = input + kshot_tap_index(patch, window, &conv->input, y, patch->columns.begin);
        if (window->dilation_width == 1) {
            kshot_dsp_copy(tap, inside * channels, row);
        } else {
            for (uint32_t x = 0; x < inside; x++, tap += window->dilation_width * channels) {
                kshot_dsp_copy(tap, channels, row + x * channels);
            }
        }
    }
}

/* One pixel's column, `count` of which alternate. The bytes lie behind two columns. */
static void gather(const kshot_dsp_conv_s8 *conv, const int8_t *input, uint32_t y, uint32_t x, uint32_t count,
                   uint32_t *column, int8_t *bytes)
{
    const kshot_patch patch = kshot_patch_at(&conv->window, &conv->input, (int32_t)y, (int32_t)x);

    if (conv->input.channels % 4 == 0) {
        gather_quads(conv, &patch, input, count, column);
    } else {
        gather_bytes(conv, &patch, input, bytes);
        kshot_dsp_widen(bytes, conv->quads, count, column);
    }
}

static inline void store_both(const kshot_dsp_channels *channels, uint32_t i, int32_t p, int32_t q, int32_t rounding,
                              int8_t *p_output, int8_t *q_output)
{
    const uint32_t shift = channels->shift[i];
    const int32_t multiplier = channels->multiplier[i];
    const int32_t scaled_rounding = (int32_t)((uint32_t)rounding << shift);

    p_output[i] = (int8_t)kshot_dsp_requantize(p, multiplier, scaled_rounding, shift);
    q_output[i] = (int8_t)kshot_dsp_requantize(q, multiplier, scaled_rounding, shift);
}

/* All channels of two neighbouring output pixels. */
static void convolve_two(const kshot_dsp_conv_s8 *conv, const uint32_t *columns, int8_t *output)
{
    const kshot_dsp_channels *channels = conv->channels;
    const uint32_t *weights = conv->weights;
    const int32_t rounding = conv->rounding;
    int8_t *p_output = output, *const p_end = output + conv->output.channels, *q_output = p_end;

    for (; p_end - p_output >= 4; p_output += 4, q_output += 4, channels++) {
        kshot_dsp_sums p = kshot_dsp_start(channels), q = p;
        weights = kshot_dsp_dot_2(weights, columns, conv->quads, &p, &q);
        store_both(channels, 0, kshot_dsp_doubled_even(p.both01, p.only1), kshot_dsp_doubled_even(q.both01, q.only1),
                   rounding, p_output, q_output);
        store_both(channels, 1, p.only1 * 2, q.only1 * 2, rounding, p_output, q_output);
        store_both(channels, 2, kshot_dsp_doubled_even(p.both23, p.only3), kshot_dsp_doubled_even(q.both23, q.only3),
                   rounding, p_output, q_output);
        store_both(channels, 3, p.only3 * 2, q.only3 * 2, rounding, p_output, q_output);
    }
    if (p_output != p_end) {
        kshot_dsp_sums p = kshot_dsp_start(channels), q = p;
        kshot_dsp_dot_2(weights, columns, conv->quads, &p, &q);
        kshot_dsp_store(channels, &p, rounding, (uint32_t)(p_end - p_output), p_output);
        kshot_dsp_store(channels, &q, rounding, (uint32_t)(p_end - p_output), q_output);
    }
}

static void convolve_one(const kshot_dsp_conv_s8 *conv, const uint32_t *column, int8_t *output)
{
    const kshot_dsp_channels *channels = conv->channels;
    const uint32_t *weights = conv->weights;

    for (uint32_t left = conv->output.channels; left > 0; channels++) {
        const uint32_t len = left < 4 ? left : 4;
        kshot_dsp_sums sums = kshot_dsp_start(channels);
        weights = kshot_dsp_dot_1(weights, column, conv->quads, &sums);
        kshot_dsp_store(channels, &sums, conv->rounding, len, output);
        output += len;
        left -= len;
    }
}

void kshot_dsp_conv2d_s8(const kshot_dsp_conv_s8 *conv, const int8_t *input, int8_t *output, void *scratch)
{
    uint32_t *const columns = scratch;
    int8_t *const bytes = (int8_t *)(columns + 4u * conv->quads);
    const uint32_t width = conv->output.width, channels = conv->output.channels;
    const uint32_t pixels = width * conv->output.height;
    uint32_t y = 0, x = 0;
    int8_t *pixel = output;

    for (uint32_t left = pixels; left > 0;) {
        const uint32_t count = left > 1 ? 2 : 1;
        for (uint32_t i = 0; i < count; i++) {
            gather(conv, input, y, x, count, columns + i, bytes);
            if (++x == width) {
                x = 0;
                y++;
            }
        }
        if (count == 2) {
            convolve_two(conv, columns, pixel);
        } else {
            convolve_one(conv, columns, pixel);
        }
        pixel += count * channels;
        left -= count;
    }
    kshot_dsp_clamp(conv->activation_min, conv->activation_max, output, pixels * channels);
}
#else
typedef int kshot_dsp_conv2d_s8_is_left_out; /* a file must not be empty */
#endif
