/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kshot_exemplars.h"
#include "kshot_nearest.h"

enum { SLOTS = 3, SHOTS = 4, LEN = 2 };

static int8_t exemplars[SLOTS * SHOTS * LEN];
static kshot_shot_note notes[SLOTS * SHOTS];
static kshot_class classes[SLOTS];
static const kshot_slots slots = {
    .classes = classes, .exemplars = exemplars, .notes = notes, .embedding_len = LEN, .max_shots = SHOTS};
static const kshot_learner *const learner = &kshot_nearest_learner;

/* Adds a shot and notes which one it is. */
static void add(uint32_t slot, int8_t first, int8_t second)
{
    const int8_t shot[LEN] = {first, second};
    const uint16_t index = classes[slot].shots;
    notes[slot * SHOTS + index].norm = (uint16_t)(100 * slot + index + 1);
    learner->add(&slots, slot, shot);
    classes[slot].shots++;
}

static bool take_back(uint32_t slot, int8_t first, int8_t second)
{
    const int8_t shot[LEN] = {first, second};
    const bool taken = learner->take_back(&slots, slot, shot);
    if (taken) {
        classes[slot].shots--;
    }
    return taken;
}

static uint32_t distance(uint32_t slot, int8_t first, int8_t second)
{
    const int8_t query[LEN] = {first, second};
    return learner->distance(&slots, slot, query);
}

static void check_shot(uint32_t slot, uint32_t index, int8_t first, uint16_t norm)
{
    CHECK_EQUAL(first, kshot_exemplars_shot(&slots, slot, index)[0]);
    CHECK_EQUAL(norm, notes[slot * SHOTS + index].norm);
}

/* A slot takes as many shots as it has room for, and writes nothing behind them. */
TEST(shots_fill_their_slot)
{
    add(1, 7, 0);
    for (int8_t i = 0; i < SHOTS; i++) {
        add(0, i, (int8_t)-i);
    }
    for (int8_t i = 0; i < SHOTS; i++) {
        check_shot(0, (uint32_t)i, i, (uint16_t)(i + 1));
    }
    check_shot(1, 0, 7, 101);
}

/* The distance is the one to the nearest shot; shots that are not there do not count. */
TEST(the_nearest_shot_counts)
{
    add(0, 10, 0);
    add(0, -3, 4);
    CHECK_EQUAL(25, distance(0, 0, 0));
    CHECK_EQUAL(0, distance(0, 10, 0));
    CHECK_EQUAL(1, distance(0, 11, 0));
}

/* Opposite corners of the longest embedding are within 32 bits of each other. */
TEST(the_largest_distance_fits_32_bits)
{
    static int8_t memory[KSHOT_MAX_EMBEDDING_LEN];
    static kshot_class class_of_one;
    int8_t low[KSHOT_MAX_EMBEDDING_LEN], high[KSHOT_MAX_EMBEDDING_LEN];
    kshot_slots longest = slots;
    longest.classes = &class_of_one;
    longest.exemplars = memory;
    longest.notes = NULL;
    longest.embedding_len = KSHOT_MAX_EMBEDDING_LEN;
    longest.max_shots = 1;
    memset(low, INT8_MIN, sizeof low);
    memset(high, INT8_MAX, sizeof high);
    learner->add(&longest, 0, high);
    class_of_one.shots = 1;
    CHECK_EQUAL(255LL * 255 * KSHOT_MAX_EMBEDDING_LEN, learner->distance(&longest, 0, low));
}

