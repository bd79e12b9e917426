/* SPDX-License-Identifier: Apache-2.0 */
/* All that changes flash: appending a record, and compaction into another bank. The numbers R1 to R10 are those of
 * docs/store_format.md. */
#include "kshot_store_index.h"

#include <string.h>

#define APPEND_ATTEMPTS 2

/* What becomes true when a compaction is committed, or a slot is appended. */
typedef struct store_change {
    const kshot_store_batch *puts; /* null for none */
    uint16_t put_count;
    uint16_t gone_at; /* positions in the index of what goes */
    uint16_t gone_count;
    uint16_t class_id; /* for the markers */
    uint32_t token;
    uint32_t operations; /* that it counts as */
    bool purges;
    bool accepts_loss;
} store_change;

/* The classes with ids from `first` to `last` go. */
static store_change removal_of(const kshot_store *store, uint16_t first, uint16_t last, uint32_t token)
{
    store_change made = {.token = token, .operations = 1, .purges = true};
    uint16_t end = kshot_store_index_find(store, last);

    end = (uint16_t)(end + kshot_store_index_holds(store, end, last));
    made.gone_at = kshot_store_index_find(store, first);
    made.gone_count = (uint16_t)(end > made.gone_at ? end - made.gone_at : 0);
    made.class_id = first == last ? first : 0;
    return made;
}

static uint32_t count_after(const kshot_store *store, const store_change *change)
{
    uint32_t count = (uint32_t)store->class_count - change->gone_count;

    for (uint16_t i = 0; i < change->put_count; i++) {
        const uint16_t id = change->puts->class_ids[i];
        count += !kshot_store_index_holds(store, kshot_store_index_find(store, id), id);
    }
    return count;
}

static void apply_to_index(kshot_store *store, const store_change *change, uint16_t slot)
{
    kshot_store_index_remove(store, change->gone_at, change->gone_count);
    for (uint16_t i = 0; i < change->put_count; i++) {
        kshot_store_index_put(store, change->puts->class_ids[i], slot);
    }
}

/* Where a compaction is: the next class of the index and the next put, both by rising id. */
typedef struct snapshot_place {
    uint16_t kept;
    uint16_t put;
} snapshot_place;

static void get_put_record(kshot_store *store, const store_change *change, uint16_t put)
{
    change->puts->record(change->puts->context, put, kshot_store_slot_record(store->workspace));
}

/* Brings the record that comes next into the workspace, and its slot's fields. */
static kshot_status next_record(kshot_store *store, const store_change *change, const kshot_store_header *header,
                                snapshot_place *place, kshot_store_slot *slot)
{
    const kshot_store_entry *entry;

    if (place->kept == change->gone_at) {
        place->kept = (uint16_t)(place->kept + change->gone_count);
    }
    entry = &store->entries[place->kept];
    if (place->put < change->put_count &&
        (place->kept == store->class_count || change->puts->class_ids[place->put] <= entry->class_id)) {
        slot->class_id = change->puts->class_ids[place->put];
        slot->log_sequence = header->log_sequence;
        slot->token = change->token;
        place->kept = (uint16_t)(place->kept + kshot_store_index_holds(store, place->kept, slot->class_id));
        get_put_record(store, change, place->put++);
        return KSHOT_OK;
    }
    return kshot_store_index_read(store, place->kept++, slot);
}

static kshot_status write_snapshot(kshot_store *store, const store_change *change, uint32_t target,
                                   const kshot_store_header *header)
{
    snapshot_place place = {0, 0};
    kshot_status status = KSHOT_OK;

    for (uint16_t i = 0; status == KSHOT_OK && i < header->snapshot_count; i++) {
        kshot_store_slot slot = {.type = KSHOT_STORE_PUT};
        status = next_record(store, change, header, &place, &slot);
        slot.index = i;
        slot.previous = (uint16_t)(i - 1); /* of 0: KSHOT_STORE_NO_SLOT */
        if (status == KSHOT_OK) {
            status = kshot_store_slot_write(store, target, header, &slot);
        }
    }
    return status;
}

static kshot_status write_marker(kshot_store *store, const store_change *change, uint32_t bank,
                                 const kshot_store_header *header, kshot_store_slot_type type)
{
    kshot_store_slot slot = {.type = (uint8_t)type, .class_id = change->class_id, .token = change->token};

    slot.log_sequence = header->log_sequence;
    slot.index = (uint16_t)(header->snapshot_count + type - KSHOT_STORE_COMMIT);
    slot.previous = (uint16_t)(slot.index - 1);
    return kshot_store_slot_write(store, bank, header, &slot);
}

