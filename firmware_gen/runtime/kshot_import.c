/* SPDX-License-Identifier: Apache-2.0 */
/* First everything is tried in the staging slot, then flash gets all records at once, then memory does the same again:
 * what a record becomes follows from the bundle and the classes alone. */
#include <string.h>

#include "kshot_bundle.h"
#include "kshot_classes.h"
#include "kshot_crc32.h"
#include "kshot_exchange.h"

/* An import under way. */
typedef struct import_plan {
    kshot_persist *p;
    const kshot_import_order *order;
    uint16_t *ids;     /* of the classes, by rising id */
    uint16_t *records; /* of the bundle, in the same order */
    uint16_t count;
} import_plan;

static const uint8_t *record_at(const import_plan *plan, uint16_t index)
{
    return plan->order->bundle + KSHOT_BUNDLE_HEAD_BYTES + (size_t)index * plan->p->store.config->record_bytes;
}

/* Whether the bytes are a bundle of this model's; *count is the number of its records then. */
static kshot_status check_bundle(const kshot_persist *p, const kshot_import_order *order, uint16_t *count)
{
    const uint32_t record_bytes = p->store.config->record_bytes;
    uint8_t head[KSHOT_BUNDLE_HEAD_BYTES];
    uint32_t crc_at;

    if (order->len < KSHOT_BUNDLE_HEAD_BYTES + KSHOT_BUNDLE_CRC_BYTES) {
        return KSHOT_ERROR_CORRUPT;
    }
    crc_at = order->len - KSHOT_BUNDLE_CRC_BYTES;
    if (kshot_get_u32(order->bundle + crc_at) != kshot_crc32(0, order->bundle, crc_at)) {
        return KSHOT_ERROR_CORRUPT;
    }
    *count = kshot_get_u16(order->bundle + KSHOT_BUNDLE_COUNT_AT);
    kshot_bundle_head(p->store.config, *count, head);
    if (memcmp(order->bundle, head, sizeof head) != 0) {
        return memcmp(order->bundle, head, 4) == 0 ? KSHOT_ERROR_INCOMPATIBLE : KSHOT_ERROR_CORRUPT;
    }
    return *count > 0 && crc_at == KSHOT_BUNDLE_HEAD_BYTES + *count * record_bytes ? KSHOT_OK : KSHOT_ERROR_CORRUPT;
}

/* Makes of the staging slot what a record's class becomes; *target is where that class is, class_count for a new one.
 */
static kshot_status stage(const import_plan *plan, uint16_t index, uint16_t *target)
{
    const kshot *const k = plan->p->k;
    const uint16_t staging = kshot_staging_slot(k);
    const kshot_learner *const learner = k->model->learner;
    const uint8_t *const record = record_at(plan, index);

    if (!kshot_record_load(plan->p->format, learner, &k->slots, staging, record)) {
        return KSHOT_ERROR_CORRUPT;
    }
    *target = kshot_find_label(k, kshot_staging_class(k)->label);
    if (*target == k->class_count) {
        return KSHOT_OK;
    }
    kshot_staging_class(k)->id = k->slots.classes[*target].id;
    if (plan->order->mode == KSHOT_IMPORT_REPLACE) {
        return KSHOT_OK;
    }
    *kshot_staging_class(k) = k->slots.classes[*target];
    learner->copy(&k->slots, *target, staging);
    return plan->p->format->merge(learner, &k->slots, staging, kshot_record_shot_count(record),
                                  record + KSHOT_RECORD_HEAD_BYTES);
}

static bool is_repeated(const import_plan *plan, uint16_t index)
{
    for (uint16_t i = 0; i < index; i++) {
        if (memcmp(record_at(plan, i), record_at(plan, index), KSHOT_LABEL_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void insert_sorted(import_plan *plan, uint16_t id, uint16_t index)
{
    uint16_t at = plan->count++;

    for (; at > 0 && plan->ids[at - 1] > id; at--) {
        plan->ids[at] = plan->ids[at - 1];
        plan->records[at] = plan->records[at - 1];
    }
    plan->ids[at] = id;
    plan->records[at] = index;
}

/* Tries every record, and gives ids to the new classes. */
static kshot_status make_plan(import_plan *plan, uint16_t count)
{
    kshot *const k = plan->p->k;
    uint16_t room = (uint16_t)(k->max_classes - k->class_count);

    for (uint16_t i = 0; i < count; i++) {
        uint16_t target, id;
        const kshot_status status = stage(plan, i, &target);
        if (status != KSHOT_OK) {
            return status;
        }
        if (is_repeated(plan, i)) {
            return KSHOT_ERROR_CORRUPT;
        }
        id = kshot_staging_class(k)->id;
        if (target == k->class_count) {
            if (room-- == 0) {
                return KSHOT_ERROR_FULL;
            }
            id = kshot_unused_id(k);
            k->next_id = (uint16_t)(id + 1);
        }
        insert_sorted(plan, id, i);
    }
    return KSHOT_OK;
}

static void save_staged(void *context, uint16_t index, uint8_t *record)
{
    const import_plan *const plan = context;
    uint16_t target;

    (void)stage(plan, plan->records[index], &target);
    kshot_record_save(plan->p->format, &plan->p->k->slots, kshot_staging_slot(plan->p->k), record);
}

static void take_in(const import_plan *plan)
{
    kshot *const k = plan->p->k;

    for (uint16_t i = 0; i < plan->count; i++) {
        uint16_t target;
        (void)stage(plan, plan->records[i], &target);
        kshot_staging_class(k)->id = plan->ids[i];
        (void)kshot_take_in_staging(k, target);
    }
    kshot_adapt_all(k);
}

static kshot_status check_import(const kshot_persist *p, const kshot_import_order *order)
{
    const kshot_status status = kshot_persist_check(p);

    if (order == NULL || order->bundle == NULL || order->work == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (status != KSHOT_OK) {
        return status;
    }
    return p->k->enrolling == KSHOT_NOT_ENROLLING ? KSHOT_OK : KSHOT_ERROR_STATE;
}

kshot_status kshot_import(kshot_persist *p, const kshot_import_order *order)
{
    kshot_status status = check_import(p, order);
    uint16_t count, next_id;
    import_plan plan = {p, order, NULL, NULL, 0};

    if (status == KSHOT_OK) {
        status = check_bundle(p, order, &count);
    }
    if (status != KSHOT_OK) {
        return status;
    }
    plan.ids = order->work;
    plan.records = order->work + p->k->max_classes;
    next_id = p->k->next_id;
    status = count > p->k->max_classes ? KSHOT_ERROR_FULL : make_plan(&plan, count);
    if (status == KSHOT_OK) {
        const kshot_store_batch batch = {plan.ids, plan.count, save_staged, &plan};
        const uint32_t before = p->store.log_sequence;
        status = kshot_store_put_all(&p->store, &batch, order->token);
        if (p->store.log_sequence != before) {
            take_in(&plan);
            return status;
        }
    }
    p->k->next_id = next_id;
    kshot_wipe_slot(p->k, kshot_staging_slot(p->k));
    return status;
}
