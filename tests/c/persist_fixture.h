/* SPDX-License-Identifier: Apache-2.0 */
/* A device with a learner of any kind, rejection, and a store over flash in memory: four classes, three banks of 1 KB.
 * Its network passes the input on, so that what is enrolled is what is given. */
#ifndef PERSIST_FIXTURE_H
#define PERSIST_FIXTURE_H

#include "kshot_attention.h"
#include "kshot_gradient_head.h"
#include "kshot_nearest.h"
#include "kshot_persist.h"
#include "kshot_prototypes.h"
#include "ram_flash.h"

enum { LEN = 8, MAX_CLASSES = 4, SLOTS = MAX_CLASSES + 1, MAX_SHOTS = 3, MAX_NEGATIVES = 4, IMPOSTORS = 4 };
enum { SUMS_RECORD = 26 + 4 * LEN + 4, SHOTS_RECORD = 26 + MAX_SHOTS * LEN, WORKSPACE = 128 };

typedef enum learner_kind { PROTOTYPES, NEAREST, ATTENTION, GRADIENT_HEAD, LEARNERS } learner_kind;

static inline void pass_on(const int8_t *input, int8_t *embedding, void *arena)
{
    (void)arena;
    memcpy(embedding, input, LEN);
}

static const int8_t impostors[IMPOSTORS * LEN] = {90,  90,  90,  90,  90,  90, 90,  90, -90, -90, -90,
                                                  -90, -90, -90, -90, -90, 90, -90, 90, -90, 90,  -90,
                                                  90,  -90, 1,   2,   3,   4,  5,   6,  7,   8};
static const uint16_t factors[KSHOT_REJECT_RATES] = {1000, 2000, 4000, 8000, 12000, 16384, 20000, 26000, 32768};
static const uint32_t priors[1] = {1600}, typical[1] = {100}, farthest[1] = {400};
static const kshot_rejection rejection = {
    .calls = &kshot_reject_by_distance,
    .impostors = impostors,
    .factors = factors,
    .priors = priors,
    .typical = typical,
    .farthest = farthest,
    .spread = 50,
    .impostor_count = IMPOSTORS,
    .way_knots = 1,
    .shot_knots = 1,
};

static const float rates[1] = {0.01f};
static const kshot_gradient_head_params head_params = {
    .init_scale = 0.001f, .weight_rates = rates, .bias_rates = rates, .rate_count = 1, .steps = 5};
static const kshot_attention_params attention_params = {.sharpness = 4000, .zero_point = 0};

#define MODEL(of, constants)                                                                                           \
    {.fingerprint = {1, 2, 3},                                                                                         \
     .input_len = LEN,                                                                                                 \
     .embedding_len = LEN,                                                                                             \
     .embed = pass_on,                                                                                                 \
     .learner = &(of),                                                                                                 \
     .learner_params = (constants),                                                                                    \
     .rejection = &rejection}
static const kshot_model models[LEARNERS] = {
    MODEL(kshot_prototypes_learner, NULL),
    MODEL(kshot_nearest_learner, NULL),
    MODEL(kshot_attention_learner, &attention_params),
    MODEL(kshot_gradient_head_learner, &head_params),
};

/* All that a reset takes away. */
typedef struct device {
    kshot k;
    kshot_persist p;
    int8_t embedding[LEN];
    int32_t sums[SLOTS * LEN];
    int16_t prototypes[SLOTS * LEN];
    uint32_t squares[SLOTS];
    int8_t exemplars[SLOTS * MAX_SHOTS * LEN];
    kshot_shot_note notes[SLOTS * MAX_SHOTS];
    float head[SLOTS * 2 * (LEN + 1)];
    float scratch[LEN + SLOTS];
    kshot_class classes[SLOTS];
    kshot_threshold thresholds[MAX_CLASSES];
    uint32_t nearest[IMPOSTORS];
    uint16_t nearest_slots[IMPOSTORS];
    int8_t negatives[MAX_NEGATIVES * LEN];
    kshot_store_entry entries[MAX_CLASSES + 3];
    uint8_t workspace[WORKSPACE];
} device;

static learner_kind kind; /* of the device; what a program begins with is PROTOTYPES */
static kshot_persist_config config;
static ram_flash ram = {.geometry = &config.store.geometry};
static kshot_flash flash = {&ram, ram_flash_read, ram_flash_prog, ram_flash_erase};
static device d;

