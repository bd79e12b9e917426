/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of kshot.h about what belongs to no class; how it is rejected is kshot_reject.c's. */
#include "kshot.h"

#include <string.h>

/* What every call for rejection asks first. */
static kshot_status check_rejector(const kshot *k, const void *values)
{
    if (k == NULL || values == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (k->model == NULL) {
        return KSHOT_ERROR_STATE;
    }
    return k->rejector.rejection != NULL ? KSHOT_OK : KSHOT_ERROR_MODEL;
}

kshot_status kshot_enroll_quality(const kshot *k, kshot_quality *quality)
{
    const kshot_status status = check_rejector(k, quality);
    if (status == KSHOT_OK) {
        *quality = k->rejector.quality;
    }
    return status;
}

kshot_status kshot_set_false_accepts(kshot *k, uint16_t per_mille)
{
    const kshot_status status = check_rejector(k, k);
    const uint32_t rate = kshot_reject_rate(per_mille);

    if (status != KSHOT_OK) {
        return status;
    }
    if (rate < KSHOT_REJECT_RATE_MIN || rate > KSHOT_REJECT_RATE_MAX) {
        return KSHOT_ERROR_ARGUMENT;
    }
    k->rejector.rate = rate;
    k->rejector.rejection->calls->set_thresholds(&k->rejector, &k->slots, k->class_count);
    return KSHOT_OK;
}

static int8_t *next_negative(const kshot *k)
{
    return k->rejector.memory.negatives + (size_t)k->rejector.negative_count * k->slots.embedding_len;
}

/* What both ways to add a negative ask first. */
static kshot_status check_negative(const kshot *k, const int8_t *values)
{
    const kshot_status status = check_rejector(k, values);
    if (status != KSHOT_OK) {
        return status;
    }
    return k->rejector.negative_count < k->rejector.memory.max_negatives ? KSHOT_OK : KSHOT_ERROR_FULL;
}

kshot_status kshot_negative_add(kshot *k, const int8_t *input)
{
    const kshot_status status = check_negative(k, input);
    if (status == KSHOT_OK) {
        k->model->embed(input, next_negative(k), k->arena);
        k->rejector.negative_count++;
    }
    return status;
}

kshot_status kshot_negative_add_embedding(kshot *k, const int8_t *embedding)
{
    const kshot_status status = check_negative(k, embedding);
    if (status == KSHOT_OK) {
        memcpy(next_negative(k), embedding, k->slots.embedding_len);
        k->rejector.negative_count++;
    }
    return status;
}

kshot_status kshot_negatives_forget(kshot *k)
{
    const kshot_status status = check_rejector(k, k);
    if (status == KSHOT_OK) {
        k->rejector.negative_count = 0;
        kshot_learner_wipe_bytes(k->rejector.memory.negatives,
                                 (uint32_t)k->rejector.memory.max_negatives * k->slots.embedding_len);
        kshot_learner_wipe_bytes(k->embedding, k->model->embedding_len);
        kshot_learner_wipe_bytes(k->arena, k->model->arena_bytes);
    }
    return status;
}
