/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_HELIUM

#include <stddef.h>
#include <string.h>

#include "kshot_helium_outputs.h"
#include "kshot_helium_s8.h"

/* Eight channels at a time. What an output sees of a channel is made to lie in one vector, so that an output takes one
 * load and one instruction that multiplies and sums. Lines of the image take turns in three slots:
 *
 *     ring [8 channels][columns][3 slots and one that stays unused]
 *
 * Four columns are a vector, the fourth of which meets weights of 0. The weights are rotated instead of the slots. */
enum { CHANNELS = 8, SLOTS = 3, COLUMN_BYTES = 4, OUTPUTS = 4, TAPS = 9 };

/* Bytes of a vector that are taps, and which tap each of them is when the kernel's first row lies in slot 0, 1 or 2. */
#define TAP_MASK 0x0777u
static const uint8_t tap_of[SLOTS][16] = {
    {0, 3, 6, 0, 1, 4, 7, 0, 2, 5, 8, 0, 0, 0, 0, 0},
    {6, 0, 3, 0, 7, 1, 4, 0, 8, 2, 5, 0, 0, 0, 0, 0},
    {3, 6, 0, 0, 4, 7, 1, 0, 5, 8, 2, 0, 0, 0, 0, 0},
};

typedef struct {
    int8_t *ring;
    uint32_t channel_bytes, loaded_columns; /* the last: those that the image fills */
} workspace;

static workspace workspace_of(const kshot_axis *inner, void *scratch)
{
    const uint32_t outputs = (inner->output_len + OUTPUTS - 1u) / OUTPUTS * OUTPUTS;
    const uint32_t columns = (outputs - 1) * inner->stride + 4u, inside = columns - inner->pad;
    const workspace work = {
        .ring = scratch,
        .channel_bytes = columns * COLUMN_BYTES,
        .loaded_columns = inner->input_len < inside ? inner->input_len : inside,
    };
    return work;
}

/* One line of the image, or of padding where `line` is null. */
static void load_line(const kshot_helium_depthwise_s8 *depthwise, const int8_t *line, uint32_t channels,
                      const workspace *work, int8_t *slot)
{
    int8_t zeros[CHANNELS];
    const uint32_t step = line == NULL ? 0 : depthwise->inner.input_step;

    if (line == NULL) {
        memset(zeros, depthwise->input_zero_point, sizeof zeros);
        line = zeros;
    }
    slot += COLUMN_BYTES * depthwise->inner.pad;
    if (channels >= CHANNELS) {
        for (uint32_t i = 0; i < work->loaded_columns; i++, line += step, slot += COLUMN_BYTES) {
            kshot_spread_8(line, slot, work->channel_bytes);
        }
    } else {
        for (uint32_t i = 0; i < work->loaded_columns; i++, line += step, slot += COLUMN_BYTES) {
            kshot_spread_first_8(line, slot, work->channel_bytes, channels);
        }
    }
}

/* What one channel of one line of outputs is made with. */
typedef struct {
    kshot_bytes weights;
    int32_t start, multiplier, exponent;
} channel_line;

static inline kshot_words outputs_of(const channel_line *line, const kshot_helium_range *range, const int8_t *columns,
                                     uint32_t vector_bytes)
{
    const int32_t a = kshot_bytes_dot(kshot_bytes_load(columns), line->weights);
    const int32_t b = kshot_bytes_dot(kshot_bytes_load(columns + vector_bytes), line->weights);
    const int32_t c = kshot_bytes_dot(kshot_bytes_load(columns + 2 * vector_bytes), line->weights);
    const int32_t d = kshot_bytes_dot(kshot_bytes_load(columns + 3 * vector_bytes), line->weights);
    const kshot_words sums = kshot_words_add_each(kshot_words_of(a, b, c, d), line->start);
    return kshot_helium_requantize_each(range, sums, line->multiplier, line->exponent);
}

