/* SPDX-License-Identifier: Apache-2.0 */
#include "torture_modes.h"

#include <string.h>

#include "kshot_crc32.h"

static uint32_t random_below(torture *t, uint32_t below)
{
    return flash_model_random(&t->model, below);
}

static uint8_t *bank_at(torture *t, uint32_t bank)
{
    return t->model.now + bank * t->layout.bank_bytes;
}

static void seal(uint8_t *bytes, uint32_t len, uint32_t seed)
{
    const uint32_t crc = kshot_crc32(seed, bytes, len - 4);
    for (uint32_t i = 0; i < 4; i++) {
        bytes[len - 4 + i] = (uint8_t)(crc >> 8 * i);
    }
}

/* A store with a few classes, as use leaves it; the flash may be programmed over afterwards. */
static void furnish(torture *t, const torture_case *chosen, uint64_t seed)
{
    uint32_t calls;

    torture_begin(t, chosen, seed);
    (void)torture_boot(t);
    calls = 2 + random_below(t, 8);
    for (uint32_t i = 0; i < calls; i++) {
        const call made = torture_random_call(t);
        (void)torture_call(t, &made);
        if (random_below(t, 3) == 0) {
            (void)torture_boot(t);
        }
    }
}

/* Headers and slots whose CRCs are right and whose fields are anything. */
static void forge(torture *t)
{
    const uint32_t bank = random_below(t, t->config.geometry.bank_count);
    uint8_t *const header = bank_at(t, bank);
    const uint32_t at = 8 + random_below(t, 36);

    header[at] = (uint8_t)random_below(t, 256);
    if (random_below(t, 2)) {
        memset(header + 8, 0xff, random_below(t, 9));
    }
    header[36] = (uint8_t)random_below(t, t->config.max_classes + 2u);
    header[37] = 0;
    seal(header, KSHOT_STORE_HEADER_BYTES, 0);
    memcpy(header + t->layout.header_bytes, header, KSHOT_STORE_HEADER_BYTES);
    for (uint32_t i = 0; i < t->layout.slot_count; i++) {
        uint8_t *const slot = header + 2 * t->layout.header_bytes + i * t->layout.slot_bytes;
        const uint32_t n = header[36];
        slot[0] = (uint8_t)(i < n || i > n + 2 ? 1 : 2 + i - n);
        slot[1] = 0;
        slot[2] = (uint8_t)random_below(t, 12);
        slot[12] = (uint8_t)i;
        slot[13] = (uint8_t)(i >> 8);
        slot[14] = (uint8_t)(i - 1 - (i > n + 3 ? random_below(t, 3) : 0));
        slot[15] = (uint8_t)(i == 0 ? 0xff : (i - 1) >> 8);
        if (random_below(t, 16) == 0) {
            slot[random_below(t, 16)] = (uint8_t)random_below(t, 256);
        }
        seal(slot, t->layout.slot_bytes,
             (uint32_t)header[60] | (uint32_t)header[61] << 8 | (uint32_t)header[62] << 16 |
                 (uint32_t)header[63] << 24);
    }
}

static void damage(torture *t)
{
    uint8_t *const image = t->model.now;
    const uint32_t kind = random_below(t, 5);

    if (kind == 0) {
        for (uint32_t i = 0; i < t->model.bytes; i++) {
            image[i] = (uint8_t)random_below(t, 256);
        }
    } else if (kind == 1) {
        for (uint32_t i = 1 + random_below(t, 40); i > 0; i--) {
            image[random_below(t, t->model.bytes)] ^= (uint8_t)(1 << random_below(t, 8));
        }
    } else if (kind == 2) { /* a piece of one place in another */
        const uint32_t len = 1 + random_below(t, t->layout.bank_bytes);
        memmove(image + random_below(t, t->model.bytes - len), image + random_below(t, t->model.bytes - len), len);
    } else {
        for (uint32_t i = 0; i < t->config.geometry.bank_count; i++) {
            forge(t);
        }
    }
}

