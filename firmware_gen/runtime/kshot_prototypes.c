/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_prototypes.h"

#include <stddef.h>
#include <string.h>

#define ONE (1 << KSHOT_PROTOTYPE_FRACTION_BITS)

static int32_t *sums_of(const kshot_slots *slots, uint32_t slot)
{
    return slots->sums + (size_t)slot * slots->embedding_len;
}

static int16_t *prototype_of(const kshot_slots *slots, uint32_t slot)
{
    return slots->prototypes + (size_t)slot * slots->embedding_len;
}

static bool has_memory(const kshot_slots *slots)
{
    return slots->sums != NULL && slots->prototypes != NULL;
}

static void wipe(const kshot_slots *slots, uint32_t slot)
{
    kshot_learner_wipe_bytes(sums_of(slots, slot), slots->embedding_len * (uint32_t)sizeof *slots->sums);
    kshot_learner_wipe_bytes(prototype_of(slots, slot), slots->embedding_len * (uint32_t)sizeof *slots->prototypes);
    if (slots->squares != NULL) {
        kshot_learner_wipe_bytes(&slots->squares[slot], (uint32_t)sizeof *slots->squares);
    }
}

static void copy(const kshot_slots *slots, uint32_t from, uint32_t to)
{
    memcpy(sums_of(slots, to), sums_of(slots, from), slots->embedding_len * sizeof *slots->sums);
    memcpy(prototype_of(slots, to), prototype_of(slots, from), slots->embedding_len * sizeof *slots->prototypes);
    if (slots->squares != NULL) {
        slots->squares[to] = slots->squares[from];
    }
}

static void close_gap(const kshot_slots *slots, uint32_t first, uint32_t last)
{
    const size_t len = (size_t)(last - first) * slots->embedding_len;
    memmove(sums_of(slots, first), sums_of(slots, first + 1), len * sizeof *slots->sums);
    memmove(prototype_of(slots, first), prototype_of(slots, first + 1), len * sizeof *slots->prototypes);
    if (slots->squares != NULL) {
        memmove(&slots->squares[first], &slots->squares[first + 1], (last - first) * sizeof *slots->squares);
    }
}

static void add(const kshot_slots *slots, uint32_t slot, const int8_t *embedding)
{
    int32_t *const sums = sums_of(slots, slot);

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        sums[i] += embedding[i];
    }
    if (slots->squares != NULL) {
        slots->squares[slot] += kshot_learner_square(embedding, slots->embedding_len);
    }
}

static bool take_back(const kshot_slots *slots, uint32_t slot, const int8_t *embedding)
{
    int32_t *const sums = sums_of(slots, slot);
    const int32_t left = slots->classes[slot].shots - 1;
    const uint32_t square = kshot_learner_square(embedding, slots->embedding_len);

    if (slots->squares != NULL && slots->squares[slot] < square) {
        return false;
    }
    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        const int32_t sum = sums[i] - embedding[i];
        if (sum < left * INT8_MIN || sum > left * INT8_MAX) {
            return false;
        }
    }
    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        sums[i] -= embedding[i];
    }
    if (slots->squares != NULL) {
        slots->squares[slot] -= square;
    }
    return true;
}

static void settle(const kshot_slots *slots, uint32_t slot)
{
    const int32_t *const sums = sums_of(slots, slot);
    int16_t *const prototype = prototype_of(slots, slot);
    const int32_t shots = slots->classes[slot].shots;

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        prototype[i] = kshot_learner_mean(sums[i], shots);
    }
}

static uint32_t distance(const kshot_slots *slots, uint32_t slot, const int8_t *embedding)
{
    const int16_t *const prototype = prototype_of(slots, slot);
    uint32_t sum = 0;

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        const int32_t difference = embedding[i] * ONE - prototype[i];
        sum += (uint32_t)(difference * difference);
    }
    return sum;
}

static uint32_t spread(const kshot_slots *slots, uint32_t slot)
{
    const int16_t *const prototype = prototype_of(slots, slot);
    uint32_t square = 0;

    if (slots->squares == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        square += (uint32_t)(prototype[i] * prototype[i]);
    }
    return kshot_learner_spread(slots->squares[slot], square, slots->classes[slot].shots);
}

const kshot_learner kshot_prototypes_learner = {
    .has_memory = has_memory,
    .wipe = wipe,
    .copy = copy,
    .close_gap = close_gap,
    .add = add,
    .take_back = take_back,
    .settle = settle,
    .adapt = NULL,
    .classify = NULL,
    .distance = distance,
    .spread = spread,
};
