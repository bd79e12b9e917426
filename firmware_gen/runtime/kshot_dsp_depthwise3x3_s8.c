/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_DSP

#include "kshot_dsp_instructions.h"
#include "kshot_dsp_s8.h"

/* Four channels at a time: three lines of the image, padded, widened to 16 bits and turned so that neighbours in a line
 * are neighbours in a word. Lines take turns in three slots; the word of each slot stands beside those of the others:
 *
 *     ring [4 channels][pairs][3 slots]
 *
 * The weights are rotated instead of the slots, hence their five rows: kernel rows 0, 1, 2, 0, 1. */
enum { GROUP = 4, SLOTS = 3, WEIGHT_WORDS = 10 };

typedef struct {
    uint32_t *weights; /* [4 channels][5 rows]: taps 0 and 1, taps 1 and 2 */
    uint32_t *ring;
    uint32_t pairs;
} workspace;

static uint32_t steps_of(const kshot_axis *inner)
{
    return inner->stride == 1 ? (inner->output_len + 1u) / 2 : inner->output_len;
}

static uint32_t pair_of(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xFFFFu) | (uint32_t)high << 16;
}

static void unpack_weights(const int8_t *weights, uint32_t *words)
{
    for (uint32_t channel = 0; channel < GROUP; channel++, weights += 9, words += WEIGHT_WORDS) {
        for (uint32_t row = 0; row < 3; row++) {
            const int8_t *const taps = weights + 3 * row;
            words[2 * row] = pair_of(taps[0], taps[1]);
            words[2 * row + 1] = pair_of(taps[1], taps[2]);
        }
        /* cppcheck-suppress overlappingWriteFunction ; words 6 to 9 and 0 to 3: it takes words for bytes */
        memcpy(words + 6, words, 4 * sizeof words[0]);
    }
}

/* Four channels of two neighbours in a line, to one slot. */
static inline void put_pair(uint32_t first, uint32_t second, uint32_t channel_words, uint32_t *slot)
{
    const uint32_t first_even = kshot_sxtb16(first), first_odd = kshot_sxtb16_ror8(first);
    const uint32_t second_even = kshot_sxtb16(second), second_odd = kshot_sxtb16_ror8(second);

    slot[0] = kshot_pack_low(first_even, second_even);
    slot += channel_words;
    slot[0] = kshot_pack_low(first_odd, second_odd);
    slot += channel_words;
    slot[0] = kshot_pack_high(first_even, second_even);
    slot += channel_words;
    slot[0] = kshot_pack_high(first_odd, second_odd);
}

/* One line of the image, or of padding where `line` is null. */
static void load_line(const kshot_dsp_depthwise_s8 *depthwise, const int8_t *line, const workspace *work,
                      uint32_t *slot)
{
    const kshot_axis *const inner = &depthwise->inner;
    const uint32_t zero_word = ((uint32_t)depthwise->input_zero_point & 0xFFu) * 0x01010101u;
    const uint32_t channel_words = SLOTS * work->pairs, step = inner->input_step;
    const int32_t len = line == NULL ? 0 : inner->input_len;
    int32_t at = -(int32_t)inner->pad;
    uint32_t left = work->pairs;

    for (; left > 0 && at < 0; left--, at += 2, slot += SLOTS) {
        put_pair(zero_word, at + 1 >= 0 && at + 1 < len ? kshot_load_4(line) : zero_word, channel_words, slot);
    }
    if (len > 0) {
        line += (uint32_t)at * step;
        for (; left > 0 && at + 1 < len; left--, at += 2, slot += SLOTS, line += 2 * step) {
            put_pair(kshot_load_4(line), kshot_load_4(line + step), channel_words, slot);
        }
    }
    for (; left > 0; left--, at += 2, slot += SLOTS) {
        put_pair(at < len ? kshot_load_4(line) : zero_word, zero_word, channel_words, slot);
    }
}

/* What one channel of one line of outputs is made with. */
typedef struct {
    const uint32_t *weights, *pairs;
    int32_t start, multiplier, rounding;
    uint32_t shift, step, steps;
} channel_line;

static int8_t requantize(const channel_line *line, int32_t sum)
{
    return (int8_t)kshot_dsp_requantize(sum * 2, line->multiplier, line->rounding, line->shift);
}

/* Two outputs a step from two neighbouring pairs; `odd` leaves out the last one. */
static void outputs_of_stride_1(const channel_line *line, uint32_t odd, int8_t *output)
{
    const uint32_t a01 = line->weights[0], a12 = line->weights[1], b01 = line->weights[2], b12 = line->weights[3];
    const uint32_t c01 = line->weights[4], c12 = line->weights[5];
    const uint32_t *pairs = line->pairs, *const end = pairs + SLOTS * line->steps;

    while (pairs != end) {
        int32_t sum0 = kshot_smlad(pairs[0], a01, line->start), sum1 = kshot_smlatb(pairs[0], a01, line->start);
        sum0 = kshot_smlad(pairs[1], b01, sum0);
        sum1 = kshot_smlatb(pairs[1], b01, sum1);
        sum0 = kshot_smlad(pairs[2], c01, sum0);
        sum1 = kshot_smlatb(pairs[2], c01, sum1);
        pairs += SLOTS;
        sum0 = kshot_smlabt(pairs[0], a12, sum0);
        sum1 = kshot_smlad(pairs[0], a12, sum1);
        sum0 = kshot_smlabt(pairs[1], b12, sum0);
        sum1 = kshot_smlad(pairs[1], b12, sum1);
        sum0 = kshot_smlabt(pairs[2], c12, sum0);
        sum1 = kshot_smlad(pairs[2], c12, sum1);
        *output = requantize(line, sum0);
        output += line->step;
        if (!odd || pairs != end) {
            *output = requantize(line, sum1);
            output += line->step;
        }
    }
}

