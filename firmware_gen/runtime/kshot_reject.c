/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_reject.h"

#include <stddef.h>

#define RATE_BITS 6 /* of the lowest knot */
#define FACTOR_BITS 14
#define RATIO_BITS 7
#define RATIO_MIN (1u << (RATIO_BITS - 1))
#define SPREAD_SHOTS 8u /* the calibrated spread counts as much as so many shots beyond the first */
#define SPREAD_SHOTS_MAX 63u
#define DOUBT_BITS 2  /* the looser rate is 2^2 times as high */
#define NEARLY_BITS 2 /* nearly as near: at most 2^-2 of the distance further */
#define NO_SLOT UINT16_MAX

/* A place between two knots. */
typedef struct place {
    uint32_t before;
    uint32_t after;
    uint32_t fraction; /* Q8 of the way, in logarithms */
} place;

/* Knots lie at 2^(lowest_bits + i); below the first there is nothing, beyond the last its value holds. */
static place find_place(uint32_t value, uint32_t lowest_bits, uint32_t knots)
{
    const place last = {knots - 1u, knots - 1u, 0};
    uint32_t octave = 0;

    while (value >> (octave + 1u) != 0) {
        octave++;
    }
    if (octave - lowest_bits >= knots - 1u) {
        return last;
    }
    const uint32_t part = ((value - (UINT32_C(1) << octave)) << 8) >> octave;
    const uint32_t fraction = part + ((part * (256u - part) * 11u) >> 13); /* log2(1 + x), x of Q8 */
    const place between = {octave - lowest_bits, octave - lowest_bits + 1u, fraction};
    return between;
}

static uint32_t mix(uint32_t before, uint32_t after, uint32_t fraction)
{
    return (uint32_t)(((uint64_t)before * (256u - fraction) + (uint64_t)after * fraction) >> 8);
}

static uint32_t along(const uint32_t *knots, const place *at)
{
    return mix(knots[at->before], knots[at->after], at->fraction);
}

static uint32_t factor_of_row(const uint16_t *row, const place *rate)
{
    return mix(row[rate->before], row[rate->after], rate->fraction);
}

static uint32_t factor_of_plane(const uint16_t *plane, const place *shots, const place *rate)
{
    return mix(factor_of_row(plane + shots->before * KSHOT_REJECT_RATES, rate),
               factor_of_row(plane + shots->after * KSHOT_REJECT_RATES, rate), shots->fraction);
}

static uint32_t factor_of(const kshot_rejection *rejection, const place *ways, const place *shots, uint32_t rate)
{
    const size_t plane_len = (size_t)rejection->shot_knots * KSHOT_REJECT_RATES;
    const place at_rate = find_place(rate, RATE_BITS, KSHOT_REJECT_RATES);

    return mix(factor_of_plane(rejection->factors + ways->before * plane_len, shots, &at_rate),
               factor_of_plane(rejection->factors + ways->after * plane_len, shots, &at_rate), ways->fraction);
}

static uint32_t prior_of(const kshot_rejection *rejection, const place *ways, const place *shots)
{
    return mix(along(rejection->priors + ways->before * rejection->shot_knots, shots),
               along(rejection->priors + ways->after * rejection->shot_knots, shots), ways->fraction);
}

/* How much wider than usual a class spreads, Q7 in [1/2, 2], shrunk towards 1. */
static uint32_t ratio_of(const kshot_rejector *rejector, const kshot_slots *slots, uint16_t slot)
{
    const uint32_t usual = rejector->rejection->spread;
    const uint32_t spread = rejector->learner->spread(slots, slot);
    uint32_t beyond = slots->classes[slot].shots - 1u;
    uint32_t shrunk, ratio;

    if (spread == 0) {
        return UINT32_C(1) << RATIO_BITS;
    }
    if (beyond > SPREAD_SHOTS_MAX) {
        beyond = SPREAD_SHOTS_MAX;
    }
    shrunk = (spread * beyond + SPREAD_SHOTS * usual) / (beyond + SPREAD_SHOTS);
    if (shrunk > 2u * usual) {
        shrunk = 2u * usual;
    }
    ratio = (shrunk << RATIO_BITS) / usual;
    return ratio < RATIO_MIN ? RATIO_MIN : ratio;
}

