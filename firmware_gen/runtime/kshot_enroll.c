/* SPDX-License-Identifier: Apache-2.0 */
/* Enrollment, labels and ids. What is learned from a shot, and how near an input is to a class, is the learner's. */
#include "kshot_classes.h"

#include <string.h>

#include "kshot_label.h"

static const kshot_learner *learner_of(const kshot *k)
{
    return k->model->learner;
}

void kshot_wipe_slot(const kshot *k, uint16_t slot)
{
    learner_of(k)->wipe(&k->slots, slot);
    kshot_learner_wipe_bytes(&k->slots.classes[slot], sizeof(kshot_class));
}

void kshot_wipe_last_run(const kshot *k)
{
    kshot_learner_wipe_bytes(k->embedding, k->model->embedding_len);
    kshot_learner_wipe_bytes(k->arena, k->model->arena_bytes);
}

void kshot_adapt(const kshot *k)
{
    if (learner_of(k)->adapt != NULL && k->class_count > 0) {
        learner_of(k)->adapt(&k->slots, k->class_count);
    }
}

void kshot_adapt_all(kshot *k)
{
    kshot_adapt(k);
    if (k->rejector.rejection != NULL) {
        k->rejector.rejection->calls->rebuild(&k->rejector, &k->slots, k->class_count);
    }
}

uint16_t kshot_find_label(const kshot *k, const char *label)
{
    uint16_t index = 0;
    while (index < k->class_count && strcmp(k->slots.classes[index].label, label) != 0) {
        index++;
    }
    return index;
}

uint16_t kshot_find_id(const kshot *k, uint16_t id)
{
    uint16_t index = 0;
    while (index < k->class_count && k->slots.classes[index].id != id) {
        index++;
    }
    return index;
}

/* There is one: classes are fewer than ids. */
uint16_t kshot_unused_id(const kshot *k)
{
    uint16_t id = k->next_id;
    while (id == 0 || id > KSHOT_MAX_CLASS_ID || kshot_find_id(k, id) < k->class_count) {
        id++;
    }
    return id;
}

/* Where a class with this id belongs: behind all, until ids begin again. */
static uint16_t place_of(const kshot *k, uint16_t id)
{
    uint16_t index = k->class_count;
    while (index > 0 && k->slots.classes[index - 1].id > id) {
        index--;
    }
    return index;
}

uint16_t kshot_take_in_staging(kshot *k, uint16_t target)
{
    const uint16_t staging = kshot_staging_slot(k);
    uint16_t index = target;

    if (target == k->class_count) {
        index = place_of(k, kshot_staging_class(k)->id);
        for (uint16_t i = k->class_count; i > index; i--) {
            learner_of(k)->copy(&k->slots, i - 1u, i);
            k->slots.classes[i] = k->slots.classes[i - 1];
        }
        k->next_id = (uint16_t)(kshot_staging_class(k)->id + 1);
        k->class_count++;
    }
    if (learner_of(k)->settle != NULL) {
        learner_of(k)->settle(&k->slots, staging);
    }
    learner_of(k)->copy(&k->slots, staging, index);
    k->slots.classes[index] = *kshot_staging_class(k);
    kshot_wipe_slot(k, staging);
    return index;
}

static kshot_status begin(kshot *k, const char *label, bool anew)
{
    const uint32_t label_len = kshot_label_len(label);
    uint16_t index;

    if (k == NULL || label_len == 0) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!kshot_is_ready(k) || k->enrolling != KSHOT_NOT_ENROLLING) {
        return KSHOT_ERROR_STATE;
    }
    index = kshot_find_label(k, label);
    if (index == k->max_classes) {
        return KSHOT_ERROR_FULL;
    }
    kshot_wipe_slot(k, kshot_staging_slot(k));
    memcpy(kshot_staging_class(k)->label, label, label_len);
    if (index < k->class_count) {
        kshot_staging_class(k)->id = k->slots.classes[index].id;
    }
    if (index < k->class_count && !anew) {
        kshot_staging_class(k)->shots = k->slots.classes[index].shots;
        learner_of(k)->copy(&k->slots, index, kshot_staging_slot(k));
    }
    k->enrolling = (int16_t)index;
    k->rejector.quality = (kshot_quality){0};
    return KSHOT_OK;
}

kshot_status kshot_enroll_begin(kshot *k, const char *label)
{
    return begin(k, label, false);
}

kshot_status kshot_enroll_begin_anew(kshot *k, const char *label)
{
    return begin(k, label, true);
}

