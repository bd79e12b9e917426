/* SPDX-License-Identifier: Apache-2.0 */
#include "persist_fixture.h"

static long writes(void)
{
    return ram.progs + ram.erases;
}

/* Every learner gives the same answers before and after a reset, bit for bit, and a reset writes nothing. */
TEST(answers_survive_a_reset)
{
    for (int learner = 0; learner < LEARNERS; learner++) {
        uint64_t before;
        long written;
        start((learner_kind)learner);
        enroll("wave", 0);
        enroll("clap", 10);
        CHECK_EQUAL(KSHOT_OK, kshot_persist_negative_add(&d.p, shot(20), 3));
        CHECK_EQUAL(KSHOT_OK, kshot_persist_set_false_accepts(&d.p, 10, 4));
        enroll("\xc3\xa9", 13);
        before = answers();
        written = writes();
        for (int boots = 0; boots < 2; boots++) {
            CHECK_EQUAL(KSHOT_OK, boot());
            CHECK(answers() == before);
        }
        CHECK_EQUAL(written, writes());
    }
}

/* A class goes on learning after a reset as if there had been none. */
TEST(enrollment_goes_on_after_a_reset)
{
    for (int learner = 0; learner < LEARNERS; learner++) {
        uint64_t without = 0;
        for (int resets = 0; resets < 2; resets++) {
            start((learner_kind)learner);
            enroll("wave", 0);
            enroll("clap", 10);
            if (resets) {
                CHECK_EQUAL(KSHOT_OK, boot());
            }
            CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, "wave"));
            add(2);
            CHECK_EQUAL(KSHOT_OK, kshot_enroll_take_back_embedding(&d.k, shot(0)));
            CHECK_EQUAL(KSHOT_OK, kshot_persist_commit(&d.p, NULL, 8));
            if (!resets) {
                without = answers();
            }
        }
        CHECK(answers() == without);
        CHECK_EQUAL(KSHOT_OK, boot());
        CHECK(answers() == without);
    }
}

/* A class can be taught anew and renamed; it keeps its id, and the label is free again. */
TEST(classes_are_replaced_and_renamed)
{
    kshot_class found;
    uint16_t id, again;
    start(NEAREST);
    id = enroll("wave", 0);
    enroll("clap", 10);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin_anew(&d.k, "wave"));
    add(5);
    CHECK_EQUAL(KSHOT_OK, kshot_persist_commit(&d.p, &again, 8));
    CHECK_EQUAL(id, again);
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_persist_rename(&d.p, id, "clap", 9));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_persist_rename(&d.p, id, "", 9));
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_persist_rename(&d.p, 99, "w", 9));
    CHECK_EQUAL(KSHOT_OK, kshot_persist_rename(&d.p, id, "w", 9));
    for (int boots = 0; boots < 2; boots++) {
        CHECK_EQUAL(KSHOT_OK, kshot_class_at(&d.k, 0, &found));
        CHECK(strcmp(found.label, "w") == 0);
        CHECK_EQUAL(id, found.id);
        CHECK_EQUAL(1, found.shots);
        CHECK(memcmp(d.exemplars, shot(5), LEN) == 0);
        CHECK_EQUAL(KSHOT_OK, boot());
    }
    CHECK(enroll("wave", 20) != id);
}

/* Flash without a store stays as it is, and an enrollment that cannot be kept stays open. */
TEST(nothing_is_formatted_by_itself)
{
    memset(ram.bytes, 0xff, sizeof ram.bytes);
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, boot());
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, "wave"));
    add(0);
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, kshot_persist_commit(&d.p, NULL, 1));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_persist_format(&d.p, 1)); /* it would forget the shots */
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, kshot_persist_set_false_accepts(&d.p, 10, 1));
    CHECK_EQUAL(kshot_reject_rate(KSHOT_REJECT_DEFAULT_PER_MILLE), d.k.rejector.rate);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_abort(&d.k));
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, kshot_persist_negative_add(&d.p, shot(3), 1));
    CHECK_EQUAL(0, d.k.rejector.negative_count);
    CHECK_EQUAL(0, writes());
    CHECK_EQUAL(KSHOT_OK, kshot_persist_format(&d.p, 1));
    enroll("wave", 0);
}

/* After a forget no four bytes of any shot, nor two sums together, are left in flash or memory; the other class answers
 * as if alone. */
