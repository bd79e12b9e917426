/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "kshot.h"
#include "kshot_nearest.h"
#include "kshot_prototypes.h"

enum { LEN = 3, MAX_CLASSES = 2, SLOTS = MAX_CLASSES + 1 };

/* A network that passes its input on and needs no arena: what is enrolled is what is given. */
static void pass_on(const int8_t *input, int8_t *embedding, void *arena)
{
    (void)arena;
    memcpy(embedding, input, LEN);
}

static const kshot_model model = {
    .input_len = LEN, .embedding_len = LEN, .embed = pass_on, .learner = &kshot_prototypes_learner};

/* A kshot with its memory in one piece, so that a test can see whether any byte of it changed. */
typedef struct device {
    kshot k;
    uint64_t arena;
    int8_t embedding[LEN];
    int32_t sums[SLOTS * LEN];
    int16_t prototypes[SLOTS * LEN];
    kshot_class classes[SLOTS];
} device;

static const int8_t origin[LEN] = {0, 0, 0}, east[LEN] = {100, 0, 0}, north[LEN] = {0, 50, 0};

static kshot_buffers buffers_of(device *d)
{
    const kshot_buffers buffers = {.arena = &d->arena,
                                   .embedding = d->embedding,
                                   .classes = d->classes,
                                   .sums = d->sums,
                                   .prototypes = d->prototypes,
                                   .max_classes = MAX_CLASSES,
                                   .max_shots = KSHOT_MAX_SHOTS};
    return buffers;
}

static device *started(void)
{
    static device d;
    const kshot_buffers buffers = buffers_of(&d);
    CHECK_EQUAL(KSHOT_OK, kshot_init(&d.k, &model, &buffers));
    return &d;
}

static uint16_t enrolled(device *d, const char *label, const int8_t *shot)
{
    uint16_t id = 0;
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, label));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, shot));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_commit(&d->k, &id));
    CHECK(id != 0);
    return id;
}

static kshot_answer classified(device *d, const int8_t *input)
{
    kshot_answer answer = {0, 0, 0, KSHOT_UNKNOWN};
    CHECK_EQUAL(KSHOT_OK, kshot_classify(&d->k, input, &answer));
    return answer;
}

static bool is_zero(const void *bytes, size_t len)
{
    const uint8_t *const byte = (const uint8_t *)bytes;
    size_t i = 0;
    while (i < len && byte[i] == 0) {
        i++;
    }
    return i == len;
}

/* Nothing of a slot's class remains in memory. */
static bool is_wiped(const device *d, uint32_t slot)
{
    return is_zero(d->sums + slot * LEN, LEN * sizeof(int32_t)) &&
           is_zero(d->prototypes + slot * LEN, LEN * sizeof(int16_t)) &&
           is_zero(d->classes + slot, sizeof(kshot_class));
}

TEST(init_refuses_null)
{
    device d = {0};
    const kshot_buffers buffers = buffers_of(&d);
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_init(NULL, &model, &buffers));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_init(&d.k, NULL, &buffers));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_init(&d.k, &model, NULL));
}

/* A model without a network or a learner, without input or output, or with more dimensions than a distance can hold. */
TEST(init_refuses_models_that_do_not_fit)
{
    device d = {0};
    const kshot_buffers buffers = buffers_of(&d);
    kshot_model bad[5] = {model, model, model, model, model};
    bad[0].embed = NULL;
    bad[1].input_len = 0;
    bad[2].embedding_len = 0;
    bad[3].embedding_len = KSHOT_MAX_EMBEDDING_LEN + 1;
    bad[4].learner = NULL;
    for (int i = 0; i < 5; i++) {
        CHECK_EQUAL(KSHOT_ERROR_MODEL, kshot_init(&d.k, &bad[i], &buffers));
    }
    CHECK(is_zero(&d.k, sizeof d.k));
}

