/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kshot_prototypes.h"

enum { SLOTS = 3, LEN = 2 };

static int32_t sums[SLOTS * KSHOT_MAX_EMBEDDING_LEN];
static int16_t prototypes[SLOTS * KSHOT_MAX_EMBEDDING_LEN];
static kshot_class classes[SLOTS];
static const kshot_slots slots = {
    .classes = classes, .sums = sums, .prototypes = prototypes, .embedding_len = LEN, .max_shots = KSHOT_MAX_SHOTS};
static const kshot_learner *const learner = &kshot_prototypes_learner;

static void add(uint32_t slot, const int8_t *shot)
{
    learner->add(&slots, slot, shot);
    classes[slot].shots++;
}

static void settle(uint16_t shots)
{
    classes[0].shots = shots;
    learner->settle(&slots, 0);
}

/* 16 times the mean, halves away from zero. */
TEST(the_prototype_rounds_halves_away_from_zero)
{
    sums[0] = 1;
    sums[1] = -1;
    settle(32);
    CHECK_EQUAL(1, prototypes[0]);
    CHECK_EQUAL(-1, prototypes[1]);
    settle(33);
    CHECK_EQUAL(0, prototypes[0]);
    CHECK_EQUAL(0, prototypes[1]);
    settle(3);
    CHECK_EQUAL(5, prototypes[0]);
    CHECK_EQUAL(-5, prototypes[1]);
}

/* The mean of equal shots is the shot, at both ends of the range and with as many shots as there may be. */
TEST(the_largest_sums_keep_their_mean)
{
    const int8_t shot[LEN] = {INT8_MIN, INT8_MAX};
    for (int i = 0; i < KSHOT_MAX_SHOTS; i++) {
        add(1, shot);
    }
    learner->settle(&slots, 1);
    CHECK_EQUAL(-2048, prototypes[LEN]);
    CHECK_EQUAL(2032, prototypes[LEN + 1]);
    CHECK_EQUAL(0, learner->distance(&slots, 1, shot));
}

/* The farthest two points of the longest embedding are within 32 bits of each other. */
TEST(the_largest_distance_fits_32_bits)
{
    kshot_slots longest = slots;
    int8_t low[KSHOT_MAX_EMBEDDING_LEN], high[KSHOT_MAX_EMBEDDING_LEN];
    longest.embedding_len = KSHOT_MAX_EMBEDDING_LEN;
    memset(low, INT8_MIN, sizeof low);
    memset(high, INT8_MAX, sizeof high);
    learner->add(&longest, 2, high);
    classes[2].shots = 1;
    learner->settle(&longest, 2);
    CHECK_EQUAL(4080LL * 4080 * KSHOT_MAX_EMBEDDING_LEN, learner->distance(&longest, 2, low));
}

/* Taking a shot back leaves what the others alone would have left. */
TEST(a_shot_taken_back_leaves_no_trace)
{
    const int8_t first[LEN] = {10, -20}, second[LEN] = {-7, 90};
    add(0, first);
    add(0, second);
    CHECK(learner->take_back(&slots, 0, first));
    classes[0].shots--;
    CHECK_EQUAL(-7, sums[0]);
    CHECK_EQUAL(90, sums[1]);
    CHECK(learner->take_back(&slots, 0, second));
    CHECK_EQUAL(0, sums[0]);
    CHECK_EQUAL(0, sums[1]);
}

/* What cannot have been one of the shots changes nothing. */
TEST(a_foreign_shot_is_not_taken_back)
{
    const int8_t shot[LEN] = {10, -20}, lower[LEN] = {10, -21}, higher[LEN] = {11, -20};
    add(0, shot);
    CHECK(!learner->take_back(&slots, 0, lower));
    CHECK(!learner->take_back(&slots, 0, higher));
    CHECK_EQUAL(10, sums[0]);
    CHECK_EQUAL(-20, sums[1]);
}

/* Closing a gap moves the slots behind it and no others. */
TEST(closing_a_gap_keeps_order)
{
    for (int i = 0; i < SLOTS * LEN; i++) {
        sums[i] = i;
        prototypes[i] = (int16_t)(10 * i);
    }
    learner->close_gap(&slots, 0, 1);
    CHECK_EQUAL(2, sums[0]);
    CHECK_EQUAL(3, sums[1]);
    CHECK_EQUAL(30, prototypes[1]);
    CHECK_EQUAL(4, sums[4]);
    learner->wipe(&slots, 1);
    CHECK_EQUAL(0, sums[2]);
    CHECK_EQUAL(0, prototypes[3]);
    CHECK_EQUAL(4, sums[4]);
}

CHECK_MAIN(ENTRY(the_prototype_rounds_halves_away_from_zero), ENTRY(the_largest_sums_keep_their_mean),
           ENTRY(the_largest_distance_fits_32_bits), ENTRY(a_shot_taken_back_leaves_no_trace),
           ENTRY(a_foreign_shot_is_not_taken_back), ENTRY(closing_a_gap_keeps_order))
