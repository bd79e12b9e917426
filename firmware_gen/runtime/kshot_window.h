/* SPDX-License-Identifier: Apache-2.0 */
/* Which taps of a sliding window lie inside the image. Clipping once per output pixel keeps every test for the border
 * out of the inner loops. */
#ifndef KSHOT_WINDOW_H
#define KSHOT_WINDOW_H

#include "kshot_kernels_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Along one axis, taps begin .. end - 1 are inside, none when end <= begin. Tap t reads at first + t * dilation. */
typedef struct kshot_taps {
    int32_t first, begin, end;
} kshot_taps;

/* One output pixel's view of the input. */
typedef struct kshot_patch {
    kshot_taps rows, columns;
} kshot_patch;

static inline kshot_taps kshot_taps_inside(int32_t first, int32_t dilation, int32_t window_len, int32_t input_len)
{
    kshot_taps taps = {first, 0, window_len};
    while (taps.begin < taps.end && first + taps.begin * dilation < 0) {
        taps.begin++;
    }
    while (taps.end > taps.begin && first + (taps.end - 1) * dilation >= input_len) {
        taps.end--;
    }
    return taps;
}

static inline kshot_patch kshot_patch_at(const kshot_window *window, const kshot_shape *input, int32_t y, int32_t x)
{
    const int32_t top = y * window->stride_height - window->pad_top;
    const int32_t left = x * window->stride_width - window->pad_left;
    const kshot_patch patch = {
        kshot_taps_inside(top, window->dilation_height, window->height, input->height),
        kshot_taps_inside(left, window->dilation_width, window->width, input->width),
    };
    return patch;
}

/* Index of the first channel that the tap at (tap_y, tap_x) reads. */
static inline int32_t kshot_tap_index(const kshot_patch *patch, const kshot_window *window, const kshot_shape *input,
                                      int32_t tap_y, int32_t tap_x)
{
    const int32_t y = patch->rows.first + tap_y * window->dilation_height;
    const int32_t x = patch->columns.first + tap_x * window->dilation_width;
    return (y * input->width + x) * input->channels;
}

#ifdef __cplusplus
}
#endif
#endif