TEST(a_forgotten_class_leaves_no_trace)
{
    for (int learner = 0; learner < LEARNERS; learner++) {
        int32_t sums[LEN];
        uint16_t id;
        start((learner_kind)learner);
        enroll("clap", 10);
        id = enroll("wave", 0);
        memcpy(sums, d.sums + LEN, sizeof sums);
        CHECK_EQUAL(KSHOT_OK, boot());
        CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, "wave"));
        add(2);
        CHECK_EQUAL(KSHOT_OK, kshot_persist_commit(&d.p, NULL, 7));
        CHECK(traces("wave", 4, 4) > 0);
        CHECK_EQUAL(KSHOT_OK, kshot_persist_forget(&d.p, id, 9));
        CHECK_EQUAL(0, traces("wave", 4, 4));
        for (int n = 0; n < 3; n++) {
            CHECK_EQUAL(0, traces(shot(n), LEN, 4));
        }
        CHECK_EQUAL(0, kind == PROTOTYPES ? traces(sums, sizeof sums, 8) : 0);
        CHECK_EQUAL(KSHOT_OK, boot());
        CHECK_EQUAL(1, kshot_class_count(&d.k));
        CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_persist_forget(&d.p, id, 10));
        CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_persist_forget(&d.p, KSHOT_SETTINGS_ID, 10));
    }
}

/* An id is not given to another class soon, not even when the newest class was forgotten before a reset. */
TEST(ids_are_not_reused_after_a_reset)
{
    uint16_t id;
    start(PROTOTYPES);
    enroll("clap", 10);
    id = enroll("wave", 0);
    CHECK_EQUAL(KSHOT_OK, kshot_persist_forget(&d.p, id, 9));
    CHECK_EQUAL(KSHOT_OK, boot());
    CHECK(enroll("snap", 20) > id);
}

/* Where ids begin again, order and answers are those after a reset all the same. */
TEST(order_survives_when_ids_begin_again)
{
    for (int learner = 0; learner < LEARNERS; learner++) {
        uint64_t before;
        start((learner_kind)learner);
        d.k.next_id = KSHOT_MAX_CLASS_ID - 1;
        enroll("wave", 0);
        enroll("clap", 10);
        CHECK_EQUAL(1, enroll("snap", 20));
        CHECK_EQUAL(1, d.classes[0].id);
        CHECK_EQUAL(KSHOT_MAX_CLASS_ID, d.classes[2].id);
        before = answers();
        CHECK_EQUAL(KSHOT_OK, boot());
        CHECK(answers() == before);
    }
}

/* Negatives are kept, as many as there is room for, and forgotten together without a trace. */
TEST(negatives_survive_and_are_forgotten)
{
    for (int learner = PROTOTYPES; learner <= NEAREST; learner++) {
        uint64_t before;
        start((learner_kind)learner);
        enroll("wave", 0);
        for (int n = 0; n < MAX_NEGATIVES; n++) {
            CHECK_EQUAL(KSHOT_OK, kshot_persist_negative_add_embedding(&d.p, shot(20 + n), 3));
        }
        CHECK_EQUAL(KSHOT_ERROR_FULL, kshot_persist_negative_add(&d.p, shot(30), 3));
        before = answers();
        CHECK_EQUAL(KSHOT_OK, boot());
        CHECK(answers() == before);
        CHECK_EQUAL(KSHOT_OK, kshot_persist_negatives_forget(&d.p, 4));
        for (int n = 0; n < MAX_NEGATIVES; n++) {
            CHECK_EQUAL(0, traces(shot(20 + n), LEN, 4));
        }
        CHECK_EQUAL(KSHOT_OK, boot());
        CHECK_EQUAL(0, d.k.rejector.negative_count);
        CHECK_EQUAL(1, kshot_class_count(&d.k));
        CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_persist_negatives_forget(&d.p, 5));
    }
}

/* A wipe takes classes, negatives and settings from flash and memory. */
TEST(a_wipe_leaves_nothing)
{
    start(ATTENTION);
    enroll("wave", 0);
    CHECK_EQUAL(KSHOT_OK, kshot_persist_negative_add(&d.p, shot(20), 3));
    CHECK_EQUAL(KSHOT_OK, kshot_persist_set_false_accepts(&d.p, 10, 4));
    CHECK_EQUAL(KSHOT_OK, kshot_persist_wipe(&d.p, 5));
    for (int boots = 0; boots < 2; boots++) {
        CHECK_EQUAL(0, kshot_class_count(&d.k) + d.k.rejector.negative_count);
        CHECK_EQUAL(kshot_reject_rate(KSHOT_REJECT_DEFAULT_PER_MILLE), d.k.rejector.rate);
        CHECK_EQUAL(0, traces(shot(0), LEN, 4) + traces(shot(20), LEN, 4));
        CHECK_EQUAL(KSHOT_OK, boot());
    }
}

