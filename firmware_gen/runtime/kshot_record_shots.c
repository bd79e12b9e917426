/* SPDX-License-Identifier: Apache-2.0 */
/* State of a class that keeps its shots: int8 [max_shots][embedding_len], in the order in which they came. */
#include <string.h>

#include "kshot_exemplars.h"
#include "kshot_record.h"

static uint32_t state_bytes(const kshot_slots *slots)
{
    return (uint32_t)slots->max_shots * slots->embedding_len;
}

static const int8_t *shot_at(const kshot_slots *slots, uint32_t shot, const uint8_t *state)
{
    return (const int8_t *)state + (size_t)shot * slots->embedding_len;
}

static void save(const kshot_slots *slots, uint32_t slot, uint8_t *state)
{
    const size_t used = (size_t)slots->classes[slot].shots * slots->embedding_len;

    memcpy(state, kshot_exemplars_shot(slots, slot, 0), used);
    memset(state + used, 0, state_bytes(slots) - used);
}

static bool is_possible(const kshot_slots *slots, uint32_t shots, const uint8_t *state)
{
    if (shots == 0 || shots > slots->max_shots) {
        return false;
    }
    for (uint32_t i = shots * slots->embedding_len; i < state_bytes(slots); i++) {
        if (state[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool holds(const kshot_slots *slots, uint32_t slot, const int8_t *shot)
{
    for (uint32_t i = 0; i < slots->classes[slot].shots; i++) {
        if (memcmp(kshot_exemplars_shot(slots, slot, i), shot, slots->embedding_len) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether neither the class nor the state before it holds a shot of the state. */
static bool is_new(const kshot_slots *slots, uint32_t slot, uint32_t shot, const uint8_t *state)
{
    for (uint32_t i = 0; i < shot; i++) {
        if (memcmp(shot_at(slots, i, state), shot_at(slots, shot, state), slots->embedding_len) == 0) {
            return false;
        }
    }
    return !holds(slots, slot, shot_at(slots, shot, state));
}

static void add(const kshot_learner *learner, const kshot_slots *slots, uint32_t slot, const int8_t *shot)
{
    learner->add(slots, slot, shot);
    slots->classes[slot].shots++;
}

static bool load(const kshot_learner *learner, const kshot_slots *slots, uint32_t slot, uint32_t shots,
                 const uint8_t *state)
{
    if (!is_possible(slots, shots, state)) {
        return false;
    }
    for (uint32_t shot = 0; shot < shots; shot++) {
        add(learner, slots, slot, shot_at(slots, shot, state));
    }
    return true;
}

/* The union: a shot that the class has is not added again. */
static kshot_status merge(const kshot_learner *learner, const kshot_slots *slots, uint32_t slot, uint32_t shots,
                          const uint8_t *state)
{
    uint32_t count = slots->classes[slot].shots;

    if (!is_possible(slots, shots, state)) {
        return KSHOT_ERROR_CORRUPT;
    }
    for (uint32_t shot = 0; shot < shots; shot++) {
        count += is_new(slots, slot, shot, state);
    }
    if (count > slots->max_shots) {
        return KSHOT_ERROR_FULL;
    }
    for (uint32_t shot = 0; shot < shots; shot++) {
        if (!holds(slots, slot, shot_at(slots, shot, state))) {
            add(learner, slots, slot, shot_at(slots, shot, state));
        }
    }
    return KSHOT_OK;
}

const kshot_record_format kshot_record_shots = {
    .state_bytes = state_bytes,
    .save = save,
    .load = load,
    .merge = merge,
};
