/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_SCALAR

#include <string.h>

#include "kshot_scalar_arithmetic.h"
#include "kshot_scalar_s8.h"

/* Four channels at a time: three lines of the image, padded and raised by 128, each channel by itself. Lines take turns
 * in three slots, whose bytes stand side by side:
 *
 *     ring [4 channels][places][3 slots and 1 unused]
 *
 * The weights are rotated instead of the slots, hence their five rows: kernel rows 0, 1, 2, 0, 1. */
enum { GROUP = 4, SLOTS = 3, PLACE_BYTES = 4, ROW_WEIGHTS = 3, CHANNEL_WEIGHTS = 15 };

typedef struct {
    int32_t *weights; /* [4 channels][5 rows][3 taps] */
    uint8_t *ring;
    uint32_t places;
} workspace;

static uint32_t steps_of(const kshot_axis *inner)
{
    return inner->stride == 1 ? (inner->output_len + 1u) / 2 : inner->output_len;
}

static void unpack_weights(const int8_t *weights, int32_t *unpacked)
{
    for (uint32_t channel = 0; channel < GROUP; channel++, weights += 9, unpacked += CHANNEL_WEIGHTS) {
        for (uint32_t i = 0; i < 9; i++) {
            unpacked[i] = weights[i];
        }
        memcpy(unpacked + 9, unpacked, 6 * sizeof unpacked[0]);
    }
}

/* One line of the image, or of padding where `line` is null, to one slot. */
static void load_line(const kshot_scalar_depthwise_s8 *depthwise, const int8_t *line, const workspace *work,
                      uint8_t *slot)
{
    const kshot_axis *const inner = &depthwise->inner;
    const uint8_t zero = (uint8_t)((uint8_t)depthwise->input_zero_point ^ 0x80u);
    const uint32_t channel_bytes = PLACE_BYTES * work->places, step = inner->input_step;
    const uint32_t inside = line == NULL ? 0 : inner->input_len;
    uint8_t *const slot1 = slot + channel_bytes, *const slot2 = slot1 + channel_bytes;
    uint8_t *const slot3 = slot2 + channel_bytes;
    const uint32_t end = PLACE_BYTES * work->places;
    uint32_t at = 0;

    for (; at < PLACE_BYTES * (uint32_t)inner->pad && at < end; at += PLACE_BYTES) {
        slot[at] = slot1[at] = slot2[at] = slot3[at] = zero;
    }
    const uint32_t last = at + PLACE_BYTES * inside < end ? at + PLACE_BYTES * inside : end;
    for (; at < last; at += PLACE_BYTES, line += step) {
        slot[at] = (uint8_t)((uint8_t)line[0] ^ 0x80u);
        slot1[at] = (uint8_t)((uint8_t)line[1] ^ 0x80u);
        slot2[at] = (uint8_t)((uint8_t)line[2] ^ 0x80u);
        slot3[at] = (uint8_t)((uint8_t)line[3] ^ 0x80u);
    }
    for (; at < end; at += PLACE_BYTES) {
        slot[at] = slot1[at] = slot2[at] = slot3[at] = zero;
    }
}

/* What one channel of one line of outputs is made with. */
typedef struct {
    const int32_t *weights;
    const uint8_t *places;
    int32_t start;
    uint32_t steps, step;
} channel_line;

/* Two outputs a step from four neighbouring places; `odd` leaves out the last one. */
static void outputs_of_stride_1(const channel_line *line, const kshot_scalar_scale *scale, uint32_t odd, int8_t *output)
{
    const int32_t *const weights = line->weights;
    const uint8_t *place = line->places, *const end = place + 2 * PLACE_BYTES * line->steps;

    while (place != end) {
        int32_t sum0 = line->start, sum1 = sum0;
#define TAP(row, column)                                                                                               \
    do {                                                                                                               \
        const int32_t weight = weights[ROW_WEIGHTS * (row) + (column)];                                                \
        sum0 += weight * place[PLACE_BYTES * (column) + (row)];                                                        \
        sum1 += weight * place[PLACE_BYTES * ((column) + 1) + (row)];                                                  \
    } while (0)
        TAP(0, 0);
        TAP(0, 1);
        TAP(0, 2);
        TAP(1, 0);
        TAP(1, 1);
        TAP(1, 2);
        TAP(2, 0);
        TAP(2, 1);
        TAP(2, 2);
#undef TAP
        place += 2 * PLACE_BYTES;
        *output = kshot_scalar_requantize(scale, sum0);
        output += line->step;
        if (!odd || place != end) {
            *output = kshot_scalar_requantize(scale, sum1);
            output += line->step;
        }
    }
}

