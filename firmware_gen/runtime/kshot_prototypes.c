/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_prototypes.h"

#include <string.h>

#define ONE (1 << KSHOT_PROTOTYPE_FRACTION_BITS)

static int32_t *sums_of(const kshot_prototypes *learner, uint32_t slot)
{
    return learner->sums + slot * learner->embedding_len;
}

static int16_t *prototype_of(const kshot_prototypes *learner, uint32_t slot)
{
    return learner->prototypes + slot * learner->embedding_len;
}

void kshot_prototypes_wipe(const kshot_prototypes *learner, uint32_t slot)
{
    volatile int32_t *const sums = sums_of(learner, slot);
    volatile int16_t *const prototype = prototype_of(learner, slot);
    for (uint32_t i = 0; i < learner->embedding_len; i++) {
        sums[i] = 0;
        prototype[i] = 0;
    }
}

void kshot_prototypes_copy(const kshot_prototypes *learner, uint32_t from, uint32_t to)
{
    const uint32_t len = learner->embedding_len;
    memcpy(sums_of(learner, to), sums_of(learner, from), len * sizeof *learner->sums);
    memcpy(prototype_of(learner, to), prototype_of(learner, from), len * sizeof *learner->prototypes);
}

void kshot_prototypes_add(const kshot_prototypes *learner, uint32_t slot, const int8_t *embedding)
{
    int32_t *const sums = sums_of(learner, slot);
    for (uint32_t i = 0; i < learner->embedding_len; i++) {
        sums[i] += embedding[i];
    }
}

bool kshot_prototypes_take_back(const kshot_prototypes *learner, uint32_t slot, const int8_t *embedding, uint32_t shots)
{
    int32_t *const sums = sums_of(learner, slot);
    const int32_t left = (int32_t)shots - 1;

    for (uint32_t i = 0; i < learner->embedding_len; i++) {
        const int32_t sum = sums[i] - embedding[i];
        if (sum < left * INT8_MIN || sum > left * INT8_MAX) {
            return false;
        }
    }
    for (uint32_t i = 0; i < learner->embedding_len; i++) {
        sums[i] -= embedding[i];
    }
    return true;
}

void kshot_prototypes_update(const kshot_prototypes *learner, uint32_t slot, uint32_t shots)
{
    const int32_t *const sums = sums_of(learner, slot);
    int16_t *const prototype = prototype_of(learner, slot);
    const int32_t count = (int32_t)shots;

    for (uint32_t i = 0; i < learner->embedding_len; i++) {
        const int32_t scaled = sums[i] * ONE;
        prototype[i] = (int16_t)((scaled < 0 ? scaled - count / 2 : scaled + count / 2) / count);
    }
}

void kshot_prototypes_close_gap(const kshot_prototypes *learner, uint32_t first, uint32_t last)
{
    const size_t len = (size_t)(last - first) * learner->embedding_len;
    memmove(sums_of(learner, first), sums_of(learner, first + 1), len * sizeof *learner->sums);
    memmove(prototype_of(learner, first), prototype_of(learner, first + 1), len * sizeof *learner->prototypes);
}

uint32_t kshot_prototypes_distance(const kshot_prototypes *learner, uint32_t slot, const int8_t *embedding)
{
    const int16_t *const prototype = prototype_of(learner, slot);
    uint32_t distance = 0;
    for (uint32_t i = 0; i < learner->embedding_len; i++) {
        const int32_t difference = embedding[i] * ONE - prototype[i];
        distance += (uint32_t)(difference * difference);
    }
    return distance;
}