/* Mounts an image of anything and calls everything; nothing is asked but that it ends, within bounds. */
static void try_image(torture *t)
{
    const kshot_store_memory memory = {t->entries, t->workspace};
    kshot_store_token found;
    kshot_store_stats stats;
    uint8_t record[MAX_WORKSPACE];
    kshot_status status;

    damage(t);
    if (t->chosen->ecc && random_below(t, 2)) {
        t->model.units[random_below(t, t->model.bytes / t->config.geometry.program_unit_bytes)].reads = 3;
    }
    for (uint32_t i = 0; i < t->model.bytes / t->config.geometry.program_unit_bytes; i++) {
        t->model.units[i].clean = 0;
    }
    t->model.read_bytes = 0;
    status = kshot_store_mount(&t->store, &t->config, &t->flash, &memory);
    if (t->model.read_bytes > t->mount_read_bytes) {
        torture_fail(t, &t->wrong, "a mount reads more than its cost says");
    }
    if (kshot_store_class_count(&t->store) > t->config.max_classes || status == KSHOT_ERROR_FLASH) {
        torture_fail(t, &t->wrong, "an image is taken for more than it can be");
    }
    for (uint16_t i = 0; i < kshot_store_class_count(&t->store); i++) {
        uint16_t id = 0;
        (void)kshot_store_class_at(&t->store, i, &id);
        (void)kshot_store_get(&t->store, id, record);
    }
    (void)kshot_store_token_status(&t->store, 1 + random_below(t, 9), &found);
    (void)kshot_store_stats_of(&t->store, &stats);
    memset(record, 0x42, sizeof record);
    (void)kshot_store_put(&t->store, (uint16_t)(1 + random_below(t, 12)), record, 5);
    (void)kshot_store_forget(&t->store, (uint16_t)(1 + random_below(t, 12)), 6);
    (void)kshot_store_accept_loss(&t->store);
    (void)kshot_store_format(&t->store, 7);
}

/* One bit flips in the active bank: what is read is right, or was right before, or the damage is reported. */
static void try_flip(torture *t)
{
    const kshot_store_memory memory = {t->entries, t->workspace};
    const uint32_t used =
        2 * t->layout.header_bytes + (t->store.banks[t->store.active].newest + 1u) * t->layout.slot_bytes;
    const uint32_t at = t->store.active * t->layout.bank_bytes + random_below(t, used);
    const contents truth = t->now;
    const bool newest = at % t->layout.bank_bytes >= used - t->layout.slot_bytes;
    bool differs = false;
    kshot_status status;

    t->model.now[at] ^= (uint8_t)(1 << random_below(t, 8));
    status = kshot_store_mount(&t->store, &t->config, &t->flash, &memory);
    if (status != KSHOT_OK && status != KSHOT_ERROR_CORRUPT) {
        torture_fail(t, &t->lost, "a flipped bit ends the store");
        return;
    }
    for (uint32_t c = 0; c < CLASSES; c++) {
        uint8_t record[MAX_WORKSPACE];
        const kshot_status got = kshot_store_get(&t->store, torture_class_id(c), record);
        const uint32_t version = (uint32_t)(record[6] | record[7] << 8);
        if (got == KSHOT_OK && memcmp(record, torture_record(t, c, version), t->config.record_bytes) != 0) {
            torture_fail(t, &t->phantom, "a flipped bit makes another record");
        }
        differs = differs || (got == KSHOT_OK ? version : 0) != truth.version[c];
    }
    if (differs && status == KSHOT_OK && !newest) {
        torture_fail(t, &t->lost, "a flipped bit goes unreported");
    }
}

/* Enrollments in sessions of random length: how evenly the banks wear. Forgets are among them, but not with two banks,
 * where a forget erases both and leaves no choice. */
static void wear(torture *t, const torture_case *chosen, uint64_t seed, long count, torture_counts *counts)
{
    const uint32_t units = chosen->geometry.erase_units_per_bank;
    uint32_t low = UINT32_MAX, high = 0;
    long puts = 0;

    torture_begin(t, chosen, seed);
    (void)torture_boot(t);
    while (puts < count && t->lost + t->phantom + t->wrong == 0) {
        call made = torture_random_call(t);
        if (made.kind != CALL_FORMAT && chosen->geometry.bank_count == KSHOT_STORE_MIN_BANKS) {
            made.kind = CALL_PUT;
        }
        puts += made.kind == CALL_PUT;
        (void)torture_call(t, &made);
        if (random_below(t, 4) == 0) {
            (void)torture_boot(t);
        }
    }
    for (uint32_t i = 0; i < chosen->geometry.bank_count * units; i++) {
        low = t->model.erases[i] < low ? t->model.erases[i] : low;
        high = t->model.erases[i] > high ? t->model.erases[i] : high;
    }
    counts->wear_spread = (long)(high - low);
    counts->histories++;
}

bool torture_mode(torture *t, const char *name, const torture_case *chosen, uint64_t seed, long count,
                  torture_counts *counts)
{
    const bool images = strcmp(name, "images") == 0;

    if (strcmp(name, "wear") == 0) {
        wear(t, chosen, seed, count, counts);
    } else if (!images && strcmp(name, "flips") != 0) {
        return false;
    }
    for (long i = 0; strcmp(name, "wear") != 0 && i < count && t->lost + t->phantom + t->wrong == 0; i++) {
        furnish(t, chosen, seed + (uint64_t)i);
        (images ? try_image : try_flip)(t);
        counts->images++;
    }
    counts->lost += t->lost;
    counts->phantom += t->phantom;
    counts->wrong += t->wrong;
    return true;
}
