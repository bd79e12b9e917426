/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning, and questions to what has been learned; what changes that is kshot_enroll.c's. */
#include "kshot_classes.h"

#define ARENA_ALIGNMENT_BYTES 8u

static kshot_status check_model(const kshot_model *model)
{
    const bool fits = model->embed != NULL && model->learner != NULL && model->input_len > 0 &&
                      model->embedding_len > 0 && model->embedding_len <= KSHOT_MAX_EMBEDDING_LEN;
    return fits ? KSHOT_OK : KSHOT_ERROR_MODEL;
}

static kshot_slots slots_of(const kshot_model *model, const kshot_buffers *buffers)
{
    const kshot_slots slots = {
        .classes = buffers->classes,
        .sums = buffers->sums,
        .prototypes = buffers->prototypes,
        .squares = buffers->squares,
        .exemplars = buffers->exemplars,
        .notes = buffers->notes,
        .head = buffers->head,
        .scratch = buffers->scratch,
        .params = model->learner_params,
        .embedding_len = (uint16_t)model->embedding_len,
        .max_shots = buffers->max_shots,
    };
    return slots;
}

static bool rejector_has_memory(const kshot_model *model, const kshot_reject_memory *memory)
{
    const bool negatives_fit = memory->max_negatives == 0 || memory->negatives != NULL;
    return model->rejection == NULL ||
           (memory->thresholds != NULL && memory->nearest != NULL && memory->nearest_slots != NULL && negatives_fit);
}

static void start_rejector(kshot *k, const kshot_reject_memory *memory)
{
    kshot_rejector *const rejector = &k->rejector;

    rejector->rejection = k->model->rejection;
    rejector->learner = k->model->learner;
    rejector->memory = *memory;
    rejector->rate = kshot_reject_rate(KSHOT_REJECT_DEFAULT_PER_MILLE);
    rejector->negative_count = 0;
    rejector->quality = (kshot_quality){0};
    if (rejector->rejection != NULL) {
        rejector->rejection->calls->rebuild(rejector, &k->slots, 0);
    }
}

static kshot_status check_buffers(const kshot_model *model, const kshot_buffers *buffers)
{
    const kshot_slots slots = slots_of(model, buffers);
    const bool arena_fits =
        model->arena_bytes == 0 || (buffers->arena != NULL && (uintptr_t)buffers->arena % ARENA_ALIGNMENT_BYTES == 0);
    const bool counts_fit = buffers->max_classes > 0 && buffers->max_classes <= INT16_MAX && buffers->max_shots > 0 &&
                            buffers->max_shots <= KSHOT_MAX_SHOTS;
    const bool slots_fit = buffers->embedding != NULL && buffers->classes != NULL && model->learner->has_memory(&slots);
    return arena_fits && counts_fit && slots_fit && rejector_has_memory(model, &buffers->reject) ? KSHOT_OK
                                                                                                 : KSHOT_ERROR_MEMORY;
}

kshot_status kshot_init(kshot *k, const kshot_model *model, const kshot_buffers *buffers)
{
    kshot_status status;

    if (k == NULL || model == NULL || buffers == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    status = check_model(model);
    if (status == KSHOT_OK) {
        status = check_buffers(model, buffers);
    }
    if (status == KSHOT_OK) {
        k->model = model;
        k->slots = slots_of(model, buffers);
        k->arena = buffers->arena;
        k->embedding = buffers->embedding;
        k->max_classes = buffers->max_classes;
        k->class_count = 0;
        k->next_id = 1;
        k->enrolling = KSHOT_NOT_ENROLLING;
        start_rejector(k, &buffers->reject);
    }
    return status;
}

kshot_status kshot_embed(kshot *k, const int8_t *input, int8_t *embedding)
{
    if (k == NULL || input == NULL || embedding == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!kshot_is_ready(k)) {
        return KSHOT_ERROR_STATE;
    }
    k->model->embed(input, embedding, k->arena);
    return KSHOT_OK;
}

uint16_t kshot_class_count(const kshot *k)
{
    return kshot_is_ready(k) ? k->class_count : 0;
}

kshot_status kshot_class_at(const kshot *k, uint16_t index, kshot_class *out)
{
    if (k == NULL || out == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!kshot_is_ready(k)) {
        return KSHOT_ERROR_STATE;
    }
    if (index >= k->class_count) {
        return KSHOT_ERROR_NOT_FOUND;
    }
    *out = k->slots.classes[index];
    return KSHOT_OK;
}

/* What both ways to classify ask first. */
static kshot_status check_classify(const kshot *k, const int8_t *values, const kshot_answer *answer)
{
    if (k == NULL || values == NULL || answer == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!kshot_is_ready(k)) {
        return KSHOT_ERROR_STATE;
    }
    return k->class_count > 0 ? KSHOT_OK : KSHOT_ERROR_EMPTY;
}

kshot_status kshot_classify(kshot *k, const int8_t *input, kshot_answer *answer)
{
    const kshot_status status = check_classify(k, input, answer);
    if (status != KSHOT_OK) {
        return status;
    }
    k->model->embed(input, k->embedding, k->arena);
    return kshot_classify_embedding(k, k->embedding, answer);
}

kshot_status kshot_classify_embedding(const kshot *k, const int8_t *embedding, kshot_answer *answer)
{
    const kshot_status status = check_classify(k, embedding, answer);
    if (status == KSHOT_OK) {
        const kshot_winner winner = kshot_learner_classify(k->model->learner, &k->slots, k->class_count, embedding);
        answer->class_id = k->slots.classes[winner.slot].id;
        answer->distance = winner.distance;
        answer->margin = winner.margin;
        answer->verdict = KSHOT_ACCEPT;
        if (k->rejector.rejection != NULL) {
            answer->verdict =
                k->rejector.rejection->calls->judge(&k->rejector, &k->slots, k->class_count, &winner, embedding);
        }
    }
    return status;
}

/* What both ways to verify ask first. */
static kshot_status check_verify(const kshot *k, uint16_t class_id, const int8_t *values, const kshot_verification *out)
{
    if (k == NULL || values == NULL || out == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!kshot_is_ready(k)) {
        return KSHOT_ERROR_STATE;
    }
    if (k->model->same_distance == 0) {
        return KSHOT_ERROR_MODEL;
    }
    return kshot_find_id(k, class_id) < k->class_count ? KSHOT_OK : KSHOT_ERROR_NOT_FOUND;
}

kshot_status kshot_verify(kshot *k, uint16_t class_id, const int8_t *input, kshot_verification *verification)
{
    const kshot_status status = check_verify(k, class_id, input, verification);
    if (status != KSHOT_OK) {
        return status;
    }
    k->model->embed(input, k->embedding, k->arena);
    return kshot_verify_embedding(k, class_id, k->embedding, verification);
}

kshot_status kshot_verify_embedding(const kshot *k, uint16_t class_id, const int8_t *embedding,
                                    kshot_verification *verification)
{
    const kshot_status status = check_verify(k, class_id, embedding, verification);
    if (status == KSHOT_OK) {
        verification->distance = k->model->learner->distance(&k->slots, kshot_find_id(k, class_id), embedding);
        verification->same = verification->distance <= k->model->same_distance;
    }
    return status;
}