enum { CALLS = 10 };

/* A store with two classes and a negative, and one of the calls that change it. */
static kshot_status change(int call)
{
    switch (call) {
    case 0:
        CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, "snap"));
        add(20);
        return kshot_persist_commit(&d.p, NULL, 50);
    case 1:
        CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, "wave"));
        add(2);
        return kshot_persist_commit(&d.p, NULL, 50);
    case 2:
        CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin_anew(&d.k, "clap"));
        add(20);
        return kshot_persist_commit(&d.p, NULL, 50);
    case 3:
        return kshot_persist_rename(&d.p, d.classes[0].id, "wink", 50);
    case 4:
        return kshot_persist_forget(&d.p, d.classes[0].id, 50);
    case 5:
        return kshot_persist_negative_add(&d.p, shot(31), 50);
    case 6:
        return kshot_persist_negatives_forget(&d.p, 50);
    case 7:
        return kshot_persist_set_false_accepts(&d.p, 250, 50);
    case 8:
        return kshot_persist_wipe(&d.p, 50);
    default:
        return kshot_persist_purge(&d.p);
    }
}

static void prepare(learner_kind learner, int boots)
{
    start(learner);
    enroll("wave", 0);
    enroll("clap", 10);
    CHECK_EQUAL(KSHOT_OK, kshot_persist_negative_add(&d.p, shot(30), 3));
    if (boots) {
        CHECK_EQUAL(KSHOT_OK, boot());
    }
}

static uint64_t answers_after(learner_kind learner, int boots, int call)
{
    prepare(learner, boots);
    CHECK_EQUAL(KSHOT_OK, change(call));
    return answers();
}

/* Power goes at one operation of the flash, which is done, half done or not done: one call fails, and what follows,
 * until the reset. */
static bool fails_cleanly(learner_kind learner, int boots, int call, long operation)
{
    const uint64_t after = answers_after(learner, boots, call);
    uint64_t before, now;
    kshot_status status;

    prepare(learner, boots);
    before = answers();
    ram.sticks = true;
    if (operation % 2) {
        ram.fail_prog = ram.progs + 1 + operation / 2;
    } else {
        ram.fail_erase = ram.erases + 1 + operation / 2;
    }
    ram.completes = operation % 3 == 0;
    ram.tears = operation % 3 == 1;
    status = change(call);
    now = answers();
    CHECK(now == (status == KSHOT_OK ? after : before) || now == after);
    ram.fail_prog = ram.fail_erase = 0;
    if (status == KSHOT_OK) {
        return true;
    }
    CHECK_EQUAL(KSHOT_ERROR_FLASH, status);
    CHECK_EQUAL(KSHOT_OK, boot());
    now = answers();
    CHECK(now == before || now == after);
    enroll("more", 33);
    return false;
}

/* Each call that fails has happened or not, in memory and flash alike, and what comes after works. */
TEST(calls_fail_as_a_whole)
{
    for (int learner = 0; learner < LEARNERS; learner++) {
        for (int call = 0; call < CALLS; call++) {
            for (int boots = 0; boots < 2; boots++) {
                long even = 0, odd = 1;
                while (!fails_cleanly((learner_kind)learner, boots, call, even)) {
                    even += 2;
                }
                while (!fails_cleanly((learner_kind)learner, boots, call, odd)) {
                    odd += 2;
                }
                CHECK(odd > 1); /* every call programs something */
            }
        }
    }
}

/* A failed commit leaves the enrollment open, so that it can be tried again. */
TEST(a_failed_commit_can_be_repeated)
{
    uint64_t after;
    start(GRADIENT_HEAD);
    enroll("wave", 0);
    enroll("clap", 10);
    after = answers();
    start(GRADIENT_HEAD);
    enroll("wave", 0);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, "clap"));
    add(10);
    add(11);
    ram.sticks = true;
    ram.fail_prog = ram.progs + 1;
    CHECK_EQUAL(KSHOT_ERROR_FLASH, kshot_persist_commit(&d.p, NULL, 8));
    ram.fail_prog = 0;
    CHECK_EQUAL(KSHOT_OK, kshot_persist_commit(&d.p, NULL, 8));
    CHECK(answers() == after);
    CHECK_EQUAL(KSHOT_OK, boot());
    CHECK(answers() == after);
}