/* What the header of `target` says of the others' erases. */
static uint32_t wear_beside(const kshot_store *store, uint32_t target, bool purges)
{
    uint32_t wear = 0;

    for (uint32_t i = 0; i < store->config->geometry.bank_count; i++) {
        const uint32_t erases = store->banks[i].erases + (purges && i != target) + 1;
        const uint32_t own = store->banks[target].erases;
        const uint32_t ahead = erases < own ? 0 : erases - own;
        wear |= (ahead < 3 ? ahead : 3) << 2 * i;
    }
    return wear;
}

/* R3, R4: a bank with all that is true after the change, up to ATTEST. */
static kshot_status write_bank(kshot_store *store, const store_change *change, uint32_t target,
                               kshot_store_header *header)
{
    kshot_status status = kshot_store_bank_erase(store, target);

    header->erase_count = store->banks[target].erases;
    header->wear = wear_beside(store, target, (header->flags & KSHOT_STORE_FLAG_PURGE) != 0);
    header->sequence = ++store->highest_sequence;
    if (status == KSHOT_OK) {
        status = kshot_store_bank_write_header(store, target, header);
    }
    if (status == KSHOT_OK) {
        status = write_snapshot(store, change, target, header);
    }
    if (status == KSHOT_OK) {
        status = write_marker(store, change, target, header, KSHOT_STORE_COMMIT);
    }
    return status == KSHOT_OK ? write_marker(store, change, target, header, KSHOT_STORE_ATTEST) : status;
}

/* The change has happened: the bank that was written is the active one. */
static void adopt(kshot_store *store, const store_change *change, uint32_t target, const kshot_store_header *header)
{
    kshot_store_bank *const bank = &store->banks[target];

    apply_to_index(store, change, 0);
    for (uint16_t i = 0; i < store->class_count; i++) {
        store->entries[i].slot = i;
    }
    bank->header = *header;
    bank->kind = KSHOT_STORE_HEADER_OURS;
    bank->newest = (uint16_t)(header->snapshot_count + 1);
    bank->whole = true;
    store->active = (uint8_t)target;
    store->written = true;
    store->log_sequence = header->log_sequence;
    store->last_token = change->token;
    store->torn_slots = 0;
    store->purging = (header->flags & KSHOT_STORE_FLAG_PURGE) != 0;
    store->lossy = (header->flags & KSHOT_STORE_FLAG_LOSSY) != 0;
    store->state = store->lossy ? KSHOT_STORE_DEGRADED : KSHOT_STORE_OK;
}

static kshot_status append_marker(kshot_store *store, const store_change *change, kshot_store_slot_type type)
{
    kshot_store_bank *const bank = &store->banks[store->active];
    const kshot_status status = write_marker(store, change, store->active, &bank->header, type);

    bank->newest = (uint16_t)(bank->newest + (status == KSHOT_OK));
    return status;
}

/* R9: what the active bank replaces is removed. It must be settled: the erases take away what it could fall back to. */
static kshot_status remove_others(kshot_store *store, const store_change *change)
{
    for (uint32_t i = 0; i < store->config->geometry.bank_count; i++) {
        if (i != store->active &&
            (kshot_store_bank_erase(store, i) != KSHOT_OK || kshot_store_bank_check_blank(store, i) != KSHOT_OK)) {
            return KSHOT_ERROR_FLASH;
        }
    }
    return append_marker(store, change, KSHOT_STORE_PURGED);
}

/* R6: the compaction may be acknowledged. */
static kshot_status settle(kshot_store *store, const store_change *change)
{
    kshot_status status = append_marker(store, change, KSHOT_STORE_SETTLED);

    if (status == KSHOT_OK && store->purging) {
        status = remove_others(store, change);
    }
    if (status == KSHOT_OK) {
        store->next_slot = (uint16_t)(store->banks[store->active].newest + 1);
        store->appendable = true;
        store->purging = false;
    }
    return status;
}

static kshot_status compact(kshot_store *store, const store_change *change)
{
    const bool purges = change->purges || store->purging;
    const bool lossy = store->lossy && !change->accepts_loss;
    kshot_store_header header = {.snapshot_count = (uint16_t)count_after(store, change)};
    uint32_t tried = 0;

    header.flags = (uint16_t)((purges ? KSHOT_STORE_FLAG_PURGE : 0u) | (lossy ? KSHOT_STORE_FLAG_LOSSY : 0u));
    header.log_sequence = store->log_sequence + change->operations;
    store->appendable = false; /* from here on the new bank may count more than the old one */
    for (;;) {
        const uint32_t target = kshot_store_choose_target(store, tried, purges);
        kshot_status status;
        if (target == KSHOT_STORE_MAX_BANKS || store->highest_sequence == UINT32_MAX) {
            return KSHOT_ERROR_FLASH;
        }
        status = write_bank(store, change, target, &header);
        if (status == KSHOT_OK) {
            adopt(store, change, target, &header);
            return settle(store, change);
        }
        if (status == KSHOT_ERROR_CORRUPT) {
            return status;
        }
        tried |= 1u << target;
    }
}