/* Mean distance of the impostors that come nearest. */
static uint32_t base_of(const kshot_rejector *rejector)
{
    uint32_t tail[1 << KSHOT_REJECT_MAX_TAIL_BITS];
    const uint32_t wanted = UINT32_C(1) << rejector->rejection->tail_bits;
    uint32_t found = 0;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < rejector->rejection->impostor_count; i++) {
        const uint32_t distance = rejector->memory.nearest[i];
        uint32_t place_in_tail = found;
        if (found < wanted) {
            found++;
        } else if (distance >= tail[wanted - 1u]) {
            continue;
        } else {
            place_in_tail = wanted - 1u;
        }
        while (place_in_tail > 0 && tail[place_in_tail - 1u] > distance) {
            tail[place_in_tail] = tail[place_in_tail - 1u];
            place_in_tail--;
        }
        tail[place_in_tail] = distance;
    }
    for (uint32_t i = 0; i < found; i++) {
        sum += tail[i];
    }
    return (uint32_t)(sum >> rejector->rejection->tail_bits);
}

static uint32_t scaled(uint32_t factor, uint64_t unit)
{
    const uint64_t threshold = (factor * unit) >> (FACTOR_BITS + RATIO_BITS);
    return threshold > UINT32_MAX ? UINT32_MAX : (uint32_t)threshold;
}

static void set_thresholds(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count)
{
    const kshot_rejection *const rejection = rejector->rejection;
    const uint32_t base = base_of(rejector);
    const place ways = find_place(class_count, 0, rejection->way_knots);
    uint32_t looser = rejector->rate << DOUBT_BITS;

    if (looser > KSHOT_REJECT_RATE_MAX) {
        looser = KSHOT_REJECT_RATE_MAX;
    }
    for (uint16_t slot = 0; slot < class_count; slot++) {
        const place shots = find_place(slots->classes[slot].shots, 0, rejection->shot_knots);
        const uint64_t both = ((uint64_t)base + prior_of(rejection, &ways, &shots)) >> 1;
        const uint64_t unit = both * ratio_of(rejector, slots, slot);
        kshot_threshold *const threshold = &rejector->memory.thresholds[slot];

        threshold->accept = scaled(factor_of(rejection, &ways, &shots, rejector->rate), unit);
        threshold->doubt = scaled(factor_of(rejection, &ways, &shots, looser), unit);
    }
}

static const int8_t *impostor(const kshot_rejector *rejector, const kshot_slots *slots, uint32_t index)
{
    return rejector->rejection->impostors + (size_t)index * slots->embedding_len;
}

/* Finds the class nearest to an impostor among all. */
static void seek(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count, uint32_t index)
{
    uint32_t nearest = UINT32_MAX;

    rejector->memory.nearest_slots[index] = NO_SLOT;
    for (uint16_t slot = 0; slot < class_count; slot++) {
        const uint32_t distance = rejector->learner->distance(slots, slot, impostor(rejector, slots, index));
        if (distance < nearest) {
            nearest = distance;
            rejector->memory.nearest_slots[index] = slot;
        }
    }
    rejector->memory.nearest[index] = nearest;
}

static void rebuild(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count)
{
    for (uint32_t i = 0; i < rejector->rejection->impostor_count; i++) {
        seek(rejector, slots, class_count, i);
    }
    set_thresholds(rejector, slots, class_count);
}

static void on_change(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count, uint16_t slot)
{
    kshot_reject_memory *const memory = &rejector->memory;

    for (uint32_t i = 0; i < rejector->rejection->impostor_count; i++) {
        if (memory->nearest_slots[i] == slot) {
            seek(rejector, slots, class_count, i); /* it may have moved away */
        } else {
            const uint32_t distance = rejector->learner->distance(slots, slot, impostor(rejector, slots, i));
            if (distance < memory->nearest[i]) {
                memory->nearest[i] = distance;
                memory->nearest_slots[i] = slot;
            }
        }
    }
    set_thresholds(rejector, slots, class_count);
}

