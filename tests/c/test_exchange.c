/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_bytes.h"
#include "kshot_crc32.h"
#include "kshot_exchange.h"
#include "persist_fixture.h"

enum { BUNDLE_BYTES = 512 };

typedef struct bundle {
    uint8_t bytes[BUNDLE_BYTES];
    uint32_t len;
    uint32_t room; /* that the sink has */
} bundle;

static bool collect(void *context, const uint8_t *bytes, uint32_t len)
{
    bundle *const to = (bundle *)context;
    if (to->len + len > to->room) {
        return false;
    }
    memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
    return true;
}

static bundle exported(uint16_t class_id)
{
    bundle made = {.room = BUNDLE_BYTES};
    const kshot_export_sink sink = {&made, collect};
    CHECK_EQUAL(KSHOT_OK, kshot_export(&d.p, class_id, &sink));
    CHECK_EQUAL(kshot_export_bytes(&d.p, class_id == 0 ? kshot_class_count(&d.k) : 1), made.len);
    return made;
}

static kshot_status import(const bundle *from, kshot_import_mode mode)
{
    static uint16_t work[2 * MAX_CLASSES];
    const kshot_import_order order = {from->bytes, from->len, mode, work, 60};
    return kshot_import(&d.p, &order);
}

static void seal(bundle *forged)
{
    kshot_put_u32(forged->bytes + forged->len - 4, kshot_crc32(0, forged->bytes, forged->len - 4));
}

/* All classes of a device are the same on another one, and there after a reset; what they are called decides which. */
TEST(another_device_learns_the_same)
{
    for (int learner = 0; learner < LEARNERS; learner++) {
        uint64_t before;
        bundle all;
        start((learner_kind)learner);
        enroll("wave", 0);
        enroll("clap", 10);
        before = answers();
        all = exported(0);
        start((learner_kind)learner);
        CHECK_EQUAL(KSHOT_OK, import(&all, KSHOT_IMPORT_MERGE));
        CHECK(answers() == before);
        CHECK_EQUAL(KSHOT_OK, boot());
        CHECK(answers() == before);
    }
}

/* One class travels alone. */
TEST(one_class_travels_alone)
{
    kshot_class found;
    bundle one;
    start(ATTENTION);
    enroll("wave", 0);
    one = exported(enroll("clap", 10));
    start(ATTENTION);
    enroll("snap", 20);
    CHECK_EQUAL(KSHOT_OK, import(&one, KSHOT_IMPORT_REPLACE));
    CHECK_EQUAL(2, kshot_class_count(&d.k));
    CHECK_EQUAL(KSHOT_OK, kshot_class_at(&d.k, 1, &found));
    CHECK(strcmp(found.label, "clap") == 0);
    CHECK_EQUAL(2, found.id);
}

/* Prototypes of two devices add up to what one device would have learned from all shots. */
TEST(sums_and_counts_add_up)
{
    uint64_t together;
    bundle half;
    start(PROTOTYPES);
    enroll("wave", 0);
    enroll("wave", 2);
    enroll("clap", 10);
    together = answers();
    start(PROTOTYPES);
    enroll("wave", 2);
    half = exported(0);
    start(PROTOTYPES);
    enroll("wave", 0);
    enroll("clap", 10);
    CHECK_EQUAL(KSHOT_OK, import(&half, KSHOT_IMPORT_MERGE));
    CHECK(answers() == together);
    CHECK_EQUAL(4, d.classes[0].shots);
    CHECK_EQUAL(KSHOT_OK, boot());
    CHECK(answers() == together);
}

/* Of shots that are kept the union is taken, as far as there is room. */
TEST(shots_are_united)
{
    for (int learner = NEAREST; learner < LEARNERS; learner++) {
        bundle other, more;
        start((learner_kind)learner);
        enroll("wave", 5);
        more = exported(0);
        start((learner_kind)learner);
        enroll("wave", 1);
        other = exported(0);
        start((learner_kind)learner);
        enroll("wave", 0);
        for (int again = 0; again < 2; again++) {
            CHECK_EQUAL(KSHOT_OK, import(&other, KSHOT_IMPORT_MERGE));
            CHECK_EQUAL(3, d.classes[0].shots);
            for (int n = 0; n < 3; n++) {
                CHECK(memcmp(d.exemplars + n * LEN, shot(n), LEN) == 0);
            }
        }
        CHECK_EQUAL(KSHOT_ERROR_FULL, import(&more, KSHOT_IMPORT_MERGE));
        CHECK_EQUAL(3, d.classes[0].shots);
        CHECK_EQUAL(KSHOT_OK, import(&more, KSHOT_IMPORT_REPLACE));
        CHECK_EQUAL(2, d.classes[0].shots);
        CHECK(memcmp(d.exemplars, shot(5), LEN) == 0);
    }
}

/* A device that has not room for all new classes takes none. */
TEST(a_bundle_too_many_is_refused)
{
    uint64_t before;
    bundle two;
    start(PROTOTYPES);
    enroll("wave", 0);
    enroll("clap", 10);
    two = exported(0);
    start(PROTOTYPES);
    enroll("a", 0);
    enroll("b", 10);
    enroll("c", 20);
    before = answers();
    CHECK_EQUAL(KSHOT_ERROR_FULL, import(&two, KSHOT_IMPORT_MERGE));
    CHECK(answers() == before);
    CHECK_EQUAL(4, d.k.next_id);
}