/* Each buffer must be there, the arena aligned, and classes and shots countable. */
TEST(init_refuses_memory_that_does_not_fit)
{
    device d = {0};
    kshot_model hungry = model;
    kshot_buffers bad[10];
    hungry.arena_bytes = 8;
    for (int i = 0; i < 10; i++) {
        bad[i] = buffers_of(&d);
    }
    bad[0].arena = NULL;
    bad[1].arena = (uint8_t *)&d.arena + 4;
    bad[2].embedding = NULL;
    bad[3].sums = NULL;
    bad[4].prototypes = NULL;
    bad[5].classes = NULL;
    bad[6].max_classes = 0;
    bad[7].max_classes = 32768;
    bad[8].max_shots = 0;
    bad[9].max_shots = KSHOT_MAX_SHOTS + 1;
    for (int i = 0; i < 10; i++) {
        CHECK_EQUAL(KSHOT_ERROR_MEMORY, kshot_init(&d.k, &hungry, &bad[i]));
    }
    CHECK(is_zero(&d.k, sizeof d.k));
    CHECK_EQUAL(KSHOT_OK, kshot_init(&d.k, &model, &bad[0])); /* a model without an arena asks for none */
}

/* A zeroed kshot answers every call without touching what it does not have. */
TEST(calls_before_init_are_refused)
{
    kshot k;
    kshot_class class_;
    kshot_answer answer;
    kshot_verification verification;
    int8_t out[LEN];
    memset(&k, 0, sizeof k);
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_embed(&k, origin, out));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_begin(&k, "a"));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_add(&k, origin));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_add_embedding(&k, origin));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_take_back_embedding(&k, origin));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_commit(&k, NULL));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_abort(&k));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_forget(&k, 1));
    CHECK_EQUAL(0, kshot_class_count(&k));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_class_at(&k, 0, &class_));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_classify(&k, origin, &answer));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_classify_embedding(&k, origin, &answer));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_verify(&k, 1, origin, &verification));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_verify_embedding(&k, 1, origin, &verification));
}

TEST(null_arguments_are_refused)
{
    device *const d = started();
    kshot_class class_;
    kshot_answer answer;
    kshot_verification verification;
    int8_t out[LEN];
    enrolled(d, "a", east);
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_embed(NULL, origin, out));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_embed(&d->k, NULL, out));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_embed(&d->k, origin, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_begin(NULL, "b"));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_begin(&d->k, NULL));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "b"));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_add(NULL, origin));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_add(&d->k, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_add_embedding(NULL, origin));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_add_embedding(&d->k, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_take_back_embedding(NULL, origin));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_take_back_embedding(&d->k, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_commit(NULL, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_abort(NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_forget(NULL, 1));
    CHECK_EQUAL(0, kshot_class_count(NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_class_at(NULL, 0, &class_));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_class_at(&d->k, 0, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_classify(NULL, origin, &answer));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_classify(&d->k, NULL, &answer));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_classify(&d->k, origin, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_classify_embedding(NULL, origin, &answer));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_classify_embedding(&d->k, NULL, &answer));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_classify_embedding(&d->k, origin, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_verify(NULL, 1, origin, &verification));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_verify(&d->k, 1, NULL, &verification));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_verify(&d->k, 1, origin, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_verify_embedding(NULL, 1, origin, &verification));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_verify_embedding(&d->k, 1, NULL, &verification));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_verify_embedding(&d->k, 1, origin, NULL));
}

TEST(embed_runs_the_network)
{
    device *const d = started();
    int8_t out[LEN] = {9, 9, 9};
    CHECK_EQUAL(KSHOT_OK, kshot_embed(&d->k, east, out));
    CHECK_EQUAL(0, memcmp(out, east, LEN));
}

/* The nearest class, its squared distance in sixteenths, and how much farther the next one is. */
TEST(classify_names_the_nearest_class)
{
    device *const d = started();
    const int8_t near_east[LEN] = {99, 1, -1};
    const uint16_t north_id = enrolled(d, "north", north), east_id = enrolled(d, "east", east);
    const kshot_answer answer = classified(d, near_east);
    CHECK(north_id != east_id);
    CHECK_EQUAL(east_id, answer.class_id);
    CHECK_EQUAL(256 * 3, answer.distance);
    CHECK_EQUAL(256 * (99 * 99 + 49 * 49 + 1) - 256 * 3, answer.margin);
    CHECK_EQUAL(north_id, classified(d, north).class_id);
    CHECK_EQUAL(0, classified(d, north).distance);
}