/* R1, R6: a slot that failed is passed over, never written again. */
static kshot_status append(kshot_store *store, const store_change *change)
{
    kshot_store_bank *const bank = &store->banks[store->active];
    kshot_store_slot slot = {.type = KSHOT_STORE_PUT, .class_id = change->class_id, .token = change->token};
    kshot_status status;

    slot.log_sequence = store->log_sequence + 1;
    slot.index = store->next_slot++;
    slot.previous = bank->newest;
    get_put_record(store, change, 0);
    status = kshot_store_slot_write(store, store->active, &bank->header, &slot);
    if (status == KSHOT_OK) {
        bank->newest = slot.index;
        store->log_sequence = slot.log_sequence;
        store->last_token = slot.token;
        apply_to_index(store, change, slot.index);
    }
    return status;
}

static bool is_batch(const kshot_store_batch *batch)
{
    if (batch == NULL || batch->class_ids == NULL || batch->record == NULL || batch->count == 0) {
        return false;
    }
    for (uint16_t i = 0; i < batch->count; i++) {
        if (batch->class_ids[i] <= (i == 0 ? 0 : batch->class_ids[i - 1])) {
            return false;
        }
    }
    return true;
}

kshot_status kshot_store_put_all(kshot_store *store, const kshot_store_batch *batch, uint32_t token)
{
    const kshot_status usable = kshot_store_check_usable(store);
    store_change made = {.puts = batch, .token = token};

    if (usable != KSHOT_OK) {
        return usable;
    }
    if (!is_batch(batch)) {
        return KSHOT_ERROR_ARGUMENT;
    }
    made.put_count = batch->count;
    made.operations = batch->count;
    made.class_id = batch->count == 1 ? batch->class_ids[0] : 0;
    if (count_after(store, &made) > store->config->max_classes) {
        return KSHOT_ERROR_FULL;
    }
    for (int i = 0; i < APPEND_ATTEMPTS && batch->count == 1; i++) {
        if (store->appendable && store->next_slot < store->layout.slot_count && append(store, &made) == KSHOT_OK) {
            return KSHOT_OK;
        }
    }
    return compact(store, &made);
}

/* What a put of one record hands to its batch. */
typedef struct single_put {
    const kshot_store *store;
    const uint8_t *record;
} single_put;

static void copy_record(void *context, uint16_t index, uint8_t *record)
{
    const single_put *const put = context;

    (void)index;
    memcpy(record, put->record, put->store->config->record_bytes);
}

kshot_status kshot_store_put(kshot_store *store, uint16_t class_id, const uint8_t *record, uint32_t token)
{
    single_put put = {store, record};
    const kshot_store_batch batch = {&class_id, 1, copy_record, &put};

    return record == NULL ? KSHOT_ERROR_ARGUMENT : kshot_store_put_all(store, &batch, token);
}

kshot_status kshot_store_forget_range(kshot_store *store, uint16_t first, uint16_t last, uint32_t token)
{
    const kshot_status usable = kshot_store_check_usable(store);
    store_change made;

    if (usable != KSHOT_OK) {
        return usable;
    }
    made = removal_of(store, first, last, token);
    return made.gone_count > 0 ? compact(store, &made) : KSHOT_ERROR_NOT_FOUND;
}

kshot_status kshot_store_forget(kshot_store *store, uint16_t class_id, uint32_t token)
{
    return kshot_store_forget_range(store, class_id, class_id, token);
}

kshot_status kshot_store_format(kshot_store *store, uint32_t token)
{
    store_change made = {.token = token, .operations = 1, .purges = true, .accepts_loss = true};

    if (store == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    made.gone_count = store->class_count;
    return store->state == KSHOT_STORE_UNMOUNTED ? KSHOT_ERROR_STATE : compact(store, &made);
}

kshot_status kshot_store_wipe(kshot_store *store, uint32_t token)
{
    const kshot_status usable = kshot_store_check_usable(store);

    return usable == KSHOT_OK ? kshot_store_format(store, token) : usable;
}

kshot_status kshot_store_purge(kshot_store *store)
{
    const kshot_status usable = kshot_store_check_usable(store);
    store_change made = {.purges = true};

    if (usable != KSHOT_OK) {
        return usable;
    }
    made.token = store->last_token;
    return compact(store, &made);
}

kshot_status kshot_store_accept_loss(kshot_store *store)
{
    const kshot_status usable = kshot_store_check_usable(store);
    store_change made = {.accepts_loss = true};

    if (usable != KSHOT_OK) {
        return usable;
    }
    if (!store->lossy) {
        return KSHOT_ERROR_STATE;
    }
    made.token = store->last_token;
    return compact(store, &made);
}