/* Of equal shots the latest goes; those behind it move up, with what was noted, and nothing stays behind them. */
TEST(a_shot_taken_back_leaves_no_trace)
{
    add(0, 1, 1);
    add(0, 2, 2);
    add(0, 1, 1);
    add(0, 3, 3);
    CHECK(take_back(0, 1, 1));
    check_shot(0, 0, 1, 1);
    check_shot(0, 1, 2, 2);
    check_shot(0, 2, 3, 4);
    check_shot(0, 3, 0, 0);
    CHECK(take_back(0, 1, 1));
    check_shot(0, 0, 2, 2);
    check_shot(0, 1, 3, 4);
    check_shot(0, 2, 0, 0);
    CHECK(take_back(0, 3, 3));
    CHECK(take_back(0, 2, 2));
    CHECK_EQUAL(0, classes[0].shots);
    check_shot(0, 0, 0, 0);
}

/* What is none of the shots changes nothing, not even where a deleted shot or another class was the same. */
TEST(a_foreign_shot_is_not_taken_back)
{
    add(0, 5, 6);
    add(1, 8, 9);
    CHECK(!take_back(0, 5, 7));
    CHECK(!take_back(0, 8, 9));
    CHECK(!take_back(0, 0, 0));
    check_shot(0, 0, 5, 1);
}

/* A copy is equal in shots and notes, over whatever was there. */
TEST(a_slot_is_copied_whole)
{
    for (int8_t i = 0; i < SHOTS; i++) {
        add(2, 9, 9);
    }
    add(0, 1, 2);
    learner->copy(&slots, 0, 2);
    check_shot(2, 0, 1, 1);
    check_shot(2, 1, 0, 0);
    check_shot(2, SHOTS - 1, 0, 0);
}

/* Closing a gap moves the slots behind it and no others; wiping the last one leaves nothing of it. */
TEST(closing_a_gap_keeps_order)
{
    add(0, 1, 1);
    add(1, 2, 2);
    add(1, 3, 3);
    add(2, 4, 4);
    learner->close_gap(&slots, 0, 1);
    check_shot(0, 0, 2, 101);
    check_shot(0, 1, 3, 102);
    check_shot(2, 0, 4, 201);
    learner->close_gap(&slots, 1, 1);
    learner->wipe(&slots, 1);
    for (uint32_t shot = 0; shot < SHOTS; shot++) {
        check_shot(1, shot, 0, 0);
    }
    check_shot(0, 0, 2, 101);
    check_shot(2, 0, 4, 201);
}

/* The nearest class wins by what the second lies behind; of equals the first does. */
TEST(the_nearest_class_wins)
{
    const int8_t query[LEN] = {0, 0};
    kshot_winner winner;
    add(0, 9, 0);
    winner = kshot_learner_classify(learner, &slots, 1, query);
    CHECK_EQUAL(0, winner.slot);
    CHECK_EQUAL(81, winner.distance);
    CHECK_EQUAL(UINT32_MAX, winner.margin);
    add(1, 3, 0);
    add(2, 0, -3);
    winner = kshot_learner_classify(learner, &slots, 2, query);
    CHECK_EQUAL(1, winner.slot);
    CHECK_EQUAL(72, winner.margin);
    winner = kshot_learner_classify(learner, &slots, 3, query);
    CHECK_EQUAL(1, winner.slot);
    CHECK_EQUAL(9, winner.distance);
    CHECK_EQUAL(0, winner.margin);
}

/* Without exemplars there is nothing to learn in; notes are not needed. */
TEST(the_memory_is_asked_for)
{
    kshot_slots lacking = slots;
    CHECK(learner->has_memory(&slots));
    lacking.notes = NULL;
    CHECK(learner->has_memory(&lacking));
    lacking.exemplars = NULL;
    CHECK(!learner->has_memory(&lacking));
}

CHECK_MAIN(ENTRY(shots_fill_their_slot), ENTRY(the_nearest_shot_counts), ENTRY(the_largest_distance_fits_32_bits),
           ENTRY(a_shot_taken_back_leaves_no_trace), ENTRY(a_foreign_shot_is_not_taken_back),
           ENTRY(a_slot_is_copied_whole), ENTRY(closing_a_gap_keeps_order), ENTRY(the_nearest_class_wins),
           ENTRY(the_memory_is_asked_for))
