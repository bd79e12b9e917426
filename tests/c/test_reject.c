/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "kshot.h"
#include "kshot_nearest.h"
#include "kshot_prototypes.h"

enum { LEN = 2, MAX_CLASSES = 3, SLOTS = MAX_CLASSES + 1, MAX_SHOTS = 3, IMPOSTORS = 8, WAYS = 2, SHOTS = 1 };
enum { MAX_NEGATIVES = 2 };

static void pass_on(const int8_t *input, int8_t *embedding, void *arena)
{
    (void)arena;
    memcpy(embedding, input, LEN);
}

/* All but two lie far away, so that those two decide: 1600 and 3600 from the origin. */
static const int8_t impostors[IMPOSTORS * LEN] = {40,  0,   0,   60,  127, 127, -128, -128,
                                                  127, 126, 126, 127, 120, 120, -120, -120};
/* 1 for one class and 1/2 for two or more, and twice that at the highest rate. */
static const uint16_t factors[WAYS * SHOTS * KSHOT_REJECT_RATES] = {
    16384, 16384, 16384, 16384, 16384, 16384, 16384, 16384, 32768,
    8192,  8192,  8192,  8192,  8192,  8192,  8192,  8192,  16384,
};
static const uint32_t priors[WAYS * SHOTS] = {1600, 1600}, typical[SHOTS] = {100}, farthest[SHOTS] = {400};

static const kshot_rejection rejection = {
    .calls = &kshot_reject_by_distance,
    .impostors = impostors,
    .factors = factors,
    .priors = priors,
    .typical = typical,
    .farthest = farthest,
    .spread = 50,
    .impostor_count = IMPOSTORS,
    .way_knots = WAYS,
    .shot_knots = SHOTS,
};
static const kshot_model model = {.input_len = LEN,
                                  .embedding_len = LEN,
                                  .embed = pass_on,
                                  .learner = &kshot_nearest_learner,
                                  .rejection = &rejection};
static const kshot_model accepting = {
    .input_len = LEN, .embedding_len = LEN, .embed = pass_on, .learner = &kshot_nearest_learner};

typedef struct device {
    kshot k;
    int8_t embedding[LEN];
    int8_t exemplars[SLOTS * MAX_SHOTS * LEN];
    kshot_class classes[SLOTS];
    kshot_threshold thresholds[MAX_CLASSES];
    uint32_t nearest[IMPOSTORS];
    uint16_t nearest_slots[IMPOSTORS];
    int8_t negatives[MAX_NEGATIVES * LEN];
} device;

static kshot_buffers buffers_of(device *d)
{
    const kshot_buffers buffers = {
        .embedding = d->embedding,
        .classes = d->classes,
        .exemplars = d->exemplars,
        .reject = {.thresholds = d->thresholds,
                   .nearest = d->nearest,
                   .nearest_slots = d->nearest_slots,
                   .negatives = d->negatives,
                   .max_negatives = MAX_NEGATIVES},
        .max_classes = MAX_CLASSES,
        .max_shots = MAX_SHOTS,
    };
    return buffers;
}

static device *started(void)
{
    static device d;
    const kshot_buffers buffers = buffers_of(&d);
    CHECK_EQUAL(KSHOT_OK, kshot_init(&d.k, &model, &buffers));
    return &d;
}

static uint16_t enrolled(device *d, const char *label, int8_t x, int8_t y)
{
    const int8_t shot[LEN] = {x, y};
    uint16_t id = 0;
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, label));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, shot));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_commit(&d->k, &id));
    return id;
}

static kshot_verdict verdict_of(device *d, int8_t x, int8_t y)
{
    const int8_t query[LEN] = {x, y};
    kshot_answer answer;
    CHECK_EQUAL(KSHOT_OK, kshot_classify(&d->k, query, &answer));
    return answer.verdict;
}

/* The nearest impostor, 1600 away, and the prior, 1600, make the base; the factor of one class is 1. */
TEST(a_threshold_is_a_multiple_of_base_and_prior)
{
    device *const d = started();
    enrolled(d, "origin", 0, 0);
    CHECK_EQUAL(1600, d->thresholds[0].accept);
    enrolled(d, "near the impostor", 40, 20); /* 400 from it: the base is (400 + 1600) / 2, the factor 1/2 */
    CHECK_EQUAL(500, d->thresholds[0].accept);
    CHECK_EQUAL(500, d->thresholds[1].accept);
}

