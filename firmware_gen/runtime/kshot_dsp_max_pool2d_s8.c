/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_DSP

#include "kshot_dsp_instructions.h"
#include "kshot_dsp_outputs.h"
#include "kshot_dsp_s8.h"
#include "kshot_window.h"

/* The window that most networks have, four channels at a time. */
static void max_of_two_by_two(const int8_t *first, uint32_t row_step, uint32_t channels, int8_t *output)
{
    const int8_t *second = first + channels, *third = first + row_step, *fourth = third + channels;

    for (const int8_t *const end = output + channels; output != end; output += 4) {
        const uint32_t upper = kshot_max_4(kshot_load_4(first), kshot_load_4(second));
        const uint32_t lower = kshot_max_4(kshot_load_4(third), kshot_load_4(fourth));
        kshot_store_4(output, kshot_max_4(upper, lower));
        first += 4, second += 4, third += 4, fourth += 4;
    }
}

/* The largest of the taps inside the image, four channels at a time. */
static void max_pixel(const kshot_pool_s8 *pool, const kshot_patch *patch, const int8_t *input, int8_t *output)
{
    const uint32_t channels = pool->input.channels;
    const uint32_t row_step = (uint32_t)pool->window.dilation_height * pool->input.width * channels;
    const uint32_t column_step = (uint32_t)pool->window.dilation_width * channels;
    const int32_t rows = patch->rows.end - patch->rows.begin, columns = patch->columns.end - patch->columns.begin;
    const int8_t *first =
        input + kshot_tap_index(patch, &pool->window, &pool->input, patch->rows.begin, patch->columns.begin);

    if (rows == 2 && columns == 2 && column_step == channels) {
        max_of_two_by_two(first, row_step, channels, output);
        return;
    }
    for (uint32_t channel = 0; channel < channels; channel += 4, first += 4) {
        uint32_t largest = kshot_load_4(first);
        const int8_t *row = first;
        for (int32_t y = 0; y < rows; y++, row += row_step) {
            const int8_t *tap = row;
            for (int32_t x = 0; x < columns; x++, tap += column_step) {
                largest = kshot_max_4(largest, kshot_load_4(tap));
            }
        }
        kshot_store_4(output + channel, largest);
    }
}

void kshot_dsp_max_pool2d_s8(const kshot_pool_s8 *pool, const int8_t *input, int8_t *output)
{
    const uint32_t channels = pool->output.channels;
    int8_t *pixel = output;

    for (int32_t y = 0; y < pool->output.height; y++) {
        for (int32_t x = 0; x < pool->output.width; x++, pixel += channels) {
            const kshot_patch patch = kshot_patch_at(&pool->window, &pool->input, y, x);
            max_pixel(pool, &patch, input, pixel);
        }
    }
    kshot_dsp_clamp(pool->activation_min, pool->activation_max, output, (uint32_t)(pixel - output));
}
#else
typedef int kshot_dsp_max_pool2d_s8_is_left_out; /* a file must not be empty */
#endif
