/* SPDX-License-Identifier: Apache-2.0 */
/* All that changes flash: appending a record, and compaction into another bank. The numbers R1 to R10 are those of
 * docs/store_format.md. */
#include "kshot_store_index.h"

#include <string.h>

#define APPEND_ATTEMPTS 2

typedef enum change_kind { NOTHING, PUT, FORGET, WIPE } change_kind;

/* What becomes true when a compaction is committed, or a slot is appended. */
typedef struct store_change {
    change_kind kind;
    bool purges;
    bool accepts_loss;
    bool present; /* the class is in the index, at `at`; else it belongs there */
    uint16_t at;
    uint16_t class_id;
    uint32_t token;
    const uint8_t *record;
} store_change;

static store_change change_of_class(const kshot_store *store, change_kind kind, uint16_t class_id, uint32_t token)
{
    store_change made = {.kind = kind, .class_id = class_id, .token = token};

    made.at = kshot_store_index_find(store, class_id);
    made.present = kshot_store_index_holds(store, made.at, class_id);
    return made;
}

static uint16_t count_after(const kshot_store *store, const store_change *change)
{
    switch (change->kind) {
    case PUT:
        return (uint16_t)(store->class_count + !change->present);
    case FORGET:
        return (uint16_t)(store->class_count - 1);
    case WIPE:
        return 0;
    case NOTHING:
        break;
    }
    return store->class_count;
}

/* Position in the index of what will be at `position` when the change is made; the put record itself aside. */
static uint16_t position_before(const store_change *change, uint16_t position)
{
    if (change->kind == PUT && !change->present && position > change->at) {
        return (uint16_t)(position - 1);
    }
    return (uint16_t)(change->kind == FORGET && position >= change->at ? position + 1 : position);
}

static void apply_to_index(kshot_store *store, const store_change *change, uint16_t slot)
{
    if (change->kind == PUT && change->present) {
        store->entries[change->at].slot = slot;
    } else if (change->kind == PUT) {
        kshot_store_index_insert(store, change->at, change->class_id, slot);
    } else if (change->kind == FORGET) {
        kshot_store_index_remove(store, change->at);
    } else if (change->kind == WIPE) {
        store->class_count = 0;
    }
}

/* R5: the bank that will be read as a store at every boot, however the cuts before now went: the active one, or where
 * its ATTEST may not be readable again, the newest other that is attested; KSHOT_STORE_MAX_BANKS for none. */
static uint32_t safe_bank(const kshot_store *store)
{
    uint32_t best = KSHOT_STORE_MAX_BANKS;

    if (store->active == KSHOT_STORE_MAX_BANKS || store->written ||
        kshot_store_bank_stage(&store->banks[store->active]) == KSHOT_STORE_ACKNOWLEDGED) {
        return store->active;
    }
    for (uint32_t i = 0; i < store->config->geometry.bank_count; i++) {
        const kshot_store_bank *const bank = &store->banks[i];
        if (i != store->active && kshot_store_bank_stage(bank) >= KSHOT_STORE_ATTESTED &&
            (best == KSHOT_STORE_MAX_BANKS || bank->header.sequence > store->banks[best].header.sequence)) {
            best = i;
        }
    }
    return best;
}

/* R5: whether a bank might be read as newer than the safe one, even after an erase that was cut. */
static bool is_risky(const kshot_store *store, const kshot_store_bank *bank, uint32_t safe)
{
    const bool readable = bank->kind == KSHOT_STORE_HEADER_FOREIGN ||
                          (bank->kind == KSHOT_STORE_HEADER_OURS && bank->newest != KSHOT_STORE_NO_SLOT);
    return readable && (safe == KSHOT_STORE_MAX_BANKS || bank->header.sequence > store->banks[safe].header.sequence);
}

/* R5: whether `bank` is the better target. Of two that are not risky, it is the one that was erased less often; when
 * all will be erased, more often, so that one of those that are behind is free next time. */
static bool is_better(const kshot_store *store, uint32_t bank, uint32_t than, uint32_t safe, bool purges)
{
    const kshot_store_bank *const a = &store->banks[bank], *const b = &store->banks[than];
    const bool a_risky = is_risky(store, a, safe), b_risky = is_risky(store, b, safe);

    if (a_risky != b_risky) {
        return b_risky;
    }
    if (a_risky) {
        return a->header.sequence < b->header.sequence;
    }
    return purges ? a->erases > b->erases : a->erases < b->erases;
}

/* R5: where to compact to, of the banks that are not in the set `tried`; KSHOT_STORE_MAX_BANKS for none. Of equals it
 * is the next in turn. */