/* Up to the threshold a class accepts; a rate four times as high reaches further. */
TEST(verdicts_by_distance)
{
    device *const d = started();
    enrolled(d, "origin", 0, 0);
    CHECK_EQUAL(KSHOT_OK, kshot_set_false_accepts(&d->k, 62)); /* four times that is near the highest knot */
    CHECK_EQUAL(1600, d->thresholds[0].accept);
    CHECK_EQUAL(3175, d->thresholds[0].doubt);
    CHECK_EQUAL(KSHOT_ACCEPT, verdict_of(d, -40, 0));
    CHECK_EQUAL(KSHOT_UNCERTAIN, verdict_of(d, -41, 0));
    CHECK_EQUAL(KSHOT_UNCERTAIN, verdict_of(d, -56, 0));
    CHECK_EQUAL(KSHOT_UNKNOWN, verdict_of(d, -57, 0));
}

/* Rates from 1 to 250 in 1000; at the highest, doubt ends where acceptance does. */
TEST(rates_have_a_range)
{
    device *const d = started();
    enrolled(d, "origin", 0, 0);
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_set_false_accepts(&d->k, 0));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_set_false_accepts(&d->k, 251));
    CHECK_EQUAL(1600, d->thresholds[0].accept);
    CHECK_EQUAL(KSHOT_OK, kshot_set_false_accepts(&d->k, 250));
    CHECK_EQUAL(3200, d->thresholds[0].accept);
    CHECK_EQUAL(3200, d->thresholds[0].doubt);
    CHECK_EQUAL(KSHOT_OK, kshot_set_false_accepts(&d->k, 1));
    CHECK_EQUAL(1600, d->thresholds[0].accept);
}

/* Two classes that both accept, the second at most a quarter of the distance further. */
TEST(nearly_equal_classes_are_uncertain)
{
    device *const d = started();
    enrolled(d, "left", -10, 0);
    enrolled(d, "right", 10, 0);
    CHECK_EQUAL(KSHOT_UNCERTAIN, verdict_of(d, 0, 8)); /* 164 from both */
    CHECK_EQUAL(KSHOT_UNCERTAIN, verdict_of(d, 0, 0));
    CHECK_EQUAL(KSHOT_ACCEPT, verdict_of(d, 1, 0)); /* 81 and 121 */
    CHECK_EQUAL(KSHOT_ACCEPT, verdict_of(d, -10, 0));
}

/* What lies nearer to a negative than to its class is unknown, and known again when negatives are forgotten. */
TEST(negatives_veto)
{
    static const int8_t negative[LEN] = {-20, 0};
    device *const d = started();
    enrolled(d, "origin", 0, 0);
    CHECK_EQUAL(KSHOT_OK, kshot_negative_add(&d->k, negative));
    CHECK_EQUAL(KSHOT_UNKNOWN, verdict_of(d, -20, 0));
    CHECK_EQUAL(KSHOT_UNKNOWN, verdict_of(d, -11, 0));
    CHECK_EQUAL(KSHOT_ACCEPT, verdict_of(d, -10, 0)); /* as near to both */
    CHECK_EQUAL(KSHOT_OK, kshot_negative_add_embedding(&d->k, negative));
    CHECK_EQUAL(KSHOT_ERROR_FULL, kshot_negative_add(&d->k, negative));
    CHECK_EQUAL(KSHOT_OK, kshot_negatives_forget(&d->k));
    CHECK_EQUAL(KSHOT_ACCEPT, verdict_of(d, -20, 0));
    for (int i = 0; i < MAX_NEGATIVES * LEN; i++) {
        CHECK_EQUAL(0, d->negatives[i]);
    }
}

