/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include "kshot_fixed_point.h"
#include "kshot_helium_block.h"
#include "kshot_helium_s8.h"

/* round(sum / count), halves away from zero. */
static int32_t rounded_mean(int32_t sum, int32_t count)
{
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

static void average_pixel(const kshot_pool_s8 *pool, const kshot_block *block, const int8_t *input, int8_t *output)
{
    const int32_t count = block->rows * block->columns;

    for (uint32_t left = pool->output.channels; left > 0; input += 4) {
        const uint32_t len = left < 4 ? left : 4;
        int32_t sums[4];
        kshot_words_store(sums, kshot_helium_block_sum(block, input, len));
        for (uint32_t i = 0; i < len; i++) {
            *output++ = kshot_quantized_s8(rounded_mean(sums[i], count), 0, pool->activation_min, pool->activation_max);
        }
        left -= len;
    }
}

void kshot_helium_average_pool2d_s8(const kshot_pool_s8 *pool, const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < pool->output.height; y++) {
        for (int32_t x = 0; x < pool->output.width; x++, output += pool->output.channels) {
            const kshot_patch patch = kshot_patch_at(&pool->window, &pool->input, y, x);
            const kshot_block block = kshot_block_of(pool, &patch);
            average_pixel(pool, &block, input, output);
        }
    }
}

/* The largest value of the window that most networks have, up to 16 channels, `len` of them. */
static inline kshot_bytes max_of_two_by_two(const kshot_block *block, const int8_t *input, uint32_t len)
{
    const int8_t *const upper = input + block->first, *const lower = upper + block->row_step;
    const int32_t step = block->column_step;

    if (len >= 16) {
        return kshot_bytes_max(kshot_bytes_max(kshot_bytes_load(upper), kshot_bytes_load(upper + step)),
                               kshot_bytes_max(kshot_bytes_load(lower), kshot_bytes_load(lower + step)));
    }
    return kshot_bytes_max(
        kshot_bytes_max(kshot_bytes_load_first(upper, len), kshot_bytes_load_first(upper + step, len)),
        kshot_bytes_max(kshot_bytes_load_first(lower, len), kshot_bytes_load_first(lower + step, len)));
}

/* All channels of one pixel. */
static void max_pixel(const kshot_pool_s8 *pool, const kshot_block *block, const int8_t *input, int8_t *output)
{
    const kshot_bytes low = kshot_bytes_fill(pool->activation_min), high = kshot_bytes_fill(pool->activation_max);
    const uint32_t channels = pool->output.channels;
    const int two_by_two = block->rows == 2 && block->columns == 2;

    for (uint32_t first = 0; first < channels; first += 16) {
        const uint32_t left = channels - first;
        const kshot_bytes largest = two_by_two ? kshot_bytes_max(low, max_of_two_by_two(block, input + first, left))
                                               : kshot_helium_block_max(block, input + first, left, low);
        kshot_bytes_store_first(output + first, kshot_bytes_min(largest, high), left);
    }
}

void kshot_helium_max_pool2d_s8(const kshot_pool_s8 *pool, const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < pool->output.height; y++) {
        kshot_patch patch = kshot_patch_at(&pool->window, &pool->input, y, 0);
        for (int32_t x = 0; x < pool->output.width; x++, output += pool->output.channels) {
            const int32_t left = x * pool->window.stride_width - pool->window.pad_left;
            patch.columns = kshot_taps_inside(left, 1, pool->window.width, pool->input.width);
            const kshot_block block = kshot_block_of(pool, &patch);
            max_pixel(pool, &block, input, output);
        }
    }
}
#else
typedef int kshot_helium_pool_s8_is_left_out; /* a file must not be empty */
#endif
