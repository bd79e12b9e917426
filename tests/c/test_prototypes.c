/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kshot.h"
#include "kshot_prototypes.h"

enum { SLOTS = 3, LEN = 2 };

static int32_t sums[SLOTS * KSHOT_MAX_EMBEDDING_LEN];
static int16_t prototypes[SLOTS * KSHOT_MAX_EMBEDDING_LEN];
static const kshot_prototypes learner = {sums, prototypes, LEN};

/* 16 times the mean, halves away from zero. */
TEST(the_prototype_rounds_halves_away_from_zero)
{
    sums[0] = 1;
    sums[1] = -1;
    kshot_prototypes_update(&learner, 0, 32);
    CHECK_EQUAL(1, prototypes[0]);
    CHECK_EQUAL(-1, prototypes[1]);
    kshot_prototypes_update(&learner, 0, 33);
    CHECK_EQUAL(0, prototypes[0]);
    CHECK_EQUAL(0, prototypes[1]);
    kshot_prototypes_update(&learner, 0, 3);
    CHECK_EQUAL(5, prototypes[0]);
    CHECK_EQUAL(-5, prototypes[1]);
}

/* The mean of equal shots is the shot, at both ends of the range and with as many shots as there may be. */
TEST(the_largest_sums_keep_their_mean)
{
    const int8_t shot[LEN] = {INT8_MIN, INT8_MAX};
    for (int i = 0; i < KSHOT_MAX_SHOTS; i++) {
        kshot_prototypes_add(&learner, 1, shot);
    }
    kshot_prototypes_update(&learner, 1, KSHOT_MAX_SHOTS);
    CHECK_EQUAL(-2048, prototypes[LEN]);
    CHECK_EQUAL(2032, prototypes[LEN + 1]);
    CHECK_EQUAL(0, kshot_prototypes_distance(&learner, 1, shot));
}

/* The farthest two points of the longest embedding are within 32 bits of each other. */
TEST(the_largest_distance_fits_32_bits)
{
    const kshot_prototypes longest = {sums, prototypes, KSHOT_MAX_EMBEDDING_LEN};
    int8_t low[KSHOT_MAX_EMBEDDING_LEN], high[KSHOT_MAX_EMBEDDING_LEN];
    memset(low, INT8_MIN, sizeof low);
    memset(high, INT8_MAX, sizeof high);
    kshot_prototypes_add(&longest, 2, high);
    kshot_prototypes_update(&longest, 2, 1);
    CHECK_EQUAL(4080LL * 4080 * KSHOT_MAX_EMBEDDING_LEN, kshot_prototypes_distance(&longest, 2, low));
}

/* Taking a shot back leaves what the others alone would have left. */
TEST(a_shot_taken_back_leaves_no_trace)
{
    const int8_t first[LEN] = {10, -20}, second[LEN] = {-7, 90};
    kshot_prototypes_add(&learner, 0, first);
    kshot_prototypes_add(&learner, 0, second);
    CHECK(kshot_prototypes_take_back(&learner, 0, first, 2));
    CHECK_EQUAL(-7, sums[0]);
    CHECK_EQUAL(90, sums[1]);
    CHECK(kshot_prototypes_take_back(&learner, 0, second, 1));
    CHECK_EQUAL(0, sums[0]);
    CHECK_EQUAL(0, sums[1]);
}

/* What cannot have been one of the shots changes nothing. */
TEST(a_foreign_shot_is_not_taken_back)
{
    const int8_t shot[LEN] = {10, -20}, lower[LEN] = {10, -21}, higher[LEN] = {11, -20};
    kshot_prototypes_add(&learner, 0, shot);
    CHECK(!kshot_prototypes_take_back(&learner, 0, lower, 1));
    CHECK(!kshot_prototypes_take_back(&learner, 0, higher, 1));
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
    kshot_prototypes_close_gap(&learner, 0, 1);
    CHECK_EQUAL(2, sums[0]);
    CHECK_EQUAL(3, sums[1]);
    CHECK_EQUAL(30, prototypes[1]);
    CHECK_EQUAL(4, sums[4]);
    kshot_prototypes_wipe(&learner, 1);
    CHECK_EQUAL(0, sums[2]);
    CHECK_EQUAL(0, prototypes[3]);
    CHECK_EQUAL(4, sums[4]);
}

CHECK_MAIN(ENTRY(the_prototype_rounds_halves_away_from_zero), ENTRY(the_largest_sums_keep_their_mean),
           ENTRY(the_largest_distance_fits_32_bits), ENTRY(a_shot_taken_back_leaves_no_trace),
           ENTRY(a_foreign_shot_is_not_taken_back), ENTRY(closing_a_gap_keeps_order))
