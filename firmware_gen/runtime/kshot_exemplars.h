/* SPDX-License-Identifier: Apache-2.0 */
/* Slots that keep every shot: `exemplars`, and `notes` beside them where a learner has those.
 *
 * Shared by the learners of kshot_nearest.h, kshot_attention.h and kshot_gradient_head.h; the calls are those of
 * kshot_learner.h. */
#ifndef KSHOT_EXEMPLARS_H
#define KSHOT_EXEMPLARS_H

#include <stddef.h>

#include "kshot_learner.h"

#ifdef __cplusplus
extern "C" {
#endif

bool kshot_exemplars_has_memory(const kshot_slots *slots);
void kshot_exemplars_wipe(const kshot_slots *slots, uint32_t slot);
void kshot_exemplars_copy(const kshot_slots *slots, uint32_t from, uint32_t to);
void kshot_exemplars_close_gap(const kshot_slots *slots, uint32_t first, uint32_t last);
void kshot_exemplars_add(const kshot_slots *slots, uint32_t slot, const int8_t *embedding);
/* Takes back the latest shot that equals the embedding. */
bool kshot_exemplars_take_back(const kshot_slots *slots, uint32_t slot, const int8_t *embedding);
/* Squared distance to the nearest shot of the slot. */
uint32_t kshot_exemplars_distance(const kshot_slots *slots, uint32_t slot, const int8_t *embedding);

uint32_t kshot_exemplars_spread(const kshot_slots *slots, uint32_t slot);

/* A shot of a slot, int8 [embedding_len]. */
static inline const int8_t *kshot_exemplars_shot(const kshot_slots *slots, uint32_t slot, uint32_t shot)
{
    return slots->exemplars + ((size_t)slot * slots->max_shots + shot) * slots->embedding_len;
}

#ifdef __cplusplus
}
#endif
#endif
