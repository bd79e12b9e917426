/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_exemplars.h"

#include <stddef.h>
#include <string.h>

static uint32_t slot_bytes(const kshot_slots *slots)
{
    return (uint32_t)slots->max_shots * slots->embedding_len;
}

static int8_t *exemplars_of(const kshot_slots *slots, uint32_t slot)
{
    return slots->exemplars + (size_t)slot * slot_bytes(slots);
}

static kshot_shot_note *notes_of(const kshot_slots *slots, uint32_t slot)
{
    return slots->notes + (size_t)slot * slots->max_shots;
}

bool kshot_exemplars_has_memory(const kshot_slots *slots)
{
    return slots->exemplars != NULL;
}

void kshot_exemplars_wipe(const kshot_slots *slots, uint32_t slot)
{
    kshot_learner_wipe_bytes(exemplars_of(slots, slot), slot_bytes(slots));
    if (slots->notes != NULL) {
        kshot_learner_wipe_bytes(notes_of(slots, slot), slots->max_shots * (uint32_t)sizeof *slots->notes);
    }
}

void kshot_exemplars_copy(const kshot_slots *slots, uint32_t from, uint32_t to)
{
    memcpy(exemplars_of(slots, to), exemplars_of(slots, from), slot_bytes(slots));
    if (slots->notes != NULL) {
        memcpy(notes_of(slots, to), notes_of(slots, from), slots->max_shots * sizeof *slots->notes);
    }
}

void kshot_exemplars_close_gap(const kshot_slots *slots, uint32_t first, uint32_t last)
{
    const size_t moved = last - first;
    memmove(exemplars_of(slots, first), exemplars_of(slots, first + 1), moved * slot_bytes(slots));
    if (slots->notes != NULL) {
        memmove(notes_of(slots, first), notes_of(slots, first + 1), moved * slots->max_shots * sizeof *slots->notes);
    }
}

void kshot_exemplars_add(const kshot_slots *slots, uint32_t slot, const int8_t *embedding)
{
    const size_t shots = slots->classes[slot].shots;
    memcpy(exemplars_of(slots, slot) + shots * slots->embedding_len, embedding, slots->embedding_len);
}

bool kshot_exemplars_take_back(const kshot_slots *slots, uint32_t slot, const int8_t *embedding)
{
    const size_t len = slots->embedding_len;
    const uint32_t shots = slots->classes[slot].shots;
    uint32_t shot = shots;

    while (shot > 0 && memcmp(kshot_exemplars_shot(slots, slot, shot - 1), embedding, len) != 0) {
        shot--;
    }
    if (shot == 0) {
        return false;
    }
    memmove(exemplars_of(slots, slot) + (shot - 1) * len, exemplars_of(slots, slot) + shot * len, (shots - shot) * len);
    kshot_learner_wipe_bytes(exemplars_of(slots, slot) + (shots - 1) * len, (uint32_t)len);
    if (slots->notes != NULL) {
        kshot_shot_note *const notes = notes_of(slots, slot);
        memmove(notes + shot - 1, notes + shot, (shots - shot) * sizeof *notes);
        kshot_learner_wipe_bytes(notes + shots - 1, (uint32_t)sizeof *notes);
    }
    return true;
}

uint32_t kshot_exemplars_distance(const kshot_slots *slots, uint32_t slot, const int8_t *embedding)
{
    uint32_t nearest = UINT32_MAX;

    for (uint32_t shot = 0; shot < slots->classes[slot].shots; shot++) {
        const int8_t *const exemplar = kshot_exemplars_shot(slots, slot, shot);
        uint32_t distance = 0;
        for (uint32_t i = 0; i < slots->embedding_len; i++) {
            const int32_t difference = embedding[i] - exemplar[i];
            distance += (uint32_t)(difference * difference);
        }
        if (distance < nearest) {
            nearest = distance;
        }
    }
    return nearest;
}

uint32_t kshot_exemplars_spread(const kshot_slots *slots, uint32_t slot)
{
    const uint32_t shots = slots->classes[slot].shots;
    uint32_t squares = 0, mean_square = 0;

    for (uint32_t shot = 0; shot < shots; shot++) {
        squares += kshot_learner_square(kshot_exemplars_shot(slots, slot, shot), slots->embedding_len);
    }
    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        int32_t sum = 0;
        for (uint32_t shot = 0; shot < shots; shot++) {
            sum += kshot_exemplars_shot(slots, slot, shot)[i];
        }
        const int32_t mean = kshot_learner_mean(sum, (int32_t)shots);
        mean_square += (uint32_t)(mean * mean);
    }
    return kshot_learner_spread(squares, mean_square, shots);
}
