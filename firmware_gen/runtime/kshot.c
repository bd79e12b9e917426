/* SPDX-License-Identifier: Apache-2.0 */
/* Enrollment, labels and ids. What is learned from a shot, and how near an input is to a class, is the learner's. */
#include "kshot.h"

#include <stdbool.h>
#include <string.h>

#include "kshot_label.h"
#include "kshot_prototypes.h"

#define ARENA_ALIGNMENT_BYTES 8u
#define NOT_ENROLLING (-1)

static bool is_ready(const kshot *k)
{
    return k != NULL && k->model != NULL;
}

static kshot_prototypes learner_of(const kshot *k)
{
    const kshot_prototypes learner = {k->buffers.sums, k->buffers.prototypes, k->model->embedding_len};
    return learner;
}

/* Enrollment happens in the slot behind the last class, so that commit is a copy and abort leaves the classes alone. */
static uint16_t staging_slot(const kshot *k)
{
    return k->buffers.max_classes;
}

static kshot_class *staging_class(const kshot *k)
{
    return &k->buffers.classes[staging_slot(k)];
}

/* Overwrites a slot's label and what it has learned, also where the compiler sees no one reading it again. */
static void wipe_slot(const kshot *k, uint16_t slot)
{
    const kshot_prototypes learner = learner_of(k);
    volatile uint8_t *const bytes = (volatile uint8_t *)&k->buffers.classes[slot];
    for (size_t i = 0; i < sizeof(kshot_class); i++) {
        bytes[i] = 0;
    }
    kshot_prototypes_wipe(&learner, slot);
}

/* Index of the class, class_count if there is none. */
static uint16_t find_label(const kshot *k, const char *label)
{
    uint16_t index = 0;
    while (index < k->class_count && strcmp(k->buffers.classes[index].label, label) != 0) {
        index++;
    }
    return index;
}

static uint16_t find_id(const kshot *k, uint16_t id)
{
    uint16_t index = 0;
    while (index < k->class_count && k->buffers.classes[index].id != id) {
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
    const bool fits = model->embed != NULL && model->input_len > 0 && model->embedding_len > 0 &&
                      model->embedding_len <= KSHOT_MAX_EMBEDDING_LEN;
    return fits ? KSHOT_OK : KSHOT_ERROR_MODEL;
}

static kshot_status check_buffers(const kshot_buffers *buffers, uint32_t arena_bytes)
{
    const bool arena_fits =
        arena_bytes == 0 || (buffers->arena != NULL && (uintptr_t)buffers->arena % ARENA_ALIGNMENT_BYTES == 0);
    const bool slots_fit = buffers->embedding != NULL && buffers->sums != NULL && buffers->prototypes != NULL &&
                           buffers->classes != NULL && buffers->max_classes > 0 && buffers->max_classes <= INT16_MAX;
    return arena_fits && slots_fit ? KSHOT_OK : KSHOT_ERROR_MEMORY;
}

kshot_status kshot_init(kshot *k, const kshot_model *model, const kshot_buffers *buffers)
{
    kshot_status status;

    if (k == NULL || model == NULL || buffers == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    status = check_model(model);
    if (status == KSHOT_OK) {
        status = check_buffers(buffers, model->arena_bytes);
    }
    if (status == KSHOT_OK) {
        k->model = model;
        k->buffers = *buffers;
        k->class_count = 0;
        k->next_id = 1;
        k->enrolling = NOT_ENROLLING;
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
    k->model->embed(input, embedding, k->buffers.arena);
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
    if (index == k->buffers.max_classes) {
        return KSHOT_ERROR_FULL;
    }
    if (index < k->class_count) {
        const kshot_prototypes learner = learner_of(k);
        *staging_class(k) = k->buffers.classes[index];
        kshot_prototypes_copy(&learner, index, staging_slot(k));
    } else {
        wipe_slot(k, staging_slot(k));
        memcpy(staging_class(k)->label, label, label_len);
    }
    k->enrolling = (int16_t)index;
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
    if (staging_class(k)->shots == KSHOT_MAX_SHOTS) {
        return KSHOT_ERROR_FULL;
    }
    k->model->embed(input, k->buffers.embedding, k->buffers.arena);
    return kshot_enroll_add_embedding(k, k->buffers.embedding);
}

kshot_status kshot_enroll_add_embedding(kshot *k, const int8_t *embedding)
{
    const kshot_status status = check_enrolling(k, embedding);
    kshot_prototypes learner;

    if (status != KSHOT_OK) {
        return status;
    }
    if (staging_class(k)->shots == KSHOT_MAX_SHOTS) {
        return KSHOT_ERROR_FULL;
    }
    learner = learner_of(k);
    kshot_prototypes_add(&learner, staging_slot(k), embedding);
    staging_class(k)->shots++;
    return KSHOT_OK;
}

kshot_status kshot_enroll_take_back_embedding(kshot *k, const int8_t *embedding)
{
    const kshot_status status = check_enrolling(k, embedding);
    kshot_prototypes learner;

    if (status != KSHOT_OK) {
        return status;
    }
    if (staging_class(k)->shots == 0) {
        return KSHOT_ERROR_EMPTY;
    }
    learner = learner_of(k);
    if (!kshot_prototypes_take_back(&learner, staging_slot(k), embedding, staging_class(k)->shots)) {
        return KSHOT_ERROR_ARGUMENT;
    }
    staging_class(k)->shots--;
    return KSHOT_OK;
}

kshot_status kshot_enroll_commit(kshot *k, uint16_t *class_id)
{
    kshot_prototypes learner;
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
    learner = learner_of(k);
    kshot_prototypes_update(&learner, staging_slot(k), staging_class(k)->shots);
    kshot_prototypes_copy(&learner, staging_slot(k), index);
    k->buffers.classes[index] = *staging_class(k);
    k->enrolling = NOT_ENROLLING;
    wipe_slot(k, staging_slot(k));
    if (class_id != NULL) {
        *class_id = k->buffers.classes[index].id;
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
    return KSHOT_OK;
}

kshot_status kshot_forget(kshot *k, uint16_t class_id)
{
    kshot_prototypes learner;
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
    learner = learner_of(k);
    last = (uint16_t)(k->class_count - 1);
    memmove(&k->buffers.classes[index], &k->buffers.classes[index + 1], (size_t)(last - index) * sizeof(kshot_class));
    kshot_prototypes_close_gap(&learner, index, last);
    wipe_slot(k, last);
    k->class_count = last;
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
    *out = k->buffers.classes[index];
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
    k->model->embed(input, k->buffers.embedding, k->buffers.arena);
    return kshot_classify_embedding(k, k->buffers.embedding, answer);
}

kshot_status kshot_classify_embedding(const kshot *k, const int8_t *embedding, kshot_answer *answer)
{
    const kshot_status status = check_classify(k, embedding, answer);
    uint32_t nearest = UINT32_MAX, second = UINT32_MAX; /* no distance is that large */
    uint16_t nearest_index = 0;
    kshot_prototypes learner;

    if (status != KSHOT_OK) {
        return status;
    }
    learner = learner_of(k);
    for (uint16_t i = 0; i < k->class_count; i++) {
        const uint32_t distance = kshot_prototypes_distance(&learner, i, embedding);
        if (distance < nearest) {
            second = nearest;
            nearest = distance;
            nearest_index = i;
        } else if (distance < second) {
            second = distance;
        }
    }
    answer->class_id = k->buffers.classes[nearest_index].id;
    answer->distance = nearest;
    answer->margin = k->class_count > 1 ? second - nearest : UINT32_MAX;
    return KSHOT_OK;
}
