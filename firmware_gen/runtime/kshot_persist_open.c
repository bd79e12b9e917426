/* SPDX-License-Identifier: Apache-2.0 */
/* From flash to memory. Records are valid as the store goes, but whoever can write the flash can write a valid store:
 * what is in them is checked all the same. */
#include <string.h>

#include "kshot_classes.h"
#include "kshot_persist.h"

static uint32_t negative_records(const kshot_persist *p)
{
    const uint32_t max_negatives = p->k->rejector.memory.max_negatives;
    const uint32_t a_record = kshot_persist_negatives_of_record(p);
    return (max_negatives + a_record - 1) / a_record;
}

/* Whether config was made for this model and these rooms. */
static bool belongs_together(const kshot_persist *p, const kshot_store_config *config)
{
    const bool rejects = p->k->rejector.rejection != NULL;
    const uint32_t others = rejects ? negative_records(p) + 1u : 0u;

    return memcmp(config->fingerprint, p->k->model->fingerprint, KSHOT_STORE_FINGERPRINT_BYTES - 1) == 0 &&
           config->fingerprint[KSHOT_STORE_FINGERPRINT_BYTES - 1] == KSHOT_RECORD_VERSION &&
           config->record_bytes == kshot_record_bytes(p->format, &p->k->slots) &&
           config->max_classes == p->k->max_classes + others && others <= KSHOT_SETTINGS_ID - KSHOT_NEGATIVES_ID;
}

static bool load_class(kshot *k, const kshot_record_format *format, uint16_t id, const uint8_t *record)
{
    const uint16_t slot = k->class_count;
    kshot_class *const loaded = &k->slots.classes[slot];

    if (slot == k->max_classes) {
        return false;
    }
    if (!kshot_record_load(format, k->model->learner, &k->slots, slot, record) ||
        kshot_find_label(k, loaded->label) < k->class_count) {
        kshot_wipe_slot(k, slot);
        return false;
    }
    loaded->id = id;
    if (k->model->learner->settle != NULL) {
        k->model->learner->settle(&k->slots, slot);
    }
    k->class_count++;
    return true;
}

static bool is_zero(const uint8_t *bytes, uint32_t len)
{
    while (len > 0 && bytes[len - 1] == 0) {
        len--;
    }
    return len == 0;
}

/* Records of negatives are filled in turn, so that all before the last are full. */
static bool load_negatives(const kshot_persist *p, uint16_t id, const uint8_t *record)
{
    kshot_rejector *const rejector = &p->k->rejector;
    const uint32_t len = p->k->slots.embedding_len;
    const uint32_t a_record = kshot_persist_negatives_of_record(p);
    const uint32_t count = kshot_record_shot_count(record);
    const uint8_t *const negatives = record + KSHOT_RECORD_HEAD_BYTES;

    if (rejector->rejection == NULL || (uint32_t)(id - KSHOT_NEGATIVES_ID) * a_record != rejector->negative_count ||
        count == 0 || count > a_record || count > (uint32_t)rejector->memory.max_negatives - rejector->negative_count ||
        !is_zero(record, KSHOT_LABEL_BYTES) ||
        !is_zero(negatives + count * len, p->format->state_bytes(&p->k->slots) - count * len)) {
        return false;
    }
    memcpy(rejector->memory.negatives + rejector->negative_count * len, negatives, count * len);
    rejector->negative_count = (uint16_t)(rejector->negative_count + count);
    return true;
}

static bool load_settings(const kshot_persist *p, const uint8_t *record)
{
    const uint32_t rate = kshot_record_shot_count(record);

    if (p->k->rejector.rejection == NULL || rate < KSHOT_REJECT_RATE_MIN || rate > KSHOT_REJECT_RATE_MAX ||
        !is_zero(record, KSHOT_LABEL_BYTES) ||
        !is_zero(record + KSHOT_RECORD_HEAD_BYTES, p->format->state_bytes(&p->k->slots))) {
        return false;
    }
    p->k->rejector.rate = rate;
    return true;
}

static bool load_record(const kshot_persist *p, uint16_t id, const uint8_t *record)
{
    if (id <= KSHOT_MAX_CLASS_ID) {
        return load_class(p->k, p->format, id, record);
    }
    return id == KSHOT_SETTINGS_ID ? load_settings(p, record) : load_negatives(p, id, record);
}

/* KSHOT_ERROR_CORRUPT where a record was left out. */
static kshot_status load(kshot_persist *p)
{
    kshot_status result = KSHOT_OK;

    for (uint16_t i = 0; i < kshot_store_class_count(&p->store); i++) {
        const uint8_t *record;
        uint16_t id = 0;
        kshot_status status = kshot_store_class_at(&p->store, i, &id);
        if (status == KSHOT_OK) {
            status = kshot_store_view(&p->store, id, &record);
        }
        if (status == KSHOT_ERROR_CORRUPT || (status == KSHOT_OK && !load_record(p, id, record))) {
            result = KSHOT_ERROR_CORRUPT;
        } else if (status != KSHOT_OK) {
            return status;
        }
    }
    /* ids are taken in turn, and each of them was an operation at least: this one is of the future */
    p->k->next_id = (uint16_t)(p->store.log_sequence % KSHOT_MAX_CLASS_ID + 1);
    kshot_adapt_all(p->k);
    return result;
}

static kshot_status mount(kshot_persist *p, const kshot_persist_config *config, const kshot_flash *flash,
                          const kshot_store_memory *memory)
{
    const kshot_status status = kshot_store_mount(&p->store, &config->store, flash, memory);
    kshot_status loaded = KSHOT_OK;

    if (status == KSHOT_OK || status == KSHOT_ERROR_CORRUPT) {
        loaded = load(p);
    }
    return loaded == KSHOT_OK ? status : loaded;
}

kshot_status kshot_persist_open(kshot_persist *p, kshot *k, const kshot_persist_config *config,
                                const kshot_flash *flash, const kshot_store_memory *memory)
{
    kshot_status status;

    if (p == NULL || k == NULL || config == NULL || config->format == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    memset(p, 0, sizeof *p);
    if (!kshot_is_ready(k) || k->class_count > 0 || k->enrolling != KSHOT_NOT_ENROLLING ||
        k->rejector.negative_count > 0) {
        return KSHOT_ERROR_STATE;
    }
    p->k = k;
    p->format = config->format;
    p->rate_before = k->rejector.rate;
    status = belongs_together(p, &config->store) ? mount(p, config, flash, memory) : KSHOT_ERROR_MODEL;
    if (p->store.state == KSHOT_STORE_UNMOUNTED || status == KSHOT_ERROR_FLASH) {
        (void)kshot_wipe(k);
        k->rejector.rate = p->rate_before;
        memset(p, 0, sizeof *p);
    }
    return status;
}