/* What every call that changes the open enrollment asks first. */
static kshot_status check_enrolling(const kshot *k, const int8_t *values)
{
    if (k == NULL || values == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    return kshot_is_ready(k) && k->enrolling != KSHOT_NOT_ENROLLING ? KSHOT_OK : KSHOT_ERROR_STATE;
}

kshot_status kshot_enroll_add(kshot *k, const int8_t *input)
{
    const kshot_status status = check_enrolling(k, input);
    if (status != KSHOT_OK) {
        return status;
    }
    if (kshot_staging_class(k)->shots >= k->slots.max_shots) {
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
    if (kshot_staging_class(k)->shots >= k->slots.max_shots) {
        return KSHOT_ERROR_FULL;
    }
    if (k->rejector.rejection != NULL) {
        const kshot_enrollment_slots enrollment = {kshot_staging_slot(k), (uint16_t)k->enrolling};
        k->rejector.rejection->calls->examine(&k->rejector, &k->slots, k->class_count, &enrollment, embedding);
    }
    learner_of(k)->add(&k->slots, kshot_staging_slot(k), embedding);
    kshot_staging_class(k)->shots++;
    return KSHOT_OK;
}

kshot_status kshot_enroll_take_back_embedding(kshot *k, const int8_t *embedding)
{
    const kshot_status status = check_enrolling(k, embedding);

    if (status != KSHOT_OK) {
        return status;
    }
    if (kshot_staging_class(k)->shots == 0) {
        return KSHOT_ERROR_EMPTY;
    }
    if (!learner_of(k)->take_back(&k->slots, kshot_staging_slot(k), embedding)) {
        return KSHOT_ERROR_ARGUMENT;
    }
    kshot_staging_class(k)->shots--;
    return KSHOT_OK;
}

kshot_status kshot_check_commit(const kshot *k)
{
    if (k == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!kshot_is_ready(k) || k->enrolling == KSHOT_NOT_ENROLLING) {
        return KSHOT_ERROR_STATE;
    }
    return kshot_staging_class(k)->shots > 0 ? KSHOT_OK : KSHOT_ERROR_EMPTY;
}

/* Rejection follows: from the one class that changed, or from all where others had to move. */
static void tell_rejector(kshot *k, uint16_t index, bool others_moved)
{
    const kshot_reject_calls *calls;

    if (k->rejector.rejection == NULL) {
        return;
    }
    calls = k->rejector.rejection->calls;
    if (others_moved) {
        calls->rebuild(&k->rejector, &k->slots, k->class_count);
    } else {
        calls->on_change(&k->rejector, &k->slots, k->class_count, index);
    }
    k->rejector.quality.rate_is_met = calls->meets_rate(&k->rejector, &k->slots, index);
}

kshot_status kshot_enroll_commit(kshot *k, uint16_t *class_id)
{
    const kshot_status status = kshot_check_commit(k);
    uint16_t target, index;

    if (status != KSHOT_OK) {
        return status;
    }
    target = (uint16_t)k->enrolling;
    if (target == k->class_count) {
        kshot_staging_class(k)->id = kshot_unused_id(k);
    }
    k->enrolling = KSHOT_NOT_ENROLLING;
    index = kshot_take_in_staging(k, target);
    kshot_adapt(k);
    tell_rejector(k, index, index != target);
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
    if (!kshot_is_ready(k) || k->enrolling == KSHOT_NOT_ENROLLING) {
        return KSHOT_ERROR_STATE;
    }
    k->enrolling = KSHOT_NOT_ENROLLING;
    kshot_wipe_slot(k, kshot_staging_slot(k));
    kshot_wipe_last_run(k);
    return KSHOT_OK;
}

kshot_status kshot_forget(kshot *k, uint16_t class_id)
{
    uint16_t index, last;

    if (k == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!kshot_is_ready(k) || k->enrolling != KSHOT_NOT_ENROLLING) {
        return KSHOT_ERROR_STATE;
    }
    index = kshot_find_id(k, class_id);
    if (index == k->class_count) {
        return KSHOT_ERROR_NOT_FOUND;
    }
    last = (uint16_t)(k->class_count - 1);
    memmove(&k->slots.classes[index], &k->slots.classes[index + 1], (size_t)(last - index) * sizeof(kshot_class));
    learner_of(k)->close_gap(&k->slots, index, last);
    kshot_wipe_slot(k, last);
    kshot_wipe_last_run(k);
    k->class_count = last;
    kshot_adapt(k);
    if (k->rejector.rejection != NULL) {
        k->rejector.rejection->calls->on_removal(&k->rejector, &k->slots, last, index);
    }
    return KSHOT_OK;
}

kshot_status kshot_check_rename(const kshot *k, uint16_t class_id, const char *label)
{
    uint16_t index, named;

    if (k == NULL || kshot_label_len(label) == 0) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!kshot_is_ready(k) || k->enrolling != KSHOT_NOT_ENROLLING) {
        return KSHOT_ERROR_STATE;
    }
    index = kshot_find_id(k, class_id);
    if (index == k->class_count) {
        return KSHOT_ERROR_NOT_FOUND;
    }
    named = kshot_find_label(k, label);
    return named == k->class_count || named == index ? KSHOT_OK : KSHOT_ERROR_ARGUMENT;
}

kshot_status kshot_rename(kshot *k, uint16_t class_id, const char *label)
{
    kshot_class *renamed;
    const kshot_status status = kshot_check_rename(k, class_id, label);

    if (status == KSHOT_OK) {
        renamed = &k->slots.classes[kshot_find_id(k, class_id)];
        memset(renamed->label, 0, sizeof renamed->label);
        memcpy(renamed->label, label, kshot_label_len(label));
    }
    return status;
}

kshot_status kshot_wipe(kshot *k)
{
    if (k == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (!kshot_is_ready(k) || k->enrolling != KSHOT_NOT_ENROLLING) {
        return KSHOT_ERROR_STATE;
    }
    while (k->class_count > 0) {
        kshot_wipe_slot(k, --k->class_count);
    }
    kshot_wipe_last_run(k);
    if (k->rejector.rejection != NULL) {
        (void)kshot_negatives_forget(k);
        k->rejector.rejection->calls->rebuild(&k->rejector, &k->slots, 0);
    }
    return KSHOT_OK;
}
