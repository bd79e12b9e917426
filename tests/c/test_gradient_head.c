/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "check.h"
#include "kshot_exp32.h"
#include "kshot_gradient_head.h"

enum { SLOTS = 4, SHOTS = 3, LEN = 2, ROW = 2 * (LEN + 1) };

static int8_t exemplars[SLOTS * SHOTS * LEN];
static float head[SLOTS * ROW], scratch[LEN + SLOTS];
static kshot_class classes[SLOTS];
static const float weight_rates[] = {0.5f, 0.25f}, bias_rates[] = {1.0f, 0.5f}, weights[] = {0.125f, -0.25f};
static kshot_gradient_head_params params = {.init_scale = 0.5f,
                                            .weight_rates = weight_rates,
                                            .bias_rates = bias_rates,
                                            .rate_count = 2,
                                            .steps = 1,
                                            .zero_point = 1};
static const kshot_slots slots = {.classes = classes,
                                  .exemplars = exemplars,
                                  .head = head,
                                  .scratch = scratch,
                                  .params = &params,
                                  .embedding_len = LEN,
                                  .max_shots = SHOTS};
static const kshot_learner *const learner = &kshot_gradient_head_learner;

static void add(uint32_t slot, int8_t first, int8_t second)
{
    const int8_t shot[LEN] = {first, second};
    learner->add(&slots, slot, shot);
    classes[slot].shots++;
}

static kshot_winner ask(uint16_t class_count, int8_t first, int8_t second)
{
    const int8_t query[LEN] = {first, second};
    return learner->classify(&slots, class_count, query);
}

static void check_row(uint32_t slot, float first, float second, float bias)
{
    CHECK(head[slot * ROW] == first);
    CHECK(head[slot * ROW + 1] == second);
    CHECK(head[slot * ROW + 2] == bias);
}