TEST(one_class_has_no_margin)
{
    device *const d = started();
    enrolled(d, "only", east);
    CHECK_EQUAL(UINT32_MAX, classified(d, north).margin);
}

/* Between two classes at one distance the earlier enrolled wins, with margin 0. */
TEST(ties_go_to_the_earliest)
{
    device *const d = started();
    const uint16_t first = enrolled(d, "first", east);
    enrolled(d, "second", east);
    CHECK_EQUAL(first, classified(d, north).class_id);
    CHECK_EQUAL(0, classified(d, north).margin);
    CHECK_EQUAL(KSHOT_OK, kshot_forget(&d->k, first));
    enrolled(d, "first", east);
    CHECK_EQUAL(2, classified(d, north).class_id);
}

TEST(nothing_enrolled_is_nothing_to_classify)
{
    device *const d = started();
    kshot_answer answer = {7, 8, 9, KSHOT_UNCERTAIN};
    CHECK_EQUAL(KSHOT_ERROR_EMPTY, kshot_classify(&d->k, east, &answer));
    CHECK_EQUAL(KSHOT_ERROR_EMPTY, kshot_classify_embedding(&d->k, east, &answer));
    CHECK(answer.class_id == 7 && answer.distance == 8 && answer.margin == 9);
}

/* A misuse in any state changes no byte of the kshot or of its memory. */
TEST(refused_calls_change_nothing)
{
    device *const d = started();
    device before;
    enrolled(d, "a", east);
    before = *d;
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_add(&d->k, north));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_add_embedding(&d->k, north));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_take_back_embedding(&d->k, east));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_commit(&d->k, NULL));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_abort(&d->k));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_begin(&d->k, ""));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_begin(&d->k, "\xff"));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_begin(&d->k, "a label that is far too long"));
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_forget(&d->k, 0));
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_forget(&d->k, 2));
    CHECK_EQUAL(0, memcmp(&before, d, sizeof before));

    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "b"));
    before = *d;
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_begin(&d->k, "c"));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_forget(&d->k, 1));
    CHECK_EQUAL(KSHOT_ERROR_EMPTY, kshot_enroll_commit(&d->k, NULL));
    CHECK_EQUAL(KSHOT_ERROR_EMPTY, kshot_enroll_take_back_embedding(&d->k, east));
    CHECK_EQUAL(0, memcmp(&before, d, sizeof before));

    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, north));
    before = *d;
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_take_back_embedding(&d->k, east));
    CHECK_EQUAL(0, memcmp(&before, d, sizeof before));
}

/* Room for another class is needed by a new label only. */
TEST(a_full_kshot_still_takes_shots)
{
    device *const d = started();
    enrolled(d, "a", east);
    enrolled(d, "b", north);
    CHECK_EQUAL(KSHOT_ERROR_FULL, kshot_enroll_begin(&d->k, "c"));
    enrolled(d, "b", north);
    CHECK_EQUAL(MAX_CLASSES, kshot_class_count(&d->k));
}

/* More shots for a label join the earlier ones: same id, mean over all. */
TEST(enrolling_a_label_again_adds_shots)
{
    device *const d = started();
    const int8_t centre[LEN] = {50, 25, 0};
    kshot_class class_;
    const uint16_t id = enrolled(d, "a", east);
    CHECK_EQUAL(id, enrolled(d, "a", north));
    CHECK_EQUAL(1, kshot_class_count(&d->k));
    CHECK_EQUAL(KSHOT_OK, kshot_class_at(&d->k, 0, &class_));
    CHECK_EQUAL(2, class_.shots);
    CHECK_EQUAL(0, strcmp("a", class_.label));
    CHECK_EQUAL(0, classified(d, centre).distance);
}

/* Labels are compared whole. */
TEST(a_prefix_is_another_label)
{
    device *const d = started();
    CHECK(enrolled(d, "ab", east) != enrolled(d, "a", north));
    CHECK_EQUAL(2, kshot_class_count(&d->k));
}

