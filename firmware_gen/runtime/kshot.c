/* SPDX-License-Identifier: Apache-2.0 */
/* Enrollment, labels and ids. What is learned from a shot, and how near an input is to a class, is the learner's. */
#include "kshot.h"

#include <string.h>

#include "kshot_label.h"

#define ARENA_ALIGNMENT_BYTES 8u
#define NOT_ENROLLING (-1)

static bool is_ready(const kshot *k)
{
    return k != NULL && k->model != NULL;
}

static const kshot_learner *learner_of(const kshot *k)
{
    return k->model->learner;
}

/* Enrollment happens in the slot behind the last class, so that commit is a copy and abort leaves the classes alone. */
static uint16_t staging_slot(const kshot *k)
{
    return k->max_classes;
}

static kshot_class *staging_class(const kshot *k)
{
    return &k->slots.classes[staging_slot(k)];
}

static void wipe_slot(const kshot *k, uint16_t slot)
{
    learner_of(k)->wipe(&k->slots, slot);
    kshot_learner_wipe_bytes(&k->slots.classes[slot], sizeof(kshot_class));
}

/* The last run may have been on a shot of what is being forgotten. */
static void wipe_last_run(const kshot *k)
{
    kshot_learner_wipe_bytes(k->embedding, k->model->embedding_len);
    kshot_learner_wipe_bytes(k->arena, k->model->arena_bytes);
}

static void adapt(const kshot *k)
{
    if (learner_of(k)->adapt != NULL && k->class_count > 0) {
        learner_of(k)->adapt(&k->slots, k->class_count);
    }
}

/* Index of the class, class_count if there is none. */
static uint16_t find_label(const kshot *k, const char *label)
{
    uint16_t index = 0;
    while (index < k->class_count && strcmp(k->slots.classes[index].label, label) != 0) {
        index++;
    }
    return index;
}

static uint16_t find_id(const kshot *k, uint16_t id)
{
    uint16_t index = 0;
    while (index < k->class_count && k->slots.classes[index].id != id) {
        index++;
    }
    return index;
}

/* The next id in turn that is not 0 and names no class. There is one: classes are fewer than ids. */
static uint16_t unused_id(const kshot *k)
{
    uint16_t id = k->next_id;
    while (id == 0 || find_id(k, id) < k->class_count) {
        id++;
    }
    return id;
}

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
        rejector->rejection->calls->reset(rejector);
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
        k->enrolling = NOT_ENROLLING;
        start_rejector(k, &buffers->reject);
    }
    return status;
}

kshot_status kshot_embed(kshot *k, const int8_t *input, int8_t *embedding)
{
    if (k == NULL || input == NULL || embedding == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!is_ready(k)) {
        return KSHOT_ERROR_STATE;
    }
    k->model->embed(input, embedding, k->arena);
    return KSHOT_OK;
}

kshot_status kshot_enroll_begin(kshot *k, const char *label)
{
    const uint32_t label_len = kshot_label_len(label);
    uint16_t index;

    if (k == NULL || label_len == 0) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!is_ready(k) || k->enrolling != NOT_ENROLLING) {
        return KSHOT_ERROR_STATE;
    }
    index = find_label(k, label);
    if (index == k->max_classes) {
        return KSHOT_ERROR_FULL;
    }
    if (index < k->class_count) {
        *staging_class(k) = k->slots.classes[index];
        learner_of(k)->copy(&k->slots, index, staging_slot(k));
    } else {
        wipe_slot(k, staging_slot(k));
        memcpy(staging_class(k)->label, label, label_len);
    }
    k->enrolling = (int16_t)index;
    k->rejector.quality = (kshot_quality){0};
    return KSHOT_OK;
}