/* A stride that is a constant wherever this is expanded, so that it becomes part of the loads. */
static inline void convolve_with_stride(const channel_line *line, const kshot_axis *inner, uint32_t stride,
                                        const kshot_helium_range *range, const int8_t *columns, int8_t *output)
{
    const uint32_t step = inner->output_step, vector_bytes = stride * COLUMN_BYTES;
    uint32_t left = inner->output_len;

    for (; left >= OUTPUTS; left -= OUTPUTS, output += OUTPUTS * step, columns += OUTPUTS * vector_bytes) {
        kshot_words_scatter(output, step, outputs_of(line, range, columns, vector_bytes));
    }
    if (left > 0) {
        kshot_words_scatter_first(output, step, outputs_of(line, range, columns, vector_bytes), left);
    }
}

static void convolve_channel(const channel_line *line, const kshot_axis *inner, const kshot_helium_range *range,
                             const int8_t *columns, int8_t *output)
{
    if (inner->stride == 1) {
        convolve_with_stride(line, inner, 1, range, columns, output);
    } else {
        convolve_with_stride(line, inner, 2, range, columns, output);
    }
}

/* One line of outputs; `phase` is the slot of the kernel's first row. */
static void convolve_line(const kshot_helium_depthwise_s8 *depthwise, uint32_t first, uint32_t channels,
                          const workspace *work, uint32_t phase, int8_t *output)
{
    const kshot_helium_range range =
        kshot_helium_range_of(depthwise->output_zero_point, depthwise->activation_min, depthwise->activation_max);
    const int8_t *columns = work->ring, *weights = depthwise->weights + TAPS * first;

    for (uint32_t channel = first; channel < first + channels; channel++, weights += TAPS) {
        const kshot_helium_channels *const group = depthwise->groups + channel / 4;
        const channel_line line = {
            .weights = kshot_bytes_gather(weights, tap_of[phase], TAP_MASK),
            .start = group->start[channel % 4],
            .multiplier = group->multiplier[channel % 4],
            .exponent = group->exponent[channel % 4],
        };
        convolve_channel(&line, &depthwise->inner, &range, columns, output);
        columns += work->channel_bytes;
        output++;
    }
}

/* Up to eight channels of the whole image. */
static void convolve_channels(const kshot_helium_depthwise_s8 *depthwise, uint32_t first, uint32_t channels,
                              const workspace *work, const int8_t *input, int8_t *output)
{
    const kshot_axis *const outer = &depthwise->outer;
    uint32_t loaded = 0, slot = 0; /* lines are counted with padding; slots are such counts modulo 3 */

    for (uint32_t y = 0; y < outer->output_len; y++, output += outer->output_step) {
        for (const uint32_t end = y * outer->stride + 3u; loaded < end; loaded++) {
            const int32_t at = (int32_t)loaded - outer->pad;
            const int8_t *const line =
                at >= 0 && at < outer->input_len ? input + (uint32_t)at * outer->input_step : NULL;
            load_line(depthwise, line, channels, work, work->ring + slot);
            slot = slot == SLOTS - 1 ? 0 : slot + 1;
        }
        convolve_line(depthwise, first, channels, work, slot, output); /* the slot that comes next is the oldest */
    }
}

void kshot_helium_depthwise3x3_s8(const kshot_helium_depthwise_s8 *depthwise, const int8_t *input, int8_t *output,
                                  void *scratch)
{
    const workspace work = workspace_of(&depthwise->inner, scratch);

    memset(work.ring, depthwise->input_zero_point, CHANNELS * work.channel_bytes);
    for (uint32_t first = 0; first < depthwise->channels; first += CHANNELS) {
        const uint32_t left = depthwise->channels - first, channels = left < CHANNELS ? left : CHANNELS;
        convolve_channels(depthwise, first, channels, &work, input + first, output + first);
    }
}
#else
typedef int kshot_helium_depthwise3x3_s8_is_left_out; /* a file must not be empty */
#endif
