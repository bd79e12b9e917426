/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_SCALAR

#include <string.h>

#include "kshot_scalar_arithmetic.h"
#include "kshot_scalar_dot.h"
#include "kshot_scalar_s8.h"
#include "kshot_window.h"

#define RAISE_4 0x80808080u
#define EVEN_BYTES 0x00FF00FFu
#define LONGEST_RUN 256u /* bytes whose sums, those of even and of odd ones, share a word: 128 * 255 fits 16 bits */

/* Copies inputs, raised by 128. Returns their sum. */
static uint32_t raise_bytes(const int8_t *from, uint32_t len, uint8_t *to)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < len; i++) {
        const uint32_t value = (uint8_t)from[i] ^ 0x80u;
        to[i] = (uint8_t)value;
        sum += value;
    }
    return sum;
}

/* The same for whole words on both sides. */
static uint32_t raise_words(const int8_t *from, uint32_t len, uint8_t *to)
{
    const uint8_t *const end = to + len;
    uint32_t sums = 0;

    for (; to != end; from += 4, to += 4) {
        uint32_t word;
        memcpy(&word, __builtin_assume_aligned(from, 4), sizeof word);
        word ^= RAISE_4;
        memcpy(__builtin_assume_aligned(to, 4), &word, sizeof word);
        sums += (word & EVEN_BYTES) + ((word >> 8) & EVEN_BYTES);
    }
    return (sums & 0xFFFFu) + (sums >> 16);
}

static uint32_t raise_run(const int8_t *from, uint32_t len, uint8_t *to)
{
    uint32_t sum = 0;

    if ((((uintptr_t)from | (uintptr_t)to | len) & 3u) != 0) {
        return raise_bytes(from, len, to);
    }
    for (; len > LONGEST_RUN; len -= LONGEST_RUN, from += LONGEST_RUN, to += LONGEST_RUN) {
        sum += raise_words(from, LONGEST_RUN, to);
    }
    return sum + raise_words(from, len, to);
}

/* Gathers what lies under the window, zero points outside of the image; returns the sum. */
static uint32_t gather(const kshot_scalar_conv_s8 *conv, const int8_t *input, uint32_t y, uint32_t x, uint8_t *patch)
{
    const kshot_window *const window = &conv->window;
    const kshot_patch at = kshot_patch_at(window, &conv->input, (int32_t)y, (int32_t)x);
    const uint32_t channels = conv->input.channels, row_len = channels * window->width;
    const uint32_t columns = (uint32_t)(at.columns.end - at.columns.begin);
    const uint32_t rows = (uint32_t)(at.rows.end - at.rows.begin);
    const uint32_t outside = row_len * window->height - rows * columns * channels;
    const uint32_t zero = (uint8_t)conv->input_zero_point ^ 0x80u;
    const uint32_t run = window->dilation_width == 1 ? columns : 1, run_len = run * channels;
    uint32_t sum = outside * zero;

    if (outside > 0) {
        memset(patch, (int)zero, (size_t)row_len * window->height);
    }
    patch += (uint32_t)at.rows.begin * row_len + (uint32_t)at.columns.begin * channels;
    for (int32_t tap_y = at.rows.begin; tap_y < at.rows.end; tap_y++, patch += row_len) {
        const int8_t *tap = input + kshot_tap_index(&at, window, &conv->input, tap_y, at.columns.begin);
        for (uint32_t i = 0; i < columns; i += run, tap += window->dilation_width * channels) {
            sum += raise_run(tap, run_len, patch + i * channels);
        }
    }
    return sum;
}

/* All channels of one pixel; `base` is what raising the weights added to each sum, negated. */
static void convolve_pixel(const kshot_scalar_conv_s8 *conv, const uint8_t *patch, uint32_t base, int8_t *output)
{
    const kshot_scalar_channels *channels = conv->channels;
    const uint8_t *weights = conv->weights, *const end = patch + 4u * conv->quads;
    kshot_scalar_scale scale = {.low = conv->activation_min, .high = conv->activation_max};

    for (uint32_t left = conv->output.channels; left > 0; channels++) {
        const uint32_t len = left < 4 ? left : 4;
        uint32_t sums[4];
        for (uint32_t i = 0; i < 4; i++) {
            sums[i] = (uint32_t)channels->start[i] + base;
        }
        weights = kshot_scalar_add_quads(weights, patch, end, sums);
        for (uint32_t i = 0; i < len; i++) {
            scale.multiplier = channels->multiplier[i];
            scale.shift = channels->shift[i];
            scale.rounding = kshot_scalar_rounding(conv->rounding, scale.shift);
            output[i] = kshot_scalar_requantize(&scale, (int32_t)sums[i]);
        }
        output += len;
        left -= len;
    }
}

void kshot_scalar_conv2d_s8(const kshot_scalar_conv_s8 *conv, const int8_t *input, int8_t *output, void *scratch)
{
    uint8_t *const patch = scratch;

    memset(patch + 4u * conv->quads - 4, 0, 4); /* what fills up the last quad stays 0 */
    for (uint32_t y = 0; y < conv->output.height; y++) {
        for (uint32_t x = 0; x < conv->output.width; x++, output += conv->output.channels) {
            const uint32_t sum = gather(conv, input, y, x, patch);
            convolve_pixel(conv, patch, 0u - 128u * sum, output);
        }
    }
}
#else
typedef int kshot_scalar_conv2d_s8_is_left_out; /* a file must not be empty */
#endif
