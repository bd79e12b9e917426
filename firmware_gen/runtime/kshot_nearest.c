/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_nearest.h"

#include <stddef.h>

#include "kshot_exemplars.h"

static kshot_winner classify(const kshot_slots *slots, uint16_t class_count, const int8_t *embedding)
{
    return kshot_learner_nearest(&kshot_nearest_learner, slots, class_count, embedding);
}

const kshot_learner kshot_nearest_learner = {
    .has_memory = kshot_exemplars_has_memory,
    .wipe = kshot_exemplars_wipe,
    .copy = kshot_exemplars_copy,
    .close_gap = kshot_exemplars_close_gap,
    .add = kshot_exemplars_add,
    .take_back = kshot_exemplars_take_back,
    .settle = NULL,
    .adapt = NULL,
    .classify = classify,
    .distance = kshot_exemplars_distance,
};