static uint8_t *record_in_flash(const void *bytes)
{
    uint32_t at = 0;
    while (memcmp(ram.bytes + at, bytes, LEN) != 0) {
        CHECK(++at + LEN <= sizeof ram.bytes);
    }
    return ram.bytes + at;
}

/* A record that rots, by a flipped bit or an ECC fault, is reported; the other classes are there, and the loss can be
 * accepted. */
TEST(damage_is_reported)
{
    for (int ecc = 0; ecc < 2; ecc++) {
        uint8_t *damaged;
        start(NEAREST);
        enroll("wave", 0);
        enroll("clap", 10);
        CHECK_EQUAL(KSHOT_OK, kshot_persist_purge(&d.p));
        damaged = record_in_flash(shot(10));
        if (ecc) {
            ram.unreadable[damaged - ram.bytes] = true;
        } else {
            *damaged ^= 4;
        }
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, boot());
        CHECK_EQUAL(KSHOT_STORE_DEGRADED, kshot_store_state_of(&d.p.store));
        CHECK_EQUAL(1, kshot_class_count(&d.k));
        CHECK(strcmp(d.classes[0].label, "wave") == 0);
        enroll("clap", 12);
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, boot());
        CHECK_EQUAL(2, kshot_class_count(&d.k));
        CHECK_EQUAL(KSHOT_OK, kshot_persist_accept_loss(&d.p));
        CHECK_EQUAL(KSHOT_OK, boot());
        CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_persist_accept_loss(&d.p));
    }
}

/* Flash that cannot be read at all leaves nothing half done: the kshot is empty, and nothing works. */
TEST(unreadable_flash_leaves_nothing_open)
{
    start(PROTOTYPES);
    enroll("wave", 0);
    ram.reads = 0;
    CHECK_EQUAL(KSHOT_OK, boot());
    ram.fail_read = 2 * ram.reads; /* the last one of the next boot, of the record */
    CHECK_EQUAL(KSHOT_ERROR_FLASH, boot());
    CHECK_EQUAL(0, kshot_class_count(&d.k));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_persist_wipe(&d.p, 1));
}

/* The store of another model is neither used nor changed until someone asks for it. */
TEST(another_models_classes_are_not_loaded)
{
    long written;
    start(PROTOTYPES);
    enroll("wave", 0);
    written = writes();
    kind = NEAREST;
    CHECK_EQUAL(KSHOT_ERROR_INCOMPATIBLE, boot());
    CHECK_EQUAL(0, kshot_class_count(&d.k));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, "clap"));
    add(0);
    CHECK_EQUAL(KSHOT_ERROR_INCOMPATIBLE, kshot_persist_commit(&d.p, NULL, 7));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_abort(&d.k));
    CHECK_EQUAL(KSHOT_ERROR_INCOMPATIBLE, kshot_persist_wipe(&d.p, 7));
    CHECK_EQUAL(written, writes());
    CHECK_EQUAL(KSHOT_OK, kshot_persist_format(&d.p, 7));
    enroll("clap", 0);
}

/* Records that the store holds to be valid but that no class can have are left out, each alone, and reported. */
TEST(forged_records_are_left_out)
{
    static const struct {
        uint16_t id;
        uint8_t at, value;
    } forged[] = {
        {5, 0, 0},      {5, 0, 0xff},   {5, 10, 'x'},      {5, 24, 0},    {5, 24, 4},     {5, 49, 1},
        {5, 0, 'w'},    {65280, 24, 0}, {65280, 24, 4},    {65280, 3, 1}, {65280, 49, 1}, {65281, 24, 1},
        {65534, 24, 1}, {65535, 25, 0}, {65535, 25, 0x41}, {65535, 5, 1}, {65535, 40, 1},
    };

    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        uint8_t record[SHOTS_RECORD] = {0};
        start(NEAREST);
        enroll("w", 0); /* the label that one of the forged records has, too */
        if (forged[i].id == 5) {
            record[0] = 'x';
            memset(record + KSHOT_RECORD_HEAD_BYTES, 1, LEN);
        }
        record[24] = 1;
        record[25] = forged[i].id == KSHOT_SETTINGS_ID; /* a rate that there is */
        record[forged[i].at] = forged[i].value;
        CHECK_EQUAL(KSHOT_OK, kshot_store_put(&d.p.store, forged[i].id, record, 0));
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, boot());
        CHECK_EQUAL(KSHOT_STORE_OK, kshot_store_state_of(&d.p.store));
        CHECK_EQUAL(1, kshot_class_count(&d.k));
        CHECK_EQUAL(0, d.k.rejector.negative_count);
        if (forged[i].id == 5) {
            CHECK_EQUAL(KSHOT_OK, kshot_persist_forget(&d.p, 5, 9));
            CHECK_EQUAL(KSHOT_OK, boot());
        }
    }
}