/* An import that fails in flash has happened or not, for all its classes alike. */
TEST(an_import_fails_as_a_whole)
{
    for (int learner = 0; learner < LEARNERS; learner++) {
        uint64_t before = 0, after;
        kshot_status status = KSHOT_ERROR_FLASH;
        bundle all;
        start((learner_kind)learner);
        enroll("wave", 1);
        enroll("snap", 20);
        all = exported(0);
        for (long failing = 0; status != KSHOT_OK; failing++) {
            start((learner_kind)learner);
            enroll("clap", 10);
            enroll("wave", 0);
            before = answers();
            ram.sticks = true;
            ram.fail_prog = failing == 0 ? 0 : ram.progs + failing;
            status = import(&all, KSHOT_IMPORT_MERGE);
            if (failing == 0) {
                CHECK_EQUAL(KSHOT_OK, status);
                status = KSHOT_ERROR_FLASH;
                after = answers();
            }
            ram.fail_prog = 0;
            CHECK(answers() == before || answers() == after);
            CHECK_EQUAL(KSHOT_OK, boot());
            CHECK(answers() == before || answers() == after);
        }
        CHECK(answers() == after);
    }
}

/* Bytes that are no bundle of this model's, whatever they are, change nothing. */
TEST(hostile_bundles_change_nothing)
{
    static const struct {
        uint8_t at, value;
        kshot_status status;
    } forged[] = {
        {0, 'x', KSHOT_ERROR_CORRUPT},     {4, 2, KSHOT_ERROR_INCOMPATIBLE},  {6, 0, KSHOT_ERROR_INCOMPATIBLE},
        {8, 9, KSHOT_ERROR_INCOMPATIBLE},  {23, 9, KSHOT_ERROR_INCOMPATIBLE}, {24, 0, KSHOT_ERROR_CORRUPT},
        {24, 1, KSHOT_ERROR_CORRUPT},      {25, 0xff, KSHOT_ERROR_CORRUPT},   {26, 1, KSHOT_ERROR_INCOMPATIBLE},
        {28, 0, KSHOT_ERROR_CORRUPT},      {28, 0xff, KSHOT_ERROR_CORRUPT},   {28 + 24, 0, KSHOT_ERROR_CORRUPT},
        {28 + 24, 4, KSHOT_ERROR_CORRUPT}, {28 + 49, 1, KSHOT_ERROR_CORRUPT},
    };
    uint64_t before;
    long written;
    bundle good, bad;
    start(NEAREST);
    enroll("wave", 0);
    enroll("clap", 10);
    good = exported(0);
    before = answers();
    written = ram.progs + ram.erases;
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        bad = good;
        bad.bytes[forged[i].at] = forged[i].value;
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, import(&bad, KSHOT_IMPORT_MERGE));
        seal(&bad);
        CHECK_EQUAL(forged[i].status, import(&bad, KSHOT_IMPORT_MERGE));
    }
    for (bad = good; bad.len-- > 0;) {
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, import(&bad, KSHOT_IMPORT_MERGE));
    }
    bad = good;
    memcpy(bad.bytes + 28 + SHOTS_RECORD, good.bytes + 28, SHOTS_RECORD); /* the same class twice */
    seal(&bad);
    CHECK_EQUAL(KSHOT_ERROR_CORRUPT, import(&bad, KSHOT_IMPORT_REPLACE));
    CHECK(answers() == before);
    CHECK_EQUAL(written, ram.progs + ram.erases);
    CHECK_EQUAL(0, d.classes[MAX_CLASSES].shots);
}

/* Misuse: null pointers, an enrollment that is open, nothing to export, a sink that is full. */
TEST(misuse_is_refused)
{
    uint16_t work[2 * MAX_CLASSES];
    bundle made = {.room = 40};
    const kshot_export_sink sink = {&made, collect}, none = {&made, NULL};
    kshot_import_order order = {made.bytes, 0, KSHOT_IMPORT_MERGE, work, 1};
    start(NEAREST);
    CHECK_EQUAL(KSHOT_ERROR_EMPTY, kshot_export(&d.p, 0, &sink));
    enroll("wave", 0);
    CHECK_EQUAL(KSHOT_ERROR_FLASH, kshot_export(&d.p, 0, &sink));
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_export(&d.p, 9, &sink));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_export(&d.p, 0, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_export(&d.p, 0, &none));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_export(NULL, 0, &sink));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_import(&d.p, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_import(NULL, &order));
    order.bundle = NULL;
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_import(&d.p, &order));
    made = exported(0);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, "clap"));
    CHECK_EQUAL(KSHOT_ERROR_STATE, import(&made, KSHOT_IMPORT_MERGE));
}

CHECK_MAIN(ENTRY(another_device_learns_the_same), ENTRY(one_class_travels_alone), ENTRY(sums_and_counts_add_up),
           ENTRY(shots_are_united), ENTRY(a_bundle_too_many_is_refused), ENTRY(an_import_fails_as_a_whole),
           ENTRY(hostile_bundles_change_nothing), ENTRY(misuse_is_refused))