/* A shot far from the others, a class that would accept the shot, a threshold that is wide enough. */
TEST(quality_of_an_enrollment)
{
    static const int8_t first[LEN] = {30, -30}, far_away[LEN] = {-60, -60}, close[LEN] = {31, -30};
    device *const d = started();
    const uint16_t other = enrolled(d, "other", -60, -55);
    kshot_quality quality;

    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "new"));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, first));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, close));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_quality(&d->k, &quality));
    CHECK_EQUAL(0, quality.far_shots);
    CHECK_EQUAL(0, quality.near_class_id);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, far_away));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_quality(&d->k, &quality));
    CHECK_EQUAL(1, quality.far_shots);
    CHECK_EQUAL(other, quality.near_class_id);
    CHECK(!quality.rate_is_met);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_commit(&d->k, NULL));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_quality(&d->k, &quality));
    CHECK(quality.rate_is_met);
    CHECK_EQUAL(1, quality.far_shots);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "next"));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_quality(&d->k, &quality));
    CHECK_EQUAL(0, quality.far_shots);
    CHECK(!quality.rate_is_met);
}

/* A class in whose place impostors lie is left a threshold below what half of its own samples need. */
TEST(a_rate_that_cannot_be_met_is_reported)
{
    static const uint32_t wide[SHOTS] = {2000};
    static device d;
    kshot_rejection strict = rejection;
    kshot_model demanding = model;
    const kshot_buffers buffers = buffers_of(&d);
    kshot_quality quality;

    strict.typical = wide;
    demanding.rejection = &strict;
    CHECK_EQUAL(KSHOT_OK, kshot_init(&d.k, &demanding, &buffers));
    enrolled(&d, "origin", 0, 0);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_quality(&d.k, &quality));
    CHECK(!quality.rate_is_met);
}

/* A class that gets more of its own shots is not too close to itself. */
TEST(a_class_is_not_close_to_itself)
{
    static const int8_t shot[LEN] = {1, 0};
    device *const d = started();
    kshot_quality quality;

    enrolled(d, "origin", 0, 0);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "origin"));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, shot));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_quality(&d->k, &quality));
    CHECK_EQUAL(0, quality.near_class_id);
}

static uint32_t threshold_with(int8_t second)
{
    const int8_t shot[LEN] = {0, second};
    device *const d = started();

    enrolled(d, "origin", 0, 0);
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d->k, "origin"));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_add(&d->k, shot));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_commit(&d->k, NULL));
    return d->thresholds[0].accept;
}

/* Shots that lie wide apart widen the threshold, at most twice; ones that lie close together narrow it; ones that say
 * nothing leave it. */
TEST(spread_moves_the_threshold)
{
    CHECK_EQUAL(3200, threshold_with(120));
    CHECK_EQUAL(1600 * 117 / 128, threshold_with(6)); /* spread 14: (14 + 8 * 50) / 9 = 46, 117 / 128 of 50 */
    CHECK_EQUAL(1600, threshold_with(0));
}

/* Thresholds depend on the classes that are there, not on how they came about. */
TEST(forgetting_restores_the_thresholds)
{
    device *const d = started();
    uint16_t second;

    enrolled(d, "origin", 0, 0);
    second = enrolled(d, "at the impostor", 40, 0);
    enrolled(d, "elsewhere", -50, 50);
    CHECK_EQUAL(400, d->thresholds[0].accept); /* the base is (0 + 1600) / 2 */
    CHECK_EQUAL(KSHOT_OK, kshot_forget(&d->k, second));
    CHECK_EQUAL(800, d->thresholds[0].accept);
    CHECK_EQUAL(800, d->thresholds[1].accept);
    CHECK_EQUAL(1600, d->nearest[0]);
    CHECK_EQUAL(0, d->nearest_slots[0]);
    CHECK_EQUAL(2600, d->nearest[1]); /* from (-50, 50), which has moved down */
    CHECK_EQUAL(1, d->nearest_slots[1]);
}

/* Without a rejection every answer is accepted, and calls for rejection say why they do nothing. */
TEST(a_model_without_rejection_accepts)
{
    static const int8_t value[LEN] = {0, 0};
    static device d;
    kshot_buffers buffers = buffers_of(&d);
    const kshot_reject_memory none = {0};
    kshot_quality quality;

    buffers.reject = none;
    CHECK_EQUAL(KSHOT_OK, kshot_init(&d.k, &accepting, &buffers));
    enrolled(&d, "origin", 0, 0);
    CHECK_EQUAL(KSHOT_ACCEPT, verdict_of(&d, 127, 127));
    CHECK_EQUAL(KSHOT_ERROR_MODEL, kshot_set_false_accepts(&d.k, 50));
    CHECK_EQUAL(KSHOT_ERROR_MODEL, kshot_negative_add(&d.k, value));
    CHECK_EQUAL(KSHOT_ERROR_MODEL, kshot_negative_add_embedding(&d.k, value));
    CHECK_EQUAL(KSHOT_ERROR_MODEL, kshot_negatives_forget(&d.k));
    CHECK_EQUAL(KSHOT_ERROR_MODEL, kshot_enroll_quality(&d.k, &quality));
}

