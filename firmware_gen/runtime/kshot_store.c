/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting and reading. What writes is kshot_store_write.c's. */
#include "kshot_store_index.h"

#include <string.h>

static kshot_status check_memory(const kshot_store_config *config, const kshot_flash *flash,
                                 const kshot_store_memory *memory)
{
    kshot_store_costs costs;

    if (config == NULL || flash == NULL || flash->read == NULL || flash->prog == NULL || flash->erase == NULL ||
        memory == NULL || memory->entries == NULL || memory->workspace == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    return kshot_store_costs_of(config, 1, &costs);
}

/* The bank that came farthest of those that are attested, or else committed: the one with the highest number. */
static uint8_t choose_active(const kshot_store *store)
{
    uint8_t best = KSHOT_STORE_MAX_BANKS;
    bool best_attested = false;

    for (uint8_t i = 0; i < store->config->geometry.bank_count; i++) {
        const kshot_store_bank *const bank = &store->banks[i];
        const kshot_store_stage stage = kshot_store_bank_stage(bank);
        const bool attested = stage >= KSHOT_STORE_ATTESTED;
        if (stage == KSHOT_STORE_UNCOMMITTED || (best_attested && !attested)) {
            continue;
        }
        if (best == KSHOT_STORE_MAX_BANKS || attested != best_attested ||
            bank->header.sequence > store->banks[best].header.sequence) {
            best = i;
            best_attested = attested;
        }
    }
    return best;
}

/* Whether some bank of another model, geometry or format is newer than the active one. */
static bool is_overtaken(const kshot_store *store)
{
    for (uint32_t i = 0; i < store->config->geometry.bank_count; i++) {
        if (store->banks[i].kind == KSHOT_STORE_HEADER_FOREIGN &&
            (store->active == KSHOT_STORE_MAX_BANKS ||
             store->banks[i].header.sequence > store->banks[store->active].header.sequence)) {
            return true;
        }
    }
    return false;
}

/* Fills the index from the active bank: of each class, the record that the walk meets first. */
static kshot_status build_index(kshot_store *store)
{
    const kshot_store_bank *const bank = &store->banks[store->active];
    kshot_store_walk walk = kshot_store_walk_begin(store);
    kshot_store_slot slot;
    kshot_status status;

    walk.next = bank->newest + 1u; /* none behind it can be read */
    while ((status = kshot_store_walk_next(store, store->active, &walk, &slot)) == KSHOT_OK) {
        const uint16_t at = kshot_store_index_find(store, slot.class_id);
        if (slot.index == bank->newest) {
            store->log_sequence = slot.log_sequence;
            store->last_token = slot.token;
        }
        if (slot.type != KSHOT_STORE_PUT || kshot_store_index_holds(store, at, slot.class_id)) {
            continue;
        }
        if (store->class_count == store->config->max_classes) {
            store->lossy = true;
            continue;
        }
        kshot_store_index_put(store, slot.class_id, slot.index);
    }
    if (status != KSHOT_ERROR_EMPTY) {
        return status;
    }
    store->lossy = store->lossy || !bank->whole || (bank->header.flags & KSHOT_STORE_FLAG_LOSSY) != 0;
    store->purging = (bank->header.flags & KSHOT_STORE_FLAG_PURGE) != 0 &&
                     bank->newest < bank->header.snapshot_count + KSHOT_STORE_PURGED - KSHOT_STORE_COMMIT;
    return KSHOT_OK;
}

static kshot_status count_torn_slots(kshot_store *store)
{
    for (uint32_t i = store->banks[store->active].newest + 1u; i < store->layout.slot_count; i++) {
        const kshot_status status = kshot_store_slot_check_blank(store, store->active, (uint16_t)i);
        if (status == KSHOT_ERROR_FLASH) {
            return status;
        }
        store->torn_slots = (uint16_t)(store->torn_slots + (status == KSHOT_ERROR_CORRUPT));
    }
    return KSHOT_OK;
}

/* The newest header knows how often the banks were erased that have none. */
static void recall_erases(kshot_store *store)
{
    const kshot_store_header *newest = NULL;

    for (uint32_t i = 0; i < store->config->geometry.bank_count; i++) {
        const kshot_store_bank *const bank = &store->banks[i];
        if (bank->kind == KSHOT_STORE_HEADER_OURS && (newest == NULL || bank->header.sequence > newest->sequence)) {
            newest = &bank->header;
        }
    }
    for (uint32_t i = 0; newest != NULL && i < store->config->geometry.bank_count; i++) {
        if (store->banks[i].kind == KSHOT_STORE_HEADER_NONE) {
            store->banks[i].erases = newest->erase_count + (newest->wear >> 2 * i & 3) - 1;
        }
    }
}

static kshot_status load(kshot_store *store)
{
    kshot_status status = KSHOT_OK;

    for (uint32_t i = 0; status == KSHOT_OK && i < store->config->geometry.bank_count; i++) {
        status = kshot_store_bank_load(store, i);
        if (store->banks[i].kind != KSHOT_STORE_HEADER_NONE &&
            store->banks[i].header.sequence > store->highest_sequence) {
            store->highest_sequence = store->banks[i].header.sequence;
        }
    }
    if (status != KSHOT_OK) {
        return status;
    }
    recall_erases(store);
    store->active = choose_active(store);
    if (is_overtaken(store)) {
        store->active = KSHOT_STORE_MAX_BANKS;
        store->state = KSHOT_STORE_INCOMPATIBLE;
        return KSHOT_OK;
    }
    if (store->active == KSHOT_STORE_MAX_BANKS) {
        store->state = KSHOT_STORE_UNFORMATTED;
        return KSHOT_OK;
    }
    status = build_index(store);
    if (status == KSHOT_OK) {
        status = count_torn_slots(store);
    }
    if (status == KSHOT_OK) {
        store->state = store->lossy ? KSHOT_STORE_DEGRADED : KSHOT_STORE_OK;
    }
    return status;
}

kshot_status kshot_store_mount(kshot_store *store, const kshot_store_config *config, const kshot_flash *flash,
                               const kshot_store_memory *memory)
{
    kshot_status status;

    if (store == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    memset(store, 0, sizeof *store);
    status = check_memory(config, flash, memory);
    if (status != KSHOT_OK) {
        return status;
    }
    store->config = config;
    store->flash = flash;
    store->entries = memory->entries;
    store->workspace = memory->workspace;
    (void)kshot_store_layout_of(config, &store->layout);
    status = load(store);
    if (status != KSHOT_OK) {
        return status;
    }
    return store->state == KSHOT_STORE_DEGRADED ? KSHOT_ERROR_CORRUPT : kshot_store_check_usable(store);
}

kshot_store_state kshot_store_state_of(const kshot_store *store)
{
    return store == NULL ? KSHOT_STORE_UNMOUNTED : store->state;
}

kshot_status kshot_store_check_usable(const kshot_store *store)
{
    switch (kshot_store_state_of(store)) {
    case KSHOT_STORE_OK:
    case KSHOT_STORE_DEGRADED:
        return KSHOT_OK;
    case KSHOT_STORE_INCOMPATIBLE:
        return KSHOT_ERROR_INCOMPATIBLE;
    case KSHOT_STORE_UNFORMATTED:
        return KSHOT_ERROR_UNFORMATTED;
    case KSHOT_STORE_UNMOUNTED:
        break;
    }
    return store == NULL ? KSHOT_ERROR_ARGUMENT : KSHOT_ERROR_STATE;
}

uint16_t kshot_store_index_find(const kshot_store *store, uint16_t class_id)
{
    uint16_t low = 0, high = store->class_count;

    while (low < high) {
        const uint16_t middle = (uint16_t)((low + high) / 2);
        if (store->entries[middle].class_id < class_id) {
            low = (uint16_t)(middle + 1);
        } else {
            high = middle;
        }
    }
    return low;
}

bool kshot_store_index_holds(const kshot_store *store, uint16_t at, uint16_t class_id)
{
    return at < store->class_count && store->entries[at].class_id == class_id;
}

void kshot_store_index_put(kshot_store *store, uint16_t class_id, uint16_t slot)
{
    const uint16_t at = kshot_store_index_find(store, class_id);
    kshot_store_entry *const entry = &store->entries[at];

    if (!kshot_store_index_holds(store, at, class_id)) {
        memmove(entry + 1, entry, (size_t)(store->class_count - at) * sizeof *entry);
        entry->class_id = class_id;
        store->class_count++;
    }
    entry->slot = slot;
}

void kshot_store_index_remove(kshot_store *store, uint16_t at, uint16_t count)
{
    kshot_store_entry *const entry = &store->entries[at];

    store->class_count = (uint16_t)(store->class_count - count);
    memmove(entry, entry + count, (size_t)(store->class_count - at) * sizeof *entry);
}

uint16_t kshot_store_class_count(const kshot_store *store)
{
    return kshot_store_check_usable(store) == KSHOT_OK ? store->class_count : 0;
}

kshot_status kshot_store_class_at(const kshot_store *store, uint16_t index, uint16_t *class_id)
{
    const kshot_status status = kshot_store_check_usable(store);

    if (status != KSHOT_OK) {
        return status;
    }
    if (class_id == NULL || index >= store->class_count) {
        return KSHOT_ERROR_ARGUMENT;
    }
    *class_id = store->entries[index].class_id;
    return KSHOT_OK;
}

kshot_status kshot_store_index_read(kshot_store *store, uint16_t at, kshot_store_slot *slot)
{
    kshot_status status = kshot_store_slot_read(store, store->active, store->entries[at].slot, slot);

    if (status == KSHOT_OK && slot->class_id != store->entries[at].class_id) {
        status = KSHOT_ERROR_CORRUPT;
    }
    if (status == KSHOT_ERROR_CORRUPT) {
        store->state = KSHOT_STORE_DEGRADED;
    }
    return status;
}

kshot_status kshot_store_view(kshot_store *store, uint16_t class_id, const uint8_t **record)
{
    const kshot_status status = kshot_store_check_usable(store);
    kshot_store_slot slot;
    uint16_t at;

    if (status != KSHOT_OK) {
        return status;
    }
    if (record == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    at = kshot_store_index_find(store, class_id);
    if (!kshot_store_index_holds(store, at, class_id)) {
        return KSHOT_ERROR_NOT_FOUND;
    }
    *record = kshot_store_slot_record(store->workspace);
    return kshot_store_index_read(store, at, &slot);
}

kshot_status kshot_store_get(kshot_store *store, uint16_t class_id, uint8_t *record)
{
    const uint8_t *found;
    const kshot_status status = kshot_store_view(store, class_id, record == NULL ? NULL : &found);

    if (status == KSHOT_OK) {
        memcpy(record, found, store->config->record_bytes);
    }
    return status;
}

kshot_status kshot_store_token_status(kshot_store *store, uint32_t token, kshot_store_token *found)
{
    kshot_store_walk walk;
    kshot_store_slot slot;
    kshot_status status = kshot_store_check_usable(store);

    if (status != KSHOT_OK) {
        return status;
    }
    if (found == NULL || token == 0) {
        return KSHOT_ERROR_ARGUMENT;
    }
    *found = KSHOT_STORE_TOKEN_UNKNOWN;
    if (store->last_token == token) {
        *found = store->purging ? KSHOT_STORE_TOKEN_PURGING : KSHOT_STORE_TOKEN_COMMITTED;
        return KSHOT_OK;
    }
    walk = kshot_store_walk_begin(store);
    while ((status = kshot_store_walk_next(store, store->active, &walk, &slot)) == KSHOT_OK) {
        if (slot.token == token) {
            *found = KSHOT_STORE_TOKEN_COMMITTED;
            return KSHOT_OK;
        }
    }
    return status == KSHOT_ERROR_EMPTY ? KSHOT_OK : status;
}

kshot_status kshot_store_stats_of(kshot_store *store, kshot_store_stats *stats)
{
    const kshot_status status = kshot_store_check_usable(store);

    if (status != KSHOT_OK) {
        return status;
    }
    if (stats == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    memset(stats, 0, sizeof *stats);
    stats->sequence = store->banks[store->active].header.sequence;
    stats->log_sequence = store->log_sequence;
    stats->classes = store->class_count;
    stats->free_slots = (uint16_t)(store->appendable ? store->layout.slot_count - store->next_slot : 0);
    stats->torn_slots = store->torn_slots;
    stats->purge_pending = store->purging;
    stats->erases_min = UINT32_MAX;
    for (uint32_t i = 0; i < store->config->geometry.bank_count; i++) {
        const kshot_store_bank *const bank = &store->banks[i];
        stats->damaged_headers =
            (uint16_t)(stats->damaged_headers + (bank->kind != KSHOT_STORE_HEADER_NONE && bank->header_damaged));
        stats->erases_min = bank->erases < stats->erases_min ? bank->erases : stats->erases_min;
        stats->erases_max = bank->erases > stats->erases_max ? bank->erases : stats->erases_max;
    }
    return KSHOT_OK;
}