static uint32_t choose_target(const kshot_store *store, uint32_t tried, bool purges)
{
    const uint32_t bank_count = store->config->geometry.bank_count;
    const uint32_t safe = safe_bank(store);
    uint32_t best = KSHOT_STORE_MAX_BANKS;
    uint32_t i = store->active == KSHOT_STORE_MAX_BANKS ? bank_count - 1 : store->active;

    for (uint32_t turn = 0; turn < bank_count; turn++) {
        i = i + 1 < bank_count ? i + 1 : 0;
        const bool spared = i == safe && bank_count > KSHOT_STORE_MIN_BANKS;
        if (i == store->active || spared || (tried >> i & 1) != 0) {
            continue;
        }
        if (best == KSHOT_STORE_MAX_BANKS || is_better(store, i, best, safe, purges)) {
            best = i;
        }
    }
    return best;
}

static kshot_status write_snapshot_slot(kshot_store *store, const store_change *change, uint32_t target,
                                        const kshot_store_header *header, uint16_t position)
{
    kshot_store_slot slot = {.type = KSHOT_STORE_PUT};

    if (change->kind == PUT && position == change->at) {
        slot.class_id = change->class_id;
        slot.log_sequence = header->log_sequence;
        slot.token = change->token;
        memcpy(kshot_store_slot_record(store->workspace), change->record, store->config->record_bytes);
    } else {
        const kshot_status status = kshot_store_index_read(store, position_before(change, position), &slot);
        if (status != KSHOT_OK) {
            return status;
        }
    }
    slot.index = position;
    slot.previous = (uint16_t)(position - 1); /* of 0: KSHOT_STORE_NO_SLOT */
    return kshot_store_slot_write(store, target, header, &slot);
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
    for (uint16_t i = 0; status == KSHOT_OK && i < header->snapshot_count; i++) {
        status = write_snapshot_slot(store, change, target, header, i);
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
    const bool lossy = store->lossy && !change->accepts_loss && change->kind != WIPE;
    kshot_store_header header = {.snapshot_count = count_after(store, change)};
    uint32_t tried = 0;

    header.flags = (uint16_t)((purges ? KSHOT_STORE_FLAG_PURGE : 0u) | (lossy ? KSHOT_STORE_FLAG_LOSSY : 0u));
    header.log_sequence = store->log_sequence + (change->kind != NOTHING);
    store->appendable = false; /* from here on the new bank may count more than the old one */
    for (;;) {
        const uint32_t target = choose_target(store, tried, purges);
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
    memcpy(kshot_store_slot_record(store->workspace), change->record, store->config->record_bytes);
    status = kshot_store_slot_write(store, store->active, &bank->header, &slot);
    if (status == KSHOT_OK) {
        bank->newest = slot.index;
        store->log_sequence = slot.log_sequence;
        store->last_token = slot.token;
        apply_to_index(store, change, slot.index);
    }
    return status;
}

kshot_status kshot_store_put(kshot_store *store, uint16_t class_id, const uint8_t *record, uint32_t token)
{
    const kshot_status usable = kshot_store_check_usable(store);
    store_change made;

    if (usable != KSHOT_OK) {
        return usable;
    }
    if (class_id == 0 || record == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    made = change_of_class(store, PUT, class_id, token);
    made.record = record;
    if (!made.present && store->class_count == store->config->max_classes) {
        return KSHOT_ERROR_FULL;
    }
    for (int i = 0; i < APPEND_ATTEMPTS && store->appendable && store->next_slot < store->layout.slot_count; i++) {
        if (append(store, &made) == KSHOT_OK) {
            return KSHOT_OK;
        }
    }
    return compact(store, &made);
}

kshot_status kshot_store_forget(kshot_store *store, uint16_t class_id, uint32_t token)
{
    const kshot_status usable = kshot_store_check_usable(store);
    store_change made;

    if (usable != KSHOT_OK) {
        return usable;
    }
    made = change_of_class(store, FORGET, class_id, token);
    made.purges = true;
    return made.present ? compact(store, &made) : KSHOT_ERROR_NOT_FOUND;
}

kshot_status kshot_store_wipe(kshot_store *store, uint32_t token)
{
    const store_change made = {.kind = WIPE, .purges = true, .token = token};
    const kshot_status usable = kshot_store_check_usable(store);

    return usable == KSHOT_OK ? compact(store, &made) : usable;
}

kshot_status kshot_store_format(kshot_store *store, uint32_t token)
{
    const store_change made = {.kind = WIPE, .purges = true, .token = token};

    if (store == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    return store->state == KSHOT_STORE_UNMOUNTED ? KSHOT_ERROR_STATE : compact(store, &made);
}

kshot_status kshot_store_purge(kshot_store *store)
{
    const kshot_status usable = kshot_store_check_usable(store);
    store_change made = {.kind = NOTHING, .purges = true};

    if (usable != KSHOT_OK) {
        return usable;
    }
    made.token = store->last_token;
    return compact(store, &made);
}

kshot_status kshot_store_accept_loss(kshot_store *store)
{
    const kshot_status usable = kshot_store_check_usable(store);
    store_change made = {.kind = NOTHING, .accepts_loss = true};

    if (usable != KSHOT_OK) {
        return usable;
    }
    if (!store->lossy) {
        return KSHOT_ERROR_STATE;
    }
    made.token = store->last_token;
    return compact(store, &made);
}