/* Until the commit, a class answers as before; the abort leaves it so and nothing of the shots in memory. */
TEST(an_open_enrollment_does_not_count)
{
    device *const d = started();
    kshot_class class_;
    enrolled(d, "a", east);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "a"));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, north));
    CHECK_EQUAL(0, classified(d, east).distance);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_abort(&d->k));
    CHECK_EQUAL(0, classified(d, east).distance);
    CHECK_EQUAL(KSHOT_OK, kshot_class_at(&d->k, 0, &class_));
    CHECK_EQUAL(1, class_.shots);
    CHECK(is_wiped(d, MAX_CLASSES));
}

/* The commit, too, leaves no copy behind. */
TEST(a_commit_wipes_the_staging_slot)
{
    device *const d = started();
    enrolled(d, "a", east);
    CHECK(is_wiped(d, MAX_CLASSES));
}

TEST(a_commit_may_ignore_the_id)
{
    device *const d = started();
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "a"));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add_embedding(&d->k, east));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_commit(&d->k, NULL));
    CHECK_EQUAL(1, kshot_class_count(&d->k));
}

/* What was forgotten is gone from memory; the others keep id, label, order and what they learned. */
TEST(forget_wipes_and_keeps_order)
{
    device *const d = started();
    kshot_class class_;
    const uint16_t first = enrolled(d, "first", east), second = enrolled(d, "second", north);
    CHECK_EQUAL(KSHOT_OK, kshot_forget(&d->k, first));
    CHECK_EQUAL(1, kshot_class_count(&d->k));
    CHECK_EQUAL(KSHOT_OK, kshot_class_at(&d->k, 0, &class_));
    CHECK_EQUAL(second, class_.id);
    CHECK_EQUAL(0, strcmp("second", class_.label));
    CHECK_EQUAL(second, classified(d, east).class_id);
    CHECK_EQUAL(0, classified(d, north).distance);
    CHECK(is_wiped(d, 1));
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_forget(&d->k, first));
    CHECK_EQUAL(KSHOT_OK, kshot_forget(&d->k, second));
    CHECK(is_wiped(d, 0));
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_class_at(&d->k, 0, &class_));
}

/* A label enrolled again after it was forgotten starts anew, under a new id. */
TEST(a_forgotten_label_starts_anew)
{
    device *const d = started();
    const uint16_t old = enrolled(d, "a", east);
    CHECK_EQUAL(KSHOT_OK, kshot_forget(&d->k, old));
    CHECK(enrolled(d, "a", north) != old);
    CHECK_EQUAL(0, classified(d, north).distance);
}

/* Ids run through all KSHOT_MAX_CLASS_ID values before one comes again, and pass over 0 and those in use. */
TEST(ids_wrap_around_what_is_in_use)
{
    device *const d = started();
    const uint16_t kept = enrolled(d, "kept", east);
    CHECK_EQUAL(1, kept);
    for (uint32_t i = 2; i <= KSHOT_MAX_CLASS_ID; i++) {
        const uint16_t id = enrolled(d, "passing", north);
        CHECK_EQUAL(i, id);
        CHECK_EQUAL(KSHOT_OK, kshot_forget(&d->k, id));
    }
    CHECK_EQUAL(2, enrolled(d, "after", north));
}

/* A class counts so many shots and no more; taking one back makes room. */
TEST(shots_are_limited)
{
    device *const d = started();
    kshot_class class_;
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "a"));
    for (int i = 0; i < KSHOT_MAX_SHOTS; i++) {
        CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, east));
    }
    CHECK_EQUAL(KSHOT_ERROR_FULL, kshot_enroll_add(&d->k, east));
    CHECK_EQUAL(KSHOT_ERROR_FULL, kshot_enroll_add_embedding(&d->k, east));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_take_back_embedding(&d->k, east));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, east));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_commit(&d->k, NULL));
    CHECK_EQUAL(KSHOT_OK, kshot_class_at(&d->k, 0, &class_));
    CHECK_EQUAL(KSHOT_MAX_SHOTS, class_.shots);
    CHECK_EQUAL(0, classified(d, east).distance);
}

