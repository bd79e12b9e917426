/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kshot_attention.h"

enum { SLOTS = 3, SHOTS = 255, LEN = KSHOT_MAX_EMBEDDING_LEN };

static int8_t exemplars[SLOTS * SHOTS * LEN];
static kshot_shot_note notes[SLOTS * SHOTS];
static kshot_class classes[SLOTS];
static kshot_attention_params params = {.sharpness = 7387, .zero_point = 0}; /* temperature 10 */
static kshot_slots slots = {.classes = classes,
                            .exemplars = exemplars,
                            .notes = notes,
                            .params = &params,
                            .embedding_len = 2,
                            .max_shots = SHOTS};
static const kshot_learner *const learner = &kshot_attention_learner;

static void add(uint32_t slot, const int8_t *shot)
{
    learner->add(&slots, slot, shot);
    classes[slot].shots++;
}

static void add_pair(uint32_t slot, int8_t first, int8_t second)
{
    const int8_t shot[2] = {first, second};
    add(slot, shot);
}

static kshot_winner ask(uint16_t class_count, int8_t first, int8_t second)
{
    const int8_t query[2] = {first, second};
    return learner->classify(&slots, class_count, query);
}

/* A norm is the largest whole number of sixteenths whose square is no larger than the vector's. */
TEST(norms_are_rounded_down)
{
    uint32_t random = 1;
    int8_t shot[LEN];

    for (slots.embedding_len = 1; slots.embedding_len < LEN; slots.embedding_len++) {
        for (int round = 0; round < 40; round++) {
            uint64_t square = 0;
            params.zero_point = (int16_t)(round % 2 ? INT8_MIN : INT8_MAX);
            for (uint32_t i = 0; i < slots.embedding_len; i++) {
                random = random * 1664525u + 1013904223u;
                shot[i] = (int8_t)((int32_t)(random >> 24) - 128);
                square += (uint64_t)((shot[i] - params.zero_point) * (shot[i] - params.zero_point));
            }
            classes[0].shots = 0;
            add(0, shot);
            const uint64_t norm = notes[0].norm;
            CHECK(norm * norm <= square * 256);
            CHECK((norm + 1) * (norm + 1) > square * 256);
        }
    }
}

/* The longest vector: its norm fits 16 bits and its projection on itself 15. */
TEST(the_largest_values_fit)
{
    int8_t far[LEN];
    memset(far, INT8_MAX, sizeof far);
    slots.embedding_len = LEN;
    params.zero_point = INT8_MIN;
    params.sharpness = (1u << 23) - 1;
    for (int shot = 0; shot < SHOTS; shot++) {
        add(0, far);
        add(1, far);
    }
    CHECK_EQUAL(16 * 16 * 255, notes[0].norm);
    const kshot_winner winner = learner->classify(&slots, 2, far);
    CHECK_EQUAL(8 * 16 * 255, notes[SHOTS].projection);
    CHECK_EQUAL(0, winner.slot);
    CHECK_EQUAL(0, winner.distance);
    CHECK_EQUAL(0, winner.margin);
}

/* Projections are eighths, towards zero on either side. */
TEST(projections_are_truncated)
{
    add_pair(0, 1, 1); /* its norm, 22.6 sixteenths, is rounded down to 22 */
    add_pair(0, -1, -1);
    (void)ask(1, 3, 0);
    CHECK_EQUAL(3 * 128 / 22, notes[0].projection);
    CHECK_EQUAL(-(3 * 128 / 22), notes[1].projection);
}

/* Directions count, lengths do not; among several shots of a class attention adds up. */
TEST(the_class_that_attracts_most_wins)
{
    add_pair(0, 100, 0);
    add_pair(1, 0, 3);
    CHECK_EQUAL(1, ask(2, 5, 50).slot);
    CHECK_EQUAL(0, ask(2, 50, 5).slot);
    CHECK_EQUAL(0, ask(2, 50, 49).slot);
    add_pair(1, 0, 3);
    CHECK_EQUAL(1, ask(2, 50, 49).slot);
}

/* Equal shares: the first class, by nothing; the margin is a share in 65536ths. */
TEST(of_equals_the_first_wins)
{
    kshot_winner winner;
    add_pair(0, 7, 7);
    CHECK_EQUAL(UINT32_MAX, ask(1, 7, 7).margin);
    add_pair(1, 7, 7);
    winner = ask(2, 7, 7);
    CHECK_EQUAL(0, winner.slot);
    CHECK_EQUAL(0, winner.margin);
    add_pair(1, 7, 7);
    winner = ask(2, 7, 7);
    CHECK_EQUAL(1, winner.slot);
    CHECK_EQUAL(65536 / 3, winner.margin);
}

/* A query or a shot at the zero point has no direction: its cosine is 0, and nothing is divided by its norm. */
TEST(vectors_of_length_zero_are_harmless)
{
    params.zero_point = -5;
    add_pair(0, -5, -5);
    CHECK_EQUAL(0, notes[0].norm);
    add_pair(1, 20, 20);
    CHECK_EQUAL(1, ask(2, 30, 30).slot);
    CHECK_EQUAL(0, ask(2, -30, -30).slot);
    add_pair(1, -40, -40);
    CHECK_EQUAL(1, ask(2, -5, -5).slot);
    CHECK_EQUAL(65536 / 3, ask(2, -5, -5).margin);
}

/* The last place that a shot can have: however sharp, far shots weigh nothing and near ones all. */
TEST(far_shots_weigh_nothing)
{
    params.sharpness = (1u << 23) - 1;
    add_pair(0, 127, -128);
    for (int shot = 0; shot < SHOTS; shot++) {
        add_pair(1, -128, 127);
    }
    const kshot_winner winner = ask(2, 1, -1);
    CHECK_EQUAL(0, winner.slot);
    CHECK_EQUAL(65536, winner.margin);
    CHECK_EQUAL(126 * 126 + 127 * 127, winner.distance);
}

/* What was noted of a class goes with it. */
TEST(wiping_takes_the_notes)
{
    add_pair(0, 1, 2);
    add_pair(1, 3, 4);
    (void)ask(2, 5, 6);
    CHECK(notes[SHOTS].projection != 0);
    learner->close_gap(&slots, 0, 1);
    CHECK_EQUAL(16 * 5, notes[0].norm);
    learner->wipe(&slots, 1);
    CHECK_EQUAL(0, notes[SHOTS].norm);
    CHECK_EQUAL(0, notes[SHOTS].projection);
}

/* Exemplars, notes and constants: none may be missing. */
TEST(the_memory_is_asked_for)
{
    kshot_slots lacking = slots;
    CHECK(learner->has_memory(&slots));
    lacking.notes = NULL;
    CHECK(!learner->has_memory(&lacking));
    lacking = slots;
    lacking.exemplars = NULL;
    CHECK(!learner->has_memory(&lacking));
    lacking = slots;
    lacking.params = NULL;
    CHECK(!learner->has_memory(&lacking));
}

CHECK_MAIN(ENTRY(norms_are_rounded_down), ENTRY(the_largest_values_fit), ENTRY(projections_are_truncated),
           ENTRY(the_class_that_attracts_most_wins), ENTRY(of_equals_the_first_wins),
           ENTRY(vectors_of_length_zero_are_harmless), ENTRY(far_shots_weigh_nothing), ENTRY(wiping_takes_the_notes),
           ENTRY(the_memory_is_asked_for))