static void on_removal(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count, uint16_t slot)
{
    uint16_t *const nearest_slots = rejector->memory.nearest_slots;

    for (uint32_t i = 0; i < rejector->rejection->impostor_count; i++) {
        if (nearest_slots[i] == slot) {
            seek(rejector, slots, class_count, i);
        } else if (nearest_slots[i] > slot && nearest_slots[i] != NO_SLOT) {
            nearest_slots[i]--;
        }
    }
    set_thresholds(rejector, slots, class_count);
}

/* Whether a negative lies nearer than the winner. */
static bool is_nearer_to_negative(const kshot_rejector *rejector, const kshot_slots *slots, uint32_t distance,
                                  const int8_t *embedding)
{
    const int8_t *negative = rejector->memory.negatives;

    for (uint32_t i = 0; i < rejector->negative_count; i++, negative += slots->embedding_len) {
        uint32_t against = 0;
        for (uint32_t j = 0; j < slots->embedding_len; j++) {
            const int32_t difference = embedding[j] - negative[j];
            against += (uint32_t)(difference * difference);
        }
        if (against << rejector->rejection->unit_bits < distance) {
            return true;
        }
    }
    return false;
}

/* Whether another class accepts, too, and is nearly as near. */
static bool has_rival(const kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count,
                      const kshot_winner *winner, const int8_t *embedding)
{
    const uint32_t nearly = winner->distance >> NEARLY_BITS;

    for (uint16_t slot = 0; slot < class_count; slot++) {
        if (slot != winner->slot) {
            const uint32_t distance = rejector->learner->distance(slots, slot, embedding);
            if (distance <= rejector->memory.thresholds[slot].accept &&
                (distance <= winner->distance || distance - winner->distance <= nearly)) {
                return true;
            }
        }
    }
    return false;
}

static kshot_verdict judge(const kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count,
                           const kshot_winner *winner, const int8_t *embedding)
{
    const kshot_threshold *const threshold = &rejector->memory.thresholds[winner->slot];

    if (winner->distance > threshold->doubt || is_nearer_to_negative(rejector, slots, winner->distance, embedding)) {
        return KSHOT_UNKNOWN;
    }
    if (winner->distance > threshold->accept || has_rival(rejector, slots, class_count, winner, embedding)) {
        return KSHOT_UNCERTAIN;
    }
    return KSHOT_ACCEPT;
}

static void examine(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count,
                    const kshot_enrollment_slots *enrollment, const int8_t *embedding)
{
    const kshot_rejection *const rejection = rejector->rejection;
    const uint16_t shots = slots->classes[enrollment->staging].shots;

    if (shots > 0) {
        const place at_shots = find_place(shots, 0, rejection->shot_knots);
        if (rejector->learner->settle != NULL) {
            rejector->learner->settle(slots, enrollment->staging);
        }
        if (rejector->learner->distance(slots, enrollment->staging, embedding) >
            along(rejection->farthest, &at_shots)) {
            rejector->quality.far_shots++;
        }
    }
    for (uint16_t slot = 0; slot < class_count; slot++) {
        if (slot != enrollment->target &&
            rejector->learner->distance(slots, slot, embedding) <= rejector->memory.thresholds[slot].accept) {
            rejector->quality.near_class_id = slots->classes[slot].id;
        }
    }
}

static bool meets_rate(const kshot_rejector *rejector, const kshot_slots *slots, uint16_t slot)
{
    const place shots = find_place(slots->classes[slot].shots, 0, rejector->rejection->shot_knots);
    return rejector->memory.thresholds[slot].accept >= along(rejector->rejection->typical, &shots);
}

const kshot_reject_calls kshot_reject_by_distance = {
    .rebuild = rebuild,
    .on_change = on_change,
    .on_removal = on_removal,
    .set_thresholds = set_thresholds,
    .judge = judge,
    .examine = examine,
    .meets_rate = meets_rate,
};