/* A shot of an earlier enrollment can be taken back, but not the last one of a class. */
TEST(an_earlier_shot_is_taken_back)
{
    device *const d = started();
    kshot_class class_;
    enrolled(d, "a", east);
    enrolled(d, "a", north);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "a"));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_take_back_embedding(&d->k, east));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_commit(&d->k, NULL));
    CHECK_EQUAL(0, classified(d, north).distance);
    CHECK_EQUAL(KSHOT_OK, kshot_class_at(&d->k, 0, &class_));
    CHECK_EQUAL(1, class_.shots);

    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "a"));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_take_back_embedding(&d->k, north));
    CHECK_EQUAL(KSHOT_ERROR_EMPTY, kshot_enroll_commit(&d->k, NULL));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_abort(&d->k));
    CHECK_EQUAL(0, classified(d, north).distance);
}

/* "Is it the same?" is answered by the calibrated distance, which itself still counts as the same. */
TEST(verification_compares_with_the_calibrated_distance)
{
    const int8_t at_limit[LEN] = {97, 4, 0}, beyond[LEN] = {97, 4, 1};
    kshot_model calibrated = model;
    int8_t exemplars[SLOTS * LEN];
    device d = {0};
    kshot_buffers buffers = buffers_of(&d);
    kshot_verification found = {false, 7};
    uint16_t id;

    calibrated.learner = &kshot_nearest_learner;
    calibrated.same_distance = 25;
    buffers.exemplars = exemplars;
    buffers.max_shots = 1;
    CHECK_EQUAL(KSHOT_OK, kshot_init(&d.k, &calibrated, &buffers));
    id = enrolled(&d, "east", east);
    enrolled(&d, "north", north);
    CHECK_EQUAL(KSHOT_OK, kshot_verify(&d.k, id, at_limit, &found));
    CHECK(found.same);
    CHECK_EQUAL(25, found.distance);
    CHECK_EQUAL(KSHOT_OK, kshot_verify(&d.k, id, beyond, &found));
    CHECK(!found.same);
    CHECK_EQUAL(26, found.distance);
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_verify_embedding(&d.k, 3, east, &found));
    CHECK_EQUAL(26, found.distance);
}

/* A model without a calibrated distance says so rather than guess. */
TEST(verification_needs_a_calibrated_model)
{
    device *const d = started();
    kshot_verification found = {true, 7};
    const uint16_t id = enrolled(d, "a", east);
    CHECK_EQUAL(KSHOT_ERROR_MODEL, kshot_verify(&d->k, id, east, &found));
    CHECK_EQUAL(7, found.distance);
}

TEST(two_kshots_share_nothing)
{
    device other = {0};
    const kshot_buffers buffers = buffers_of(&other);
    device *const d = started();
    CHECK_EQUAL(KSHOT_OK, kshot_init(&other.k, &model, &buffers));
    enrolled(d, "a", east);
    CHECK_EQUAL(0, kshot_class_count(&other.k));
    enrolled(&other, "b", north);
    CHECK_EQUAL(0, classified(d, east).distance);
    CHECK_EQUAL(0, classified(&other, north).distance);
}

/* Initialising again starts over. */
TEST(init_again_starts_over)
{
    device *d = started();
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "a"));
    d = started();
    CHECK_EQUAL(0, kshot_class_count(&d->k));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_abort(&d->k));
}

TEST(every_status_has_its_name)
{
    CHECK_EQUAL(0, strcmp("KSHOT_OK", kshot_status_name(KSHOT_OK)));
    CHECK_EQUAL(0, strcmp("KSHOT_ERROR_ARGUMENT", kshot_status_name(KSHOT_ERROR_ARGUMENT)));
    CHECK_EQUAL(0, strcmp("KSHOT_ERROR_STATE", kshot_status_name(KSHOT_ERROR_STATE)));
    CHECK_EQUAL(0, strcmp("KSHOT_ERROR_FULL", kshot_status_name(KSHOT_ERROR_FULL)));
    CHECK_EQUAL(0, strcmp("KSHOT_ERROR_NOT_FOUND", kshot_status_name(KSHOT_ERROR_NOT_FOUND)));
    CHECK_EQUAL(0, strcmp("KSHOT_ERROR_EMPTY", kshot_status_name(KSHOT_ERROR_EMPTY)));
    CHECK_EQUAL(0, strcmp("KSHOT_ERROR_MODEL", kshot_status_name(KSHOT_ERROR_MODEL)));
    CHECK_EQUAL(0, strcmp("KSHOT_ERROR_MEMORY", kshot_status_name(KSHOT_ERROR_MEMORY)));
    CHECK_EQUAL(0, strcmp("KSHOT_ERROR_UNKNOWN", kshot_status_name((kshot_status)-7)));
}