/* Sums that so many shots cannot have, or squares, are no class. */
TEST(forged_sums_are_left_out)
{
    static const struct {
        uint8_t at, value;
    } forged[] = {{24, 0}, {25, 0x10}, {27, 0x80}, {26 + 4 * LEN + 3, 0x7f}};

    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        uint8_t record[SUMS_RECORD] = {'x'};
        start(PROTOTYPES);
        record[24] = 1;
        record[forged[i].at] = forged[i].value;
        CHECK_EQUAL(KSHOT_OK, kshot_store_put(&d.p.store, 5, record, 0));
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, boot());
        CHECK_EQUAL(0, kshot_class_count(&d.k));
    }
}

/* A config that was not made for the model, and a kshot that is in use. */
TEST(what_does_not_belong_together_is_refused)
{
    const kshot_store_memory memory = {d.entries, d.workspace};
    kshot_persist_config other;
    start(PROTOTYPES);
    for (int i = 0; i < 4; i++) {
        init();
        other = config;
        other.store.fingerprint[0] ^= i == 0;
        other.store.fingerprint[15] ^= i == 1;
        other.store.record_bytes = (uint16_t)(other.store.record_bytes + (i == 2));
        other.store.max_classes = (uint16_t)(other.store.max_classes + (i == 3));
        CHECK_EQUAL(KSHOT_ERROR_MODEL, kshot_persist_open(&d.p, &d.k, &other, &flash, &memory));
        CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_persist_format(&d.p, 1));
    }
    init();
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_persist_open(NULL, &d.k, &config, &flash, &memory));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_persist_open(&d.p, NULL, &config, &flash, &memory));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_persist_open(&d.p, &d.k, NULL, &flash, &memory));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_persist_open(&d.p, &d.k, &config, NULL, &memory));
    CHECK_EQUAL(KSHOT_OK, kshot_negative_add(&d.k, shot(0)));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_persist_open(&d.p, &d.k, &config, &flash, &memory));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_persist_commit(NULL, NULL, 1));
}

/* A full device refuses another class before it writes. */
TEST(a_class_too_many_is_refused)
{
    long written;
    start(PROTOTYPES);
    enroll("wave", 0);
    enroll("clap", 10);
    enroll("snap", 20);
    enroll("wink", 30);
    written = writes();
    CHECK_EQUAL(KSHOT_ERROR_FULL, kshot_enroll_begin(&d.k, "more"));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_persist_commit(&d.p, NULL, 1));
    CHECK_EQUAL(written, writes());
    CHECK_EQUAL(KSHOT_OK, boot());
    CHECK_EQUAL(4, kshot_class_count(&d.k));
}

CHECK_MAIN(ENTRY(answers_survive_a_reset), ENTRY(enrollment_goes_on_after_a_reset),
           ENTRY(classes_are_replaced_and_renamed), ENTRY(nothing_is_formatted_by_itself),
           ENTRY(a_forgotten_class_leaves_no_trace), ENTRY(ids_are_not_reused_after_a_reset),
           ENTRY(order_survives_when_ids_begin_again), ENTRY(negatives_survive_and_are_forgotten),
           ENTRY(a_wipe_leaves_nothing), ENTRY(calls_fail_as_a_whole), ENTRY(a_failed_commit_can_be_repeated),
           ENTRY(damage_is_reported), ENTRY(unreadable_flash_leaves_nothing_open),
           ENTRY(another_models_classes_are_not_loaded), ENTRY(forged_records_are_left_out),
           ENTRY(forged_sums_are_left_out), ENTRY(what_does_not_belong_together_is_refused),
           ENTRY(a_class_too_many_is_refused))