static inline void init(void)
{
    const kshot_buffers buffers = {
        .embedding = d.embedding,
        .classes = d.classes,
        .sums = d.sums,
        .prototypes = d.prototypes,
        .squares = d.squares,
        .exemplars = d.exemplars,
        .notes = d.notes,
        .head = d.head,
        .scratch = d.scratch,
        .reject = {d.thresholds, d.nearest, d.nearest_slots, d.negatives, MAX_NEGATIVES},
        .max_classes = MAX_CLASSES,
        .max_shots = kind == PROTOTYPES ? KSHOT_MAX_SHOTS : MAX_SHOTS,
    };

    memset(&d, 0xa5, sizeof d); /* memory after a reset is anything */
    CHECK_EQUAL(KSHOT_OK, kshot_init(&d.k, &models[kind], &buffers));
}

/* A reset: nothing survives but the flash. */
static inline kshot_status boot(void)
{
    static kshot_store_memory memory;
    const kshot_persist_config made = {
        .store = {.geometry = {.erase_unit_bytes = 512,
                               .program_unit_bytes = 4,
                               .erase_units_per_bank = 2,
                               .bank_count = 3,
                               .erased_value = 0xff},
                  .record_bytes = kind == PROTOTYPES ? SUMS_RECORD : SHOTS_RECORD,
                  .max_classes = (uint16_t)(MAX_CLASSES + 1 + (kind == PROTOTYPES ? 1 : 2)),
                  .fingerprint = {1, 2, 3, [15] = KSHOT_RECORD_VERSION}},
        .format = kind == PROTOTYPES ? &kshot_record_sums : &kshot_record_shots,
    };

    init();
    config = made;
    memory.entries = d.entries;
    memory.workspace = d.workspace;
    return kshot_persist_open(&d.p, &d.k, &config, &flash, &memory);
}

/* A new device with an empty store. */
static inline void start(learner_kind chosen)
{
    kind = chosen;
    memset(&ram, 0, sizeof ram);
    ram.geometry = &config.store.geometry;
    memset(ram.bytes, 0xff, sizeof ram.bytes);
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, boot());
    CHECK_EQUAL(KSHOT_OK, kshot_persist_format(&d.p, 1));
}

/* The n-th of many shots; no two share a run of four bytes. */
static inline const int8_t *shot(int n)
{
    static int8_t values[LEN];
    uint32_t state = 2654435761u * (uint32_t)(n + 1);
    for (int i = 0; i < LEN; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (int8_t)((int)(state >> 24) - 128);
    }
    return values;
}

static inline void add(int n)
{
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d.k, shot(n)));
}

/* Enrolls a class of two shots, `n` and `n + 1`, or adds them. */
static inline uint16_t enroll(const char *label, int n)
{
    uint16_t id = 0;
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, label));
    add(n);
    add(n + 1);
    CHECK_EQUAL(KSHOT_OK, kshot_persist_commit(&d.p, &id, 7));
    return id;
}

/* What the device says of classes, negatives and many queries, in one number. */
static inline uint64_t answers(void)
{
    uint64_t sum =
        1469598103934665603u + kshot_class_count(&d.k) + 16u * d.k.rejector.negative_count + d.k.rejector.rate;
    for (uint16_t i = 0; i < kshot_class_count(&d.k); i++) {
        kshot_class found;
        CHECK_EQUAL(KSHOT_OK, kshot_class_at(&d.k, i, &found));
        for (size_t at = 0; at < sizeof found.label; at++) {
            sum = (sum ^ (uint8_t)found.label[at]) * 1099511628211u;
        }
        sum = (sum ^ (found.id + ((uint64_t)found.shots << 16))) * 1099511628211u;
    }
    for (int n = 0; n < 40 && kshot_class_count(&d.k) > 0; n++) {
        kshot_answer answer;
        CHECK_EQUAL(KSHOT_OK, kshot_classify(&d.k, shot(n), &answer));
        sum = (sum ^ answer.class_id) * 1099511628211u;
        sum = (sum ^ answer.distance) * 1099511628211u;
        sum = (sum ^ answer.margin) * 1099511628211u;
        sum = (sum ^ (uint64_t)answer.verdict) * 1099511628211u;
    }
    return sum;
}

/* How often a run of so many bytes of a vector lies anywhere in flash, or in what the device has in memory. */
static inline int traces(const void *vector, size_t len, size_t run)
{
    const uint8_t *const wanted = vector, *const memory = (const uint8_t *)&d;
    int found = 0;
    for (size_t at = 0; at + run <= len; at++) {
        for (size_t i = 0; i + run <= sizeof ram.bytes; i++) {
            found += memcmp(ram.bytes + i, wanted + at, run) == 0;
        }
        for (size_t i = 0; i + run <= sizeof d; i++) {
            found += memcmp(memory + i, wanted + at, run) == 0;
        }
    }
    return found;
}

#endif