/* A class can have another label, if no other class has it; an enrollment must not be open. */
TEST(a_class_is_renamed)
{
    device *const d = started();
    kshot_class found;
    const uint16_t id = enrolled(d, "origin", origin);
    enrolled(d, "east", east);
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_rename(&d->k, id, "east"));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_rename(&d->k, id, "\xff"));
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_rename(&d->k, 9, "north"));
    CHECK_EQUAL(KSHOT_OK, kshot_rename(&d->k, id, "origin"));
    CHECK_EQUAL(KSHOT_OK, kshot_rename(&d->k, id, "o"));
    CHECK_EQUAL(KSHOT_OK, kshot_class_at(&d->k, 0, &found));
    CHECK(strcmp(found.label, "o") == 0 && is_zero(found.label + 1, sizeof found.label - 1));
    CHECK_EQUAL(id, classified(d, origin).class_id);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "o"));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_rename(&d->k, id, "p"));
}

/* An enrollment that begins anew replaces all shots at commit, not before, and keeps the id. */
TEST(a_class_is_taught_anew)
{
    device *const d = started();
    const uint16_t id = enrolled(d, "class", origin);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin_anew(&d->k, "class"));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, east));
    CHECK_EQUAL(0, classified(d, origin).distance);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_commit(&d->k, NULL));
    CHECK_EQUAL(id, classified(d, east).class_id);
    CHECK_EQUAL(0, classified(d, east).distance);
    CHECK_EQUAL(1, d->classes[0].shots);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin_anew(&d->k, "new"));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_begin_anew(&d->k, "other"));
}

/* A wipe takes all classes and overwrites them. */
TEST(a_wipe_takes_all_classes)
{
    device *const d = started();
    enrolled(d, "origin", origin);
    enrolled(d, "east", east);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "east"));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_wipe(&d->k));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_abort(&d->k));
    CHECK_EQUAL(KSHOT_OK, kshot_wipe(&d->k));
    CHECK_EQUAL(0, kshot_class_count(&d->k));
    CHECK(is_wiped(d, 0) && is_wiped(d, 1) && is_wiped(d, 2));
}

CHECK_MAIN(ENTRY(a_class_is_renamed), ENTRY(a_class_is_taught_anew), ENTRY(a_wipe_takes_all_classes),
           ENTRY(init_refuses_null), ENTRY(init_refuses_models_that_do_not_fit),
           ENTRY(init_refuses_memory_that_does_not_fit), ENTRY(calls_before_init_are_refused),
           ENTRY(null_arguments_are_refused), ENTRY(embed_runs_the_network), ENTRY(classify_names_the_nearest_class),
           ENTRY(one_class_has_no_margin), ENTRY(ties_go_to_the_earliest),
           ENTRY(nothing_enrolled_is_nothing_to_classify), ENTRY(refused_calls_change_nothing),
           ENTRY(a_full_kshot_still_takes_shots), ENTRY(enrolling_a_label_again_adds_shots),
           ENTRY(a_prefix_is_another_label), ENTRY(an_open_enrollment_does_not_count),
           ENTRY(a_commit_wipes_the_staging_slot), ENTRY(a_commit_may_ignore_the_id),
           ENTRY(forget_wipes_and_keeps_order), ENTRY(a_forgotten_label_starts_anew),
           ENTRY(ids_wrap_around_what_is_in_use), ENTRY(shots_are_limited), ENTRY(an_earlier_shot_is_taken_back),
           ENTRY(verification_compares_with_the_calibrated_distance), ENTRY(verification_needs_a_calibrated_model),
           ENTRY(two_kshots_share_nothing), ENTRY(init_again_starts_over), ENTRY(every_status_has_its_name))
