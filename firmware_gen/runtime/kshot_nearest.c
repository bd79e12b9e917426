/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_nearest.h"

#include <stddef.h>

#include "kshot_exemplars.h"

const kshot_learner kshot_nearest_learner = {
    .has_memory = kshot_exemplars_has_memory,
    .wipe = kshot_exemplars_wipe,
    .copy = kshot_exemplars_copy,
    .close_gap = kshot_exemplars_close_gap,
    .add = kshot_exemplars_add,
    .take_back = kshot_exemplars_take_back,
    .settle = NULL,
    .adapt = NULL,
    .classify = NULL,
    .distance = kshot_exemplars_distance,
    .spread = kshot_exemplars_spread,
};