static void outputs_of_stride_2(const channel_line *line, const kshot_scalar_scale *scale, int8_t *output)
{
    const int32_t *const weights = line->weights;
    const uint8_t *place = line->places, *const end = place + 2 * PLACE_BYTES * line->steps;

    for (; place != end; place += 2 * PLACE_BYTES, output += line->step) {
        int32_t sum = line->start;
        for (uint32_t row = 0; row < 3; row++) {
            sum += weights[ROW_WEIGHTS * row] * place[row];
            sum += weights[ROW_WEIGHTS * row + 1] * place[PLACE_BYTES + row];
            sum += weights[ROW_WEIGHTS * row + 2] * place[2 * PLACE_BYTES + row];
        }
        *output = kshot_scalar_requantize(scale, sum);
    }
}

/* One line of outputs, four channels; `phase` is the slot of the kernel's first row. */
static void convolve_line(const kshot_scalar_depthwise_s8 *depthwise, const kshot_scalar_channels *channels,
                          const workspace *work, uint32_t phase, int8_t *output)
{
    const kshot_axis *const inner = &depthwise->inner;
    const uint32_t first_row = phase == 0 ? 0 : 3 - phase;

    for (uint32_t i = 0; i < GROUP; i++) {
        const channel_line line = {
            .weights = work->weights + CHANNEL_WEIGHTS * i + ROW_WEIGHTS * first_row,
            .places = work->ring + PLACE_BYTES * work->places * i,
            .start = channels->start[i],
            .steps = steps_of(inner),
            .step = inner->output_step,
        };
        const kshot_scalar_scale scale = {
            .multiplier = channels->multiplier[i],
            .rounding = kshot_scalar_rounding(depthwise->rounding, channels->shift[i]),
            .low = depthwise->activation_min,
            .high = depthwise->activation_max,
            .shift = channels->shift[i],
        };
        if (inner->stride == 1) {
            outputs_of_stride_1(&line, &scale, inner->output_len & 1u, output + i);
        } else {
            outputs_of_stride_2(&line, &scale, output + i);
        }
    }
}

/* Four channels of the whole image. */
static void convolve_group(const kshot_scalar_depthwise_s8 *depthwise, const kshot_scalar_channels *channels,
                           const workspace *work, const int8_t *input, int8_t *output)
{
    const kshot_axis *const outer = &depthwise->outer;
    uint32_t loaded = 0, slot = 0; /* lines are counted with padding; slots are such counts modulo 3 */

    for (uint32_t y = 0; y < outer->output_len; y++, output += outer->output_step) {
        for (const uint32_t end = y * outer->stride + 3u; loaded < end; loaded++) {
            const int32_t at = (int32_t)loaded - outer->pad;
            const int inside = at >= 0 && at < outer->input_len;
            load_line(depthwise, inside ? input + (uint32_t)at * outer->input_step : NULL, work, work->ring + slot);
            slot = slot == SLOTS - 1 ? 0 : slot + 1;
        }
        convolve_line(depthwise, channels, work, slot, output); /* the slot that comes next is the oldest */
    }
}

void kshot_scalar_depthwise3x3_s8(const kshot_scalar_depthwise_s8 *depthwise, const int8_t *input, int8_t *output,
                                  void *scratch)
{
    int32_t *const words = scratch;
    const workspace work = {
        .weights = words,
        .ring = (uint8_t *)(words + GROUP * CHANNEL_WEIGHTS),
        .places = 2 * (steps_of(&depthwise->inner) + 1),
    };

    for (uint32_t channel = 0; channel < depthwise->channels; channel += GROUP) {
        unpack_weights(depthwise->weights + 9 * channel, work.weights);
        convolve_group(depthwise, depthwise->groups + channel / GROUP, &work, input + channel, output + channel);
    }
}
#else
typedef int kshot_scalar_depthwise3x3_s8_is_left_out; /* a file must not be empty */
#endif