/* A model with rejection needs its memory; room for negatives it may do without. */
TEST(rejection_needs_its_memory)
{
    static const int8_t value[LEN] = {0, 0};
    static device d;
    kshot_buffers bad[4];

    for (int i = 0; i < 4; i++) {
        bad[i] = buffers_of(&d);
    }
    bad[0].reject.thresholds = NULL;
    bad[1].reject.nearest = NULL;
    bad[2].reject.nearest_slots = NULL;
    bad[3].reject.negatives = NULL;
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(KSHOT_ERROR_MEMORY, kshot_init(&d.k, &model, &bad[i]));
    }
    bad[3].reject.max_negatives = 0;
    CHECK_EQUAL(KSHOT_OK, kshot_init(&d.k, &model, &bad[3]));
    CHECK_EQUAL(KSHOT_ERROR_FULL, kshot_negative_add(&d.k, value));
    CHECK_EQUAL(KSHOT_OK, kshot_negatives_forget(&d.k));
}

/* Null pointers and a kshot that was never started are misuse. */
TEST(rejection_calls_check_their_arguments)
{
    static const int8_t value[LEN] = {0, 0};
    static kshot never;
    device *const d = started();
    kshot_quality quality;

    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_set_false_accepts(NULL, 50));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_negative_add(&d->k, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_negative_add_embedding(NULL, value));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_negatives_forget(NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_enroll_quality(&d->k, NULL));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_set_false_accepts(&never, 50));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_enroll_quality(&never, &quality));
}

/* Prototypes learn a spread from sums of squares, which a shot that is taken back leaves as they were. */
TEST(prototypes_keep_squares)
{
    static kshot_class classes[3];
    static int32_t sums[3 * LEN];
    static int16_t prototypes[3 * LEN];
    static uint32_t squares[3];
    static const int8_t low[LEN] = {0, -100}, high[LEN] = {0, 100}, stranger[LEN] = {127, 127};
    const kshot_slots slots = {.classes = classes,
                               .sums = sums,
                               .prototypes = prototypes,
                               .squares = squares,
                               .embedding_len = LEN,
                               .max_shots = KSHOT_MAX_SHOTS};
    const kshot_learner *const learner = &kshot_prototypes_learner;

    learner->add(&slots, 0, low);
    classes[0].shots = 1;
    learner->settle(&slots, 0);
    CHECK_EQUAL(0, learner->spread(&slots, 0));
    learner->add(&slots, 0, high);
    classes[0].shots = 2;
    learner->settle(&slots, 0);
    CHECK_EQUAL(2 * 10000, learner->spread(&slots, 0));
    learner->copy(&slots, 0, 2);
    CHECK_EQUAL(2 * 625, squares[2]);
    learner->close_gap(&slots, 1, 2);
    CHECK_EQUAL(2 * 625, squares[1]);
    CHECK(!learner->take_back(&slots, 0, stranger));
    CHECK(learner->take_back(&slots, 0, high));
    CHECK_EQUAL(625, squares[0]);
    learner->wipe(&slots, 0);
    CHECK_EQUAL(0, squares[0]);
}

CHECK_MAIN(ENTRY(a_threshold_is_a_multiple_of_base_and_prior), ENTRY(verdicts_by_distance), ENTRY(rates_have_a_range),
           ENTRY(nearly_equal_classes_are_uncertain), ENTRY(negatives_veto), ENTRY(quality_of_an_enrollment),
           ENTRY(a_rate_that_cannot_be_met_is_reported), ENTRY(a_class_is_not_close_to_itself),
           ENTRY(spread_moves_the_threshold), ENTRY(forgetting_restores_the_thresholds),
           ENTRY(a_model_without_rejection_accepts), ENTRY(rejection_needs_its_memory),
           ENTRY(rejection_calls_check_their_arguments), ENTRY(prototypes_keep_squares))