static void outputs_of_stride_2(const channel_line *line, int8_t *output)
{
    const uint32_t a01 = line->weights[0], a12 = line->weights[1], b01 = line->weights[2], b12 = line->weights[3];
    const uint32_t c01 = line->weights[4], c12 = line->weights[5];
    const uint32_t *pairs = line->pairs, *const end = pairs + SLOTS * line->steps;

    while (pairs != end) {
        int32_t sum = kshot_smlad(pairs[0], a01, line->start);
        sum = kshot_smlad(pairs[1], b01, sum);
        sum = kshot_smlad(pairs[2], c01, sum);
        pairs += SLOTS;
        sum = kshot_smlabt(pairs[0], a12, sum);
        sum = kshot_smlabt(pairs[1], b12, sum);
        sum = kshot_smlabt(pairs[2], c12, sum);
        *output = requantize(line, sum);
        output += line->step;
    }
}

/* One line of outputs, four channels; `phase` is the slot of the kernel's first row. */
static void convolve_line(const kshot_dsp_depthwise_s8 *depthwise, const kshot_dsp_channels *channels,
                          const workspace *work, uint32_t phase, int8_t *output)
{
    const kshot_axis *const inner = &depthwise->inner;
    const uint32_t first_row = phase == 0 ? 0 : 3 - phase;

    for (uint32_t i = 0; i < GROUP; i++) {
        const channel_line line = {
            .weights = work->weights + WEIGHT_WORDS * i + 2 * first_row,
            .pairs = work->ring + SLOTS * work->pairs * i,
            .start = channels->start[i],
            .multiplier = channels->multiplier[i],
            .rounding = (int32_t)((uint32_t)(int32_t)depthwise->rounding << channels->shift[i]),
            .shift = channels->shift[i],
            .step = inner->output_step,
            .steps = steps_of(inner),
        };
        if (inner->stride == 1) {
            outputs_of_stride_1(&line, inner->output_len & 1u, output + i);
        } else {
            outputs_of_stride_2(&line, output + i);
        }
    }
}

static void clamp_line(const kshot_dsp_depthwise_s8 *depthwise, int8_t *output)
{
    for (uint32_t x = 0; x < depthwise->inner.output_len; x++, output += depthwise->inner.output_step) {
        for (uint32_t i = 0; i < GROUP; i++) {
            const int8_t raised = output[i] > depthwise->activation_min ? output[i] : depthwise->activation_min;
            output[i] = raised < depthwise->activation_max ? raised : depthwise->activation_max;
        }
    }
}

/* Four channels of the whole image. */
static void convolve_group(const kshot_dsp_depthwise_s8 *depthwise, const kshot_dsp_channels *channels,
                           const workspace *work, const int8_t *input, int8_t *output)
{
    const kshot_axis *const outer = &depthwise->outer;
    const int clamped = depthwise->activation_min != INT8_MIN || depthwise->activation_max != INT8_MAX;
    uint32_t loaded = 0, slot = 0; /* lines are counted with padding; slots are such counts modulo 3 */

    for (uint32_t y = 0; y < outer->output_len; y++, output += outer->output_step) {
        for (const uint32_t end = y * outer->stride + 3u; loaded < end; loaded++) {
            const int32_t at = (int32_t)loaded - outer->pad;
            const int inside = at >= 0 && at < outer->input_len;
            load_line(depthwise, inside ? input + (uint32_t)at * outer->input_step : NULL, work, work->ring + slot);
            slot = slot == SLOTS - 1 ? 0 : slot + 1;
        }
        convolve_line(depthwise, channels, work, slot, output); /* the slot that comes next is the oldest */
        if (clamped) {
            clamp_line(depthwise, output);
        }
    }
}

void kshot_dsp_depthwise3x3_s8(const kshot_dsp_depthwise_s8 *depthwise, const int8_t *input, int8_t *output,
                               void *scratch)
{
    const workspace work = {
        .weights = scratch,
        .ring = (uint32_t *)scratch + GROUP * WEIGHT_WORDS,
        .pairs = steps_of(&depthwise->inner) + 1,
    };

    for (uint32_t channel = 0; channel < depthwise->channels; channel += GROUP) {
        unpack_weights(depthwise->weights + 9 * channel, work.weights);
        convolve_group(depthwise, depthwise->groups + channel / GROUP, &work, input + channel, output + channel);
    }
}
#else
typedef int kshot_dsp_depthwise3x3_s8_is_left_out; /* a file must not be empty */
#endif