/* What every call that changes the open enrollment asks first. */
static kshot_status check_enrolling(const kshot *k, const int8_t *values)
{
    if (k == NULL || values == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    return is_ready(k) && k->enrolling != NOT_ENROLLING ? KSHOT_OK : KSHOT_ERROR_STATE;
}

kshot_status kshot_enroll_add(kshot *k, const int8_t *input)
{
    const kshot_status status = check_enrolling(k, input);
    if (status != KSHOT_OK) {
        return status;
    }
    if (staging_class(k)->shots >= k->slots.max_shots) {
        return KSHOT_ERROR_FULL;
    }
    k->model->embed(input, k->embedding, k->arena);
    return kshot_enroll_add_embedding(k, k->embedding);
}

kshot_status kshot_enroll_add_embedding(kshot *k, const int8_t *embedding)
{
    const kshot_status status = check_enrolling(k, embedding);

    if (status != KSHOT_OK) {
        return status;
    }
    if (staging_class(k)->shots >= k->slots.max_shots) {
        return KSHOT_ERROR_FULL;
    }
    if (k->rejector.rejection != NULL) {
        const kshot_enrollment_slots enrollment = {staging_slot(k), (uint16_t)k->enrolling};
        k->rejector.rejection->calls->examine(&k->rejector, &k->slots, k->class_count, &enrollment, embedding);
    }
    learner_of(k)->add(&k->slots, staging_slot(k), embedding);
    staging_class(k)->shots++;
    return KSHOT_OK;
}

kshot_status kshot_enroll_take_back_embedding(kshot *k, const int8_t *embedding)
{
    const kshot_status status = check_enrolling(k, embedding);

    if (status != KSHOT_OK) {
        return status;
    }
    if (staging_class(k)->shots == 0) {
        return KSHOT_ERROR_EMPTY;
    }
    if (!learner_of(k)->take_back(&k->slots, staging_slot(k), embedding)) {
        return KSHOT_ERROR_ARGUMENT;
    }
    staging_class(k)->shots--;
    return KSHOT_OK;
}

kshot_status kshot_enroll_commit(kshot *k, uint16_t *class_id)
{
    uint16_t index;

    if (k == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!is_ready(k) || k->enrolling == NOT_ENROLLING) {
        return KSHOT_ERROR_STATE;
    }
    if (staging_class(k)->shots == 0) {
        return KSHOT_ERROR_EMPTY;
    }
    index = (uint16_t)k->enrolling;
    if (index == k->class_count) {
        staging_class(k)->id = unused_id(k);
        k->next_id = (uint16_t)(staging_class(k)->id + 1);
        k->class_count++;
    }
    if (learner_of(k)->settle != NULL) {
        learner_of(k)->settle(&k->slots, staging_slot(k));
    }
    learner_of(k)->copy(&k->slots, staging_slot(k), index);
    k->slots.classes[index] = *staging_class(k);
    k->enrolling = NOT_ENROLLING;
    wipe_slot(k, staging_slot(k));
    adapt(k);
    if (k->rejector.rejection != NULL) {
        const kshot_reject_calls *const calls = k->rejector.rejection->calls;
        calls->on_change(&k->rejector, &k->slots, k->class_count, index);
        k->rejector.quality.rate_is_met = calls->meets_rate(&k->rejector, &k->slots, index);
    }
    if (class_id != NULL) {
        *class_id = k->slots.classes[index].id;
    }
    return KSHOT_OK;
}

kshot_status kshot_enroll_abort(kshot *k)
{
    if (k == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!is_ready(k) || k->enrolling == NOT_ENROLLING) {
        return KSHOT_ERROR_STATE;
    }
    k->enrolling = NOT_ENROLLING;
    wipe_slot(k, staging_slot(k));
    wipe_last_run(k);
    return KSHOT_OK;
}

kshot_status kshot_forget(kshot *k, uint16_t class_id)
{
    uint16_t index, last;

    if (k == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!is_ready(k) || k->enrolling != NOT_ENROLLING) {
        return KSHOT_ERROR_STATE;
    }
    index = find_id(k, class_id);
    if (index == k->class_count) {
        return KSHOT_ERROR_NOT_FOUND;
    }
    last = (uint16_t)(k->class_count - 1);
    memmove(&k->slots.classes[index], &k->slots.classes[index + 1], (size_t)(last - index) * sizeof(kshot_class));
    learner_of(k)->close_gap(&k->slots, index, last);
    wipe_slot(k, last);
    wipe_last_run(k);
    k->class_count = last;
    adapt(k);
    if (k->rejector.rejection != NULL) {
        k->rejector.rejection->calls->on_removal(&k->rejector, &k->slots, last, index);
    }
    return KSHOT_OK;
}

uint16_t kshot_class_count(const kshot *k)
{
    return is_ready(k) ? k->class_count : 0;
}

kshot_status kshot_class_at(const kshot *k, uint16_t index, kshot_class *out)
{
    if (k == NULL || out == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!is_ready(k)) {
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
    if (!is_ready(k)) {
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
        const kshot_winner winner = kshot_learner_classify(learner_of(k), &k->slots, k->class_count, embedding);
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
    if (!is_ready(k)) {
        return KSHOT_ERROR_STATE;
    }
    if (k->model->same_distance == 0) {
        return KSHOT_ERROR_MODEL;
    }
    return find_id(k, class_id) < k->class_count ? KSHOT_OK : KSHOT_ERROR_NOT_FOUND;
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
        verification->distance = learner_of(k)->distance(&k->slots, find_id(k, class_id), embedding);
        verification->same = verification->distance <= k->model->same_distance;
    }
    return status;
}