static bool is_zero(const void *memory, size_t len)
{
    const uint8_t *const bytes = memory;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Within 4e-6 of libm's over the range of a softmax, falling, 1 at 0, and 0 below -17. */
TEST(it_is_the_exponential)
{
    float before = 1.0f;
    CHECK(kshot_exp32(0.0f) == 1.0f);
    CHECK(kshot_exp32(-0.0f) == 1.0f);
    for (float x = 0.0f; x >= -17.0f; x -= 0.000244140625f) {
        const float power = kshot_exp32(x);
        CHECK(fabs((double)power / exp((double)x) - 1.0) < 4e-6);
        CHECK(power <= before);
        before = power;
    }
    CHECK(before > 0.0f);
    CHECK(kshot_exp32(-17.00001f) == 0.0f);
    CHECK(kshot_exp32(-3e38f) == 0.0f);
}

/* Twice the scale times the mean less the zero point, and less the scale times its square. */
TEST(a_class_starts_from_its_prototype)
{
    params.steps = 0;
    add(0, 3, 0);
    add(0, 7, -1);
    add(1, 1, 1);
    learner->adapt(&slots, 2);
    check_row(0, 4.0f, -1.5f, -0.5f * (16.0f + 2.25f));
    check_row(1, 0.0f, 0.0f, 0.0f);
}

/* Every class starts from the same row. */
TEST(a_class_starts_from_the_learned_row)
{
    params.steps = 0;
    params.initial_weights = weights;
    params.initial_bias = 2.5f;
    add(0, 3, 0);
    add(1, -9, 9);
    learner->adapt(&slots, 2);
    check_row(0, 0.125f, -0.25f, 2.5f);
    check_row(1, 0.125f, -0.25f, 2.5f);
}

/* From equal rows every share is a half: a shot moves its own class by half its rate, the other the other way. */
TEST(a_step_follows_the_mean_gradient)
{
    params.initial_weights = weights;
    add(0, 9, 1);
    add(1, 1, 5);
    learner->adapt(&slots, 2);
    check_row(0, 0.125f + 0.25f * 0.5f * 8.0f, -0.25f - 0.25f * 0.5f * 4.0f, 0.0f);
    check_row(1, 0.125f - 0.25f * 0.5f * 8.0f, -0.25f + 0.25f * 0.5f * 4.0f, 0.0f);
}

/* A class with more shots has more gradient: the bias follows how often a class is shown. */
TEST(the_last_rate_repeats)
{
    params.initial_weights = weights;
    params.steps = 1;
    add(0, 1, 1);
    add(0, 1, 1);
    add(0, 1, 1);
    add(1, 1, 1);
    learner->adapt(&slots, 2);
    check_row(0, 0.125f, -0.25f, 0.25f);
    check_row(1, 0.125f, -0.25f, -0.25f);
    params.steps = 3;
    learner->adapt(&slots, 2);
    const float share = 1.0f / (1.0f + kshot_exp32(-0.5f)); /* after the first step */
    const float second = 0.25f + 0.5f * (0.75f - share);
    CHECK(fabsf(head[2] - second) < 0.05f); /* the third step is small, and has the second's rate */
    CHECK(head[2] > second);
}

/* One class alone is certain: its error is zero, and it stays as it started. */
TEST(a_single_class_stays_at_its_start)
{
    params.steps = 5;
    add(0, 5, 5);
    learner->adapt(&slots, 1);
    check_row(0, 4.0f, 4.0f, -16.0f);
    CHECK_EQUAL(UINT32_MAX, ask(1, 0, 0).margin);
}

/* Adapting anew gives the same bits, whatever was in the memory before. */
TEST(adapting_starts_anew)
{
    float first[SLOTS * ROW];
    params.steps = 4;
    add(0, 3, 7);
    add(1, -4, 2);
    add(1, -5, 1);
    learner->adapt(&slots, 2);
    memcpy(first, head, sizeof head);
    for (uint32_t i = 0; i < SLOTS * ROW; i++) {
        head[i] = 1e30f;
    }
    learner->adapt(&slots, 2);
    CHECK(memcmp(first, head, 2 * ROW * sizeof *head) == 0);
}

/* The farthest shots under the largest constants stay finite, and the margin at its cap. */
TEST(the_largest_constants_stay_finite)
{
    static const float largest[] = {1e6f, -1e6f};
    params.init_scale = 1e6f;
    params.weight_rates = params.bias_rates = largest;
    params.steps = UINT16_MAX;
    params.zero_point = INT8_MIN;
    add(0, INT8_MIN, INT8_MAX);
    add(1, INT8_MAX, INT8_MIN);
    learner->adapt(&slots, 2);
    for (uint32_t i = 0; i < 2 * ROW; i++) {
        CHECK(isfinite(head[i]));
    }
    CHECK_EQUAL(4294967040LL, ask(2, INT8_MAX, INT8_MIN).margin);
}

/* Of equal logits the first class wins, by nothing; else the margin is their difference in 65536ths. */
TEST(the_largest_logit_wins)
{
    kshot_winner winner;
    params.initial_weights = weights;
    params.steps = 0;
    add(0, 1, 1);
    add(1, 1, 2);
    learner->adapt(&slots, 2);
    winner = ask(2, 4, 5);
    CHECK_EQUAL(0, winner.slot);
    CHECK_EQUAL(0, winner.margin);
    CHECK_EQUAL(9 + 16, winner.distance);
    head[ROW] = 0.25f;
    winner = ask(2, 4, 5);
    CHECK_EQUAL(1, winner.slot);
    CHECK_EQUAL(65536 * 3 / 8, winner.margin);
    CHECK_EQUAL(9 + 9, winner.distance);
}

/* A wiped slot leaves neither shots nor row nor gradient, nor its share, nor the features of the last vector. */
TEST(wiping_takes_all_of_a_class)
{
    params.init_scale = 1e-4f;
    add(0, 30, 40);
    add(1, -30, 20);
    learner->adapt(&slots, 2);
    (void)ask(2, 50, 60);
    CHECK(scratch[LEN + 1] != 0.0f);
    learner->wipe(&slots, 1);
    CHECK(is_zero(exemplars + SHOTS * LEN, SHOTS * LEN));
    CHECK(is_zero(head + ROW, ROW * sizeof *head));
    CHECK(is_zero(scratch, LEN * sizeof *scratch));
    CHECK(scratch[LEN + 1] == 0.0f);
    CHECK(head[0] != 0.0f);
    CHECK(scratch[LEN] != 0.0f);
    learner->wipe(&slots, 0);
    CHECK(is_zero(exemplars, sizeof exemplars));
    CHECK(is_zero(head, sizeof head));
    CHECK(is_zero(scratch, sizeof scratch));
}

/* Exemplars, head, scratch and constants: none may be missing. */
TEST(the_memory_is_asked_for)
{
    kshot_slots lacking = slots;
    CHECK(learner->has_memory(&slots));
    lacking.exemplars = NULL;
    CHECK(!learner->has_memory(&lacking));
    lacking = slots;
    lacking.head = NULL;
    CHECK(!learner->has_memory(&lacking));
    lacking = slots;
    lacking.scratch = NULL;
    CHECK(!learner->has_memory(&lacking));
    lacking = slots;
    lacking.params = NULL;
    CHECK(!learner->has_memory(&lacking));
}

CHECK_MAIN(ENTRY(it_is_the_exponential), ENTRY(a_class_starts_from_its_prototype),
           ENTRY(a_class_starts_from_the_learned_row), ENTRY(a_step_follows_the_mean_gradient),
           ENTRY(the_last_rate_repeats), ENTRY(a_single_class_stays_at_its_start), ENTRY(adapting_starts_anew),
           ENTRY(the_largest_constants_stay_finite), ENTRY(the_largest_logit_wins), ENTRY(wiping_takes_all_of_a_class),
           ENTRY(the_memory_is_asked_for))
