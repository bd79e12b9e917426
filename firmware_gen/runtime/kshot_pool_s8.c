/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_fixed_point.h"
#include "kshot_kernels_s8.h"
#include "kshot_window.h"

/* Channels averaged at a time: as many as their sums may take of the stack. */
#define BLOCK_LEN 32

/* round(sum / count), halves away from zero. */
static int32_t rounded_mean(int32_t sum, int32_t count)
{
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

static void average_pixel(const kshot_pool_s8 *pool, const kshot_patch *patch, const int8_t *input, int8_t *output)
{
    const uint32_t channels = pool->input.channels;
    const int32_t count = (patch->rows.end - patch->rows.begin) * (patch->columns.end - patch->columns.begin);

    for (uint32_t channel = 0; channel < channels; channel += BLOCK_LEN) {
        const uint32_t len = channels - channel < BLOCK_LEN ? channels - channel : BLOCK_LEN;
        int32_t sums[BLOCK_LEN] = {0};
        for (int32_t y = patch->rows.begin; y < patch->rows.end; y++) {
            for (int32_t x = patch->columns.begin; x < patch->columns.end; x++) {
                const int8_t *const pixel = input + kshot_tap_index(patch, &pool->window, &pool->input, y, x) + channel;
                for (uint32_t i = 0; i < len; i++) {
                    sums[i] += pixel[i];
                }
            }
        }
        for (uint32_t i = 0; i < len; i++) {
            output[channel + i] =
                kshot_quantized_s8(rounded_mean(sums[i], count), 0, pool->activation_min, pool->activation_max);
        }
    }
}

void kshot_average_pool2d_s8(const kshot_pool_s8 *pool, const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < pool->output.height; y++) {
        for (int32_t x = 0; x < pool->output.width; x++) {
            const kshot_patch patch = kshot_patch_at(&pool->window, &pool->input, y, x);
            average_pixel(pool, &patch, input, output);
            output += pool->output.channels;
        }
    }
}

/* The largest value lies between the limits if it is raised to the lower one and then lowered to the upper one. */
static void max_pixel(const kshot_pool_s8 *pool, const kshot_patch *patch, const int8_t *input, int8_t *output)
{
    const uint32_t channels = pool->input.channels;

    for (uint32_t i = 0; i < channels; i++) {
        output[i] = pool->activation_min;
    }
    for (int32_t y = patch->rows.begin; y < patch->rows.end; y++) {
        for (int32_t x = patch->columns.begin; x < patch->columns.end; x++) {
            const int8_t *const pixel = input + kshot_tap_index(patch, &pool->window, &pool->input, y, x);
            for (uint32_t i = 0; i < channels; i++) {
                output[i] = pixel[i] > output[i] ? pixel[i] : output[i];
            }
        }
    }
    for (uint32_t i = 0; i < channels; i++) {
        output[i] = output[i] < pool->activation_max ? output[i] : pool->activation_max;
    }
}

void kshot_max_pool2d_s8(const kshot_pool_s8 *pool, const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < pool->output.height; y++) {
        for (int32_t x = 0; x < pool->output.width; x++) {
            const kshot_patch patch = kshot_patch_at(&pool->window, &pool->input, y, x);
            max_pixel(pool, &patch, input, output);
            output += pool->output.channels;
        }
    }
}
