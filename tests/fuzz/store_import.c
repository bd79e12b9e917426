/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzing of what comes from outside in spite of a CRC that is right: bundles that are imported, and records that lie
 * in a valid store. A device takes in all of it or nothing, says the same after a reset, and goes on working.
 *
 * An input is CONTROL bytes, which choose learner, classes that are there, way in and failure, and then the bundle. The
 * mutator leaves one in four as libFuzzer made it; in the others it puts head and CRC right, and lends records that a
 * device has written. */
#include "kshot_bundle.h"
#include "kshot_crc32.h"
#include "persist_fixture.h"

enum { CONTROL = 4, MAX_RECORDS = 6, FULL_BUNDLE = 28 + MAX_RECORDS * 64 + 4 };

typedef struct sunk {
    uint8_t bytes[FULL_BUNDLE];
    uint32_t len;
} sunk;

static uint16_t work[2 * MAX_CLASSES];

static bool sink(void *context, const uint8_t *bytes, uint32_t len)
{
    sunk *const to = (sunk *)context;
    CHECK(to->len + len <= sizeof to->bytes);
    memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
    return true;
}

/* A device with the classes whose bits are set. */
static void furnish(learner_kind learner, uint32_t classes)
{
    static const char *const labels[] = {"a", "b", "c"};

    start(learner);
    for (int i = 0; i < 3; i++) {
        if ((classes >> i & 1) != 0) {
            (void)enroll(labels[i], 10 * i);
        }
    }
}

/* What the device exports makes it no other one when it comes back. */
static void check_round_trip(void)
{
    const uint64_t before = answers();
    sunk all = {.len = 0};
    const kshot_export_sink to = {&all, sink};
    kshot_import_order order = {all.bytes, 0, KSHOT_IMPORT_REPLACE, work, 61};
    const kshot_status status = kshot_export(&d.p, 0, &to);

    if (kshot_class_count(&d.k) == 0) {
        CHECK_EQUAL(KSHOT_ERROR_EMPTY, status);
        return;
    }
    CHECK_EQUAL(KSHOT_OK, status);
    CHECK_EQUAL(kshot_export_bytes(&d.p, kshot_class_count(&d.k)), all.len);
    order.len = all.len;
    CHECK_EQUAL(KSHOT_OK, kshot_import(&d.p, &order));
    CHECK(answers() == before);
}

static void try_import(const uint8_t *bundle, uint32_t len, kshot_import_mode mode, long failing)
{
    const kshot_import_order order = {bundle, len, mode, work, 60};
    const uint64_t before = answers();
    const long written = ram.progs + ram.erases;
    kshot_status status;
    uint64_t after;

    ram.fail_prog = failing == 0 ? 0 : ram.progs + failing;
    ram.sticks = true;
    status = kshot_import(&d.p, &order);
    ram.fail_prog = 0;
    after = answers();
    if (status != KSHOT_OK && status != KSHOT_ERROR_FLASH) {
        CHECK(status == KSHOT_ERROR_CORRUPT || status == KSHOT_ERROR_INCOMPATIBLE || status == KSHOT_ERROR_FULL);
        CHECK(after == before);
        CHECK_EQUAL(written, ram.progs + ram.erases);
    }
    CHECK(status != KSHOT_ERROR_FLASH || failing != 0);
    CHECK_EQUAL(KSHOT_OK, boot());
    CHECK(answers() == after);
    check_round_trip();
}

/* Puts the bundle's records into the store as if they were its own. */
static void try_records(const uint8_t *bytes, uint32_t len, uint8_t ids)
{
    static const uint16_t others[] = {KSHOT_NEGATIVES_ID, KSHOT_NEGATIVES_ID + 1, KSHOT_SETTINGS_ID, 65279};
    const uint32_t size = config.store.record_bytes;
    kshot_status status;

    for (uint16_t i = 0; i < MAX_RECORDS && 28 + (i + 1u) * size <= len; i++) {
        const uint16_t id = (ids >> i & 1) == 0 ? (uint16_t)(1 + i) : others[i % 4];
        status = kshot_store_put(&d.p.store, id, bytes + 28 + i * size, 5);
        CHECK(status == KSHOT_OK || status == KSHOT_ERROR_FULL);
    }
    status = boot();
    CHECK(status == KSHOT_OK || status == KSHOT_ERROR_CORRUPT);
    (void)answers();
    CHECK_EQUAL(KSHOT_OK, kshot_persist_wipe(&d.p, 8));
    (void)enroll("new", 40);
    check_round_trip();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CONTROL) {
        return 0;
    }
    furnish((learner_kind)(data[0] % LEARNERS), data[1]);
    if ((data[2] & 3) == 3) {
        try_records(data + CONTROL, (uint32_t)(size - CONTROL), data[3]);
    } else {
        try_import(data + CONTROL, (uint32_t)(size - CONTROL),
                   (data[2] & 1) == 0 ? KSHOT_IMPORT_MERGE : KSHOT_IMPORT_REPLACE, data[3] < 128 ? 0 : data[3] - 127);
    }
    return 0;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static uint32_t chance; /* state of a linear congruential generator */

static uint32_t below(uint32_t limit)
{
    chance = chance * 1664525u + 1013904223u;
    return (chance >> 8) % limit;
}

/* A record that this device could have written. */
static void lend(uint8_t *record)
{
    const char label[2] = {(char)('a' + below(6)), 0};

    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, label));
    for (uint32_t shots = 1 + below(MAX_SHOTS); shots > 0; shots--) {
        CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d.k, shot((int)below(60))));
    }
    kshot_record_save(config.format, &d.k.slots, MAX_CLASSES, record);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_abort(&d.k));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    uint8_t *const bundle = data + CONTROL;
    uint32_t count, len, crc;

    chance = seed;
    size = LLVMFuzzerMutate(data, size, max_size);
    if (size < CONTROL || max_size < CONTROL + FULL_BUNDLE || below(4) == 0) {
        return size;
    }
    start((learner_kind)(data[0] % LEARNERS));
    count = 1 + below(MAX_RECORDS);
    len = 28 + count * config.store.record_bytes;
    if (size < CONTROL + len) {
        memset(data + size, 0, CONTROL + len - size);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (below(4) == 0) {
            lend(bundle + 28 + i * config.store.record_bytes);
        }
    }
    kshot_bundle_head(&config.store, (uint16_t)count, bundle);
    if (below(16) == 0) {
        bundle[below(28)] ^= (uint8_t)(1 + below(255));
    }
    crc = kshot_crc32(0, bundle, len);
    kshot_put_u32(bundle + len, crc);
    return CONTROL + len + 4;
}
