/* SPDX-License-Identifier: Apache-2.0 */
/* State of a prototype: sums, int32 [embedding_len]; sum of the shots' squares, uint32, zero where there is none. */
#include <stddef.h>

#include "kshot_bytes.h"
#include "kshot_record.h"

static uint32_t state_bytes(const kshot_slots *slots)
{
    return 4u * slots->embedding_len + 4u;
}

static int32_t sum_at(const uint8_t *state, uint32_t i)
{
    return (int32_t)kshot_get_u32(state + 4 * i);
}

static uint32_t squares_in(const kshot_slots *slots, const uint8_t *state)
{
    return kshot_get_u32(state + 4u * slots->embedding_len);
}

static void save(const kshot_slots *slots, uint32_t slot, uint8_t *state)
{
    const int32_t *const sums = slots->sums + (size_t)slot * slots->embedding_len;

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        kshot_put_u32(state + 4 * i, (uint32_t)sums[i]);
    }
    kshot_put_u32(state + 4u * slots->embedding_len, slots->squares == NULL ? 0 : slots->squares[slot]);
}

/* Whether so many shots can have summed to this. */
static bool is_possible(const kshot_slots *slots, uint32_t shots, const uint8_t *state)
{
    const uint32_t largest_square = (16384u * slots->embedding_len + 8u) >> 4;
    const int32_t count = (int32_t)shots;

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        if (sum_at(state, i) < count * INT8_MIN || sum_at(state, i) > count * INT8_MAX) {
            return false;
        }
    }
    return squares_in(slots, state) <= (slots->squares == NULL ? 0 : shots * largest_square);
}

static void add(const kshot_slots *slots, uint32_t slot, const uint8_t *state)
{
    int32_t *const sums = slots->sums + (size_t)slot * slots->embedding_len;

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        sums[i] += sum_at(state, i);
    }
    if (slots->squares != NULL) {
        slots->squares[slot] += squares_in(slots, state);
    }
}

static kshot_status merge(const kshot_learner *learner, const kshot_slots *slots, uint32_t slot, uint32_t shots,
                          const uint8_t *state)
{
    kshot_class *const merged = &slots->classes[slot];

    (void)learner;
    if (shots == 0 || shots > slots->max_shots || !is_possible(slots, shots, state)) {
        return KSHOT_ERROR_CORRUPT;
    }
    if (merged->shots + shots > slots->max_shots) {
        return KSHOT_ERROR_FULL;
    }
    add(slots, slot, state);
    merged->shots = (uint16_t)(merged->shots + shots);
    return KSHOT_OK;
}

static bool load(const kshot_learner *learner, const kshot_slots *slots, uint32_t slot, uint32_t shots,
                 const uint8_t *state)
{
    return merge(learner, slots, slot, shots, state) == KSHOT_OK;
}

const kshot_record_format kshot_record_sums = {
    .state_bytes = state_bytes,
    .save = save,
    .load = load,
    .merge = merge,
};
