/* SPDX-License-Identifier: Apache-2.0 */
/* A small store over flash in memory: three banks of 512 bytes with 12 slots of 32 bytes, so room for 8 classes; it
 * takes four. Each program runs one test, so everything starts out zero. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "ram_flash.h"

enum { BANKS = 3, BANK_BYTES = 512, HEADER = 64, SLOT = 32, SLOTS = 12, RECORD = 12, CLASSES = 4 };

static kshot_store_config config = {
    .geometry = {.erase_unit_bytes = 256,
                 .program_unit_bytes = 4,
                 .erase_units_per_bank = 2,
                 .bank_count = BANKS,
                 .erased_value = 0xff},
    .record_bytes = RECORD,
    .max_classes = CLASSES,
    .fingerprint = {1, 2, 3},
};
static ram_flash ram = {.geometry = &config.geometry};
static const kshot_flash flash = {&ram, ram_flash_read, ram_flash_prog, ram_flash_erase};
static kshot_store_entry index_entries[CLASSES];
static uint8_t workspace[HEADER];
static const kshot_store_memory memory = {index_entries, workspace};
static kshot_store store;

static inline kshot_status mount(void)
{
    return kshot_store_mount(&store, &config, &flash, &memory);
}

/* A store without classes, in bank 0. */
static inline void start(void)
{
    memset(ram.bytes, config.geometry.erased_value, sizeof ram.bytes);
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, mount());
    CHECK_EQUAL(KSHOT_OK, kshot_store_format(&store, 1));
}

/* The record of a class that this version fills; no two share a run of bytes. */
static inline const uint8_t *record_of(uint16_t class_id, uint8_t version)
{
    static uint8_t record[RECORD];
    for (uint8_t i = 0; i < RECORD; i++) {
        record[i] = (uint8_t)(version * 61 + class_id * 17 + i * 5 + 1);
    }
    return record;
}

static inline kshot_status put(uint16_t class_id, uint8_t version)
{
    return kshot_store_put(&store, class_id, record_of(class_id, version), 1000u * class_id + version);
}

static inline void check_holds(uint16_t class_id, uint8_t version)
{
    uint8_t record[RECORD];
    CHECK_EQUAL(KSHOT_OK, kshot_store_get(&store, class_id, record));
    CHECK(memcmp(record, record_of(class_id, version), RECORD) == 0);
}

static inline uint8_t *slot_at(uint32_t bank, uint32_t slot)
{
    return ram.bytes + bank * BANK_BYTES + 2 * HEADER + slot * SLOT;
}

/* How often the record's bytes lie anywhere in flash. */
static inline int traces_of(uint16_t class_id, uint8_t version)
{
    const uint8_t *const record = record_of(class_id, version);
    int found = 0;
    for (uint32_t i = 0; i + 4 <= sizeof ram.bytes; i++) {
        found += memcmp(ram.bytes + i, record, 4) == 0;
    }
    return found;
}

#endif
