/* SPDX-License-Identifier: Apache-2.0 */
/* Every change asks first what could refuse it, then goes to flash; memory follows where the store says that it
 * happened, which its log sequence does. What is easier to do than to foresee is done in memory first and taken back.
 */
#include "kshot_persist.h"

#include <string.h>

#include "kshot_classes.h"
#include "kshot_label.h"

kshot_status kshot_persist_check(const kshot_persist *p)
{
    if (p == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (p->k == NULL) {
        return KSHOT_ERROR_STATE;
    }
#ifdef KSHOT_REQUIRE_UNLOCK
    return p->lock != NULL && p->lock->is_open ? KSHOT_OK : KSHOT_ERROR_LOCKED;
#else
    return p->lock == NULL || p->lock->is_open ? KSHOT_OK : KSHOT_ERROR_LOCKED;
#endif
}

kshot_status kshot_persist_guard(kshot_persist *p, const kshot_lock *lock)
{
    if (p == NULL || lock == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (p->k == NULL) {
        return KSHOT_ERROR_STATE;
    }
    p->lock = lock;
    return KSHOT_OK;
}

/* A slot as the record that a put asks for. */
typedef struct slot_record {
    const kshot_persist *p;
    uint16_t slot;
    const char *label; /* in place of the class's own; null for that */
} slot_record;

static void save_slot(void *context, uint16_t index, uint8_t *record)
{
    const slot_record *const from = context;

    (void)index;
    kshot_record_save(from->p->format, &from->p->k->slots, from->slot, record);
    if (from->label != NULL) {
        memset(record, 0, KSHOT_LABEL_BYTES);
        memcpy(record, from->label, kshot_label_len(from->label));
    }
}

/* Puts one record. *happened is true also where the store knows it but could not finish. */
static kshot_status put(kshot_persist *p, uint16_t id, void (*record)(void *, uint16_t, uint8_t *), void *context,
                        uint32_t token, bool *happened)
{
    const kshot_store_batch batch = {&id, 1, record, context};
    const uint32_t before = p->store.log_sequence;
    const kshot_status status = kshot_store_put_all(&p->store, &batch, token);

    *happened = p->store.log_sequence != before;
    return status;
}

kshot_status kshot_persist_commit(kshot_persist *p, uint16_t *class_id, uint32_t token)
{
    kshot_status status = kshot_persist_check(p);
    slot_record staged = {p, 0, NULL};
    bool happened;
    uint16_t target;

    if (status == KSHOT_OK) {
        status = kshot_check_commit(p->k);
    }
    if (status != KSHOT_OK) {
        return status;
    }
    staged.slot = kshot_staging_slot(p->k);
    target = (uint16_t)p->k->enrolling;
    status = put(p, target < p->k->class_count ? p->k->slots.classes[target].id : kshot_unused_id(p->k), save_slot,
                 &staged, token, &happened);
    if (happened) {
        (void)kshot_enroll_commit(p->k, class_id);
    }
    return status;
}

kshot_status kshot_persist_rename(kshot_persist *p, uint16_t class_id, const char *label, uint32_t token)
{
    kshot_status status = kshot_persist_check(p);
    slot_record renamed = {p, 0, label};
    bool happened;

    if (status == KSHOT_OK) {
        status = kshot_check_rename(p->k, class_id, label);
    }
    if (status != KSHOT_OK) {
        return status;
    }
    renamed.slot = kshot_find_id(p->k, class_id);
    status = put(p, class_id, save_slot, &renamed, token, &happened);
    if (happened) {
        (void)kshot_rename(p->k, class_id, label);
    }
    return status;
}

/* What every call that forgets asks first. */
static kshot_status check_forget(const kshot_persist *p)
{
    const kshot_status status = kshot_persist_check(p);

    if (status != KSHOT_OK) {
        return status;
    }
    return p->k->enrolling == KSHOT_NOT_ENROLLING ? KSHOT_OK : KSHOT_ERROR_STATE;
}

/* Forgets ids in flash; memory follows where *happened. */
static kshot_status forget(kshot_persist *p, uint16_t first, uint16_t last, uint32_t token, bool *happened)
{
    kshot_status status = check_forget(p);
    uint32_t before;

    *happened = false;
    if (status == KSHOT_OK) {
        before = p->store.log_sequence;
        status = kshot_store_forget_range(&p->store, first, last, token);
        *happened = p->store.log_sequence != before;
    }
    return status;
}

kshot_status kshot_persist_forget(kshot_persist *p, uint16_t class_id, uint32_t token)
{
    bool happened;
    kshot_status status;

    if (class_id > KSHOT_MAX_CLASS_ID) {
        return KSHOT_ERROR_NOT_FOUND;
    }
    status = forget(p, class_id, class_id, token, &happened);
    if (happened) {
        (void)kshot_forget(p->k, class_id); /* not there where its record could not be read */
    }
    return status;
}

kshot_status kshot_persist_negatives_forget(kshot_persist *p, uint32_t token)
{
    bool happened;
    const kshot_status status = forget(p, KSHOT_NEGATIVES_ID, KSHOT_SETTINGS_ID - 1, token, &happened);

    if (happened) {
        (void)kshot_negatives_forget(p->k);
    }
    return status;
}

static void set_rate(kshot *k, uint32_t rate)
{
    k->rejector.rate = rate;
    if (k->rejector.rejection != NULL) {
        k->rejector.rejection->calls->set_thresholds(&k->rejector, &k->slots, k->class_count);
    }
}

/* Wipes or formats. */
static kshot_status empty(kshot_persist *p, kshot_status (*call)(kshot_store *, uint32_t), uint32_t token)
{
    const kshot_status refused = check_forget(p);
    uint32_t before;
    kshot_status status;

    if (refused != KSHOT_OK) {
        return refused;
    }
    before = p->store.log_sequence;
    status = call(&p->store, token);
    if (p->store.log_sequence != before) {
        (void)kshot_wipe(p->k);
        set_rate(p->k, p->rate_before);
    }
    return status;
}

kshot_status kshot_persist_format(kshot_persist *p, uint32_t token)
{
    return empty(p, kshot_store_format, token);
}

kshot_status kshot_persist_wipe(kshot_persist *p, uint32_t token)
{
    return empty(p, kshot_store_wipe, token);
}

/* Writes the record of negatives that the last one is in. */
static void save_negatives(void *context, uint16_t index, uint8_t *record)
{
    const kshot_persist *const p = context;
    const kshot_rejector *const rejector = &p->k->rejector;
    const uint32_t len = p->k->slots.embedding_len;
    const uint32_t a_record = kshot_persist_negatives_of_record(p);
    const uint32_t first = (rejector->negative_count - 1u) / a_record * a_record;
    const uint32_t count = rejector->negative_count - first;

    (void)index;
    memset(record, 0, p->store.config->record_bytes);
    kshot_record_set_shot_count(record, count);
    memcpy(record + KSHOT_RECORD_HEAD_BYTES, rejector->memory.negatives + first * len, count * len);
}

/* Keeps the negative that was just added, or takes it back. */
static kshot_status keep_negative(kshot_persist *p, uint32_t token)
{
    kshot_rejector *const rejector = &p->k->rejector;
    const uint32_t len = p->k->slots.embedding_len;
    const uint32_t last = rejector->negative_count - 1u;
    bool happened;
    const kshot_status status = put(p, (uint16_t)(KSHOT_NEGATIVES_ID + last / kshot_persist_negatives_of_record(p)),
                                    save_negatives, p, token, &happened);

    if (!happened) {
        rejector->negative_count--;
        kshot_learner_wipe_bytes(rejector->memory.negatives + last * len, len);
    }
    return status;
}

kshot_status kshot_persist_negative_add(kshot_persist *p, const int8_t *input, uint32_t token)
{
    kshot_status status = kshot_persist_check(p);

    if (status == KSHOT_OK) {
        status = kshot_negative_add(p->k, input);
    }
    return status == KSHOT_OK ? keep_negative(p, token) : status;
}

kshot_status kshot_persist_negative_add_embedding(kshot_persist *p, const int8_t *embedding, uint32_t token)
{
    kshot_status status = kshot_persist_check(p);

    if (status == KSHOT_OK) {
        status = kshot_negative_add_embedding(p->k, embedding);
    }
    return status == KSHOT_OK ? keep_negative(p, token) : status;
}

static void save_settings(void *context, uint16_t index, uint8_t *record)
{
    const kshot_persist *const p = context;

    (void)index;
    memset(record, 0, p->store.config->record_bytes);
    kshot_record_set_shot_count(record, p->k->rejector.rate);
}

kshot_status kshot_persist_set_false_accepts(kshot_persist *p, uint16_t per_mille, uint32_t token)
{
    kshot_status status = kshot_persist_check(p);
    uint32_t rate;
    bool happened;

    if (status != KSHOT_OK) {
        return status;
    }
    rate = p->k->rejector.rate;
    status = kshot_set_false_accepts(p->k, per_mille);
    if (status != KSHOT_OK) {
        return status;
    }
    status = put(p, KSHOT_SETTINGS_ID, save_settings, p, token, &happened);
    if (!happened) {
        set_rate(p->k, rate);
    }
    return status;
}

kshot_status kshot_persist_purge(kshot_persist *p)
{
    const kshot_status status = kshot_persist_check(p);
    return status == KSHOT_OK ? kshot_store_purge(&p->store) : status;
}

kshot_status kshot_persist_accept_loss(kshot_persist *p)
{
    const kshot_status status = kshot_persist_check(p);
    return status == KSHOT_OK ? kshot_store_accept_loss(&p->store) : status;
}
