/* SPDX-License-Identifier: Apache-2.0 */
/* Sums and maxima over a block of an image, channel by channel. */
#ifndef KSHOT_HELIUM_BLOCK_H
#define KSHOT_HELIUM_BLOCK_H

#include "kshot_helium_vectors.h"
#include "kshot_kernels_s8.h"
#include "kshot_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Pixels of an image; `first` is the index of a channel of the first one. */
typedef struct kshot_block {
    int32_t first, rows, columns, row_step, column_step;
} kshot_block;

/* What lies under a window without dilation. */
static inline kshot_block kshot_block_of(const kshot_pool_s8 *pool, const kshot_patch *patch)
{
    const kshot_block block = {
        kshot_tap_index(patch, &pool->window, &pool->input, patch->rows.begin, patch->columns.begin),
        patch->rows.end - patch->rows.begin,
        patch->columns.end - patch->columns.begin,
        pool->input.width * pool->input.channels,
        pool->input.channels,
    };
    return block;
}

/* Up to four channels, `len` of them. */
static inline kshot_words kshot_helium_block_sum(const kshot_block *block, const int8_t *input, uint32_t len)
{
    kshot_words sums = kshot_words_fill(0);
    int32_t row = block->first;

    for (int32_t y = 0; y < block->rows; y++, row += block->row_step) {
        const int8_t *pixel = input + row;
        for (int32_t x = 0; x < block->columns; x++, pixel += block->column_step) {
            sums = kshot_words_add(sums, len >= 4 ? kshot_words_widen(pixel) : kshot_words_widen_first(pixel, len));
        }
    }
    return sums;
}

/* Up to 16 channels, `len` of them, and `low`. */
static inline kshot_bytes kshot_helium_block_max(const kshot_block *block, const int8_t *input, uint32_t len,
                                                 kshot_bytes low)
{
    int32_t row = block->first;

    for (int32_t y = 0; y < block->rows; y++, row += block->row_step) {
        const int8_t *pixel = input + row;
        for (int32_t x = 0; x < block->columns; x++, pixel += block->column_step) {
            low = kshot_bytes_max(low, len >= 16 ? kshot_bytes_load(pixel) : kshot_bytes_load_first(pixel, len));
        }
    }
    return low;
}

#ifdef __cplusplus
}
#endif
#endif
