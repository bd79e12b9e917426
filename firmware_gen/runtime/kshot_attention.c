/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_attention.h"

#include <stddef.h>

#include "kshot_exemplars.h"

#define NORM_BITS 4
#define PROJECTION_BITS 3
#define TABLE_BITS 8
#define FACTOR_BITS 16
#define SHARE_BITS 16

/* round(2^15 * 2^(-i / 256)) */
static const uint16_t power_table[1 << TABLE_BITS] = {
    32768, 32679, 32591, 32503, 32415, 32327, 32240, 32153, 32066, 31979, 31893, 31806, 31720, 31635, 31549, 31464,
    31379, 31294, 31209, 31125, 31041, 30957, 30873, 30790, 30706, 30623, 30541, 30458, 30376, 30293, 30212, 30130,
    30048, 29967, 29886, 29805, 29725, 29644, 29564, 29484, 29405, 29325, 29246, 29167, 29088, 29009, 28931, 28852,
    28774, 28697, 28619, 28542, 28464, 28388, 28311, 28234, 28158, 28082, 28006, 27930, 27855, 27779, 27704, 27629,
    27554, 27480, 27406, 27332, 27258, 27184, 27110, 27037, 26964, 26891, 26818, 26746, 26674, 26601, 26530, 26458,
    26386, 26315, 26244, 26173, 26102, 26031, 25961, 25891, 25821, 25751, 25681, 25612, 25543, 25474, 25405, 25336,
    25268, 25199, 25131, 25063, 24995, 24928, 24860, 24793, 24726, 24659, 24593, 24526, 24460, 24394, 24328, 24262,
    24196, 24131, 24066, 24001, 23936, 23871, 23806, 23742, 23678, 23614, 23550, 23486, 23423, 23359, 23296, 23233,
    23170, 23108, 23045, 22983, 22921, 22859, 22797, 22735, 22674, 22613, 22552, 22491, 22430, 22369, 22309, 22248,
    22188, 22128, 22068, 22009, 21949, 21890, 21831, 21772, 21713, 21654, 21595, 21537, 21479, 21421, 21363, 21305,
    21247, 21190, 21133, 21076, 21019, 20962, 20905, 20849, 20792, 20736, 20680, 20624, 20568, 20513, 20457, 20402,
    20347, 20292, 20237, 20182, 20127, 20073, 20019, 19965, 19911, 19857, 19803, 19750, 19696, 19643, 19590, 19537,
    19484, 19431, 19379, 19326, 19274, 19222, 19170, 19118, 19066, 19015, 18963, 18912, 18861, 18810, 18759, 18708,
    18658, 18607, 18557, 18507, 18457, 18407, 18357, 18308, 18258, 18209, 18160, 18110, 18061, 18013, 17964, 17915,
    17867, 17819, 17770, 17722, 17674, 17627, 17579, 17531, 17484, 17437, 17390, 17343, 17296, 17249, 17202, 17156,
    17109, 17063, 17017, 16971, 16925, 16879, 16834, 16788, 16743, 16697, 16652, 16607, 16562, 16518, 16473, 16428,
};

static const kshot_attention_params *params_of(const kshot_slots *slots)
{
    return slots->params;
}

/* Square root, rounded down: a bit of the result at a time, from the highest. */
static uint16_t square_root(uint32_t square)
{
    uint32_t root = 0;

    for (uint32_t bit = UINT32_C(1) << 30; bit != 0; bit >>= 2) {
        const uint32_t trial = root + bit;
        root >>= 1;
        if (square >= trial) {
            square -= trial;
            root += bit;
        }
    }
    return (uint16_t)root;
}

/* Euclidean length in Q4; at most 16 * sqrt(256) * 255, which fits 16 bits. */
static uint16_t norm_of(const kshot_slots *slots, const int8_t *embedding)
{
    const int32_t zero_point = params_of(slots)->zero_point;
    uint32_t square = 0;

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        const int32_t value = embedding[i] - zero_point;
        square += (uint32_t)(value * value);
    }
    return square_root(square << (2 * NORM_BITS));
}

/* Projection of a query on the direction of a shot, Q3, truncated towards zero. */
static int16_t projection_of(const kshot_slots *slots, const int8_t *query, const int8_t *shot, uint32_t norm)
{
    const int32_t zero_point = params_of(slots)->zero_point;
    int32_t product = 0;
    uint32_t magnitude;

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        product += (query[i] - zero_point) * (shot[i] - zero_point);
    }
    if (norm == 0) {
        return 0;
    }
    magnitude = ((uint32_t)(product < 0 ? -product : product) << (NORM_BITS + PROJECTION_BITS)) / norm;
    if (magnitude > INT16_MAX) {
        magnitude = INT16_MAX;
    }
    return (int16_t)(product < 0 ? -(int32_t)magnitude : (int32_t)magnitude);
}

/* Notes the query's projections on all shots and finds the largest. */
static int32_t project(const kshot_slots *slots, uint16_t class_count, const int8_t *query)
{
    int32_t largest = INT16_MIN;

    for (uint16_t slot = 0; slot < class_count; slot++) {
        kshot_shot_note *const notes = slots->notes + (size_t)slot * slots->max_shots;
        for (uint32_t shot = 0; shot < slots->classes[slot].shots; shot++) {
            const int8_t *const exemplar = kshot_exemplars_shot(slots, slot, shot);
            notes[shot].projection = projection_of(slots, query, exemplar, notes[shot].norm);
            if (notes[shot].projection > largest) {
                largest = notes[shot].projection;
            }
        }
    }
    return largest;
}

/* From a difference of projections to an exponent of two in Q8, Q16: all cosines have the query's norm below them. */
static uint64_t factor_of(const kshot_slots *slots, const int8_t *query)
{
    const uint16_t norm = norm_of(slots, query);
    return norm == 0 ? 0 : ((uint64_t)params_of(slots)->sharpness << FACTOR_BITS) / norm;
}

/* Attention that a slot attracts: sum over its shots of 2^-(what they lie behind the largest), Q15. */
static uint32_t attention_of(const kshot_slots *slots, uint32_t slot, int32_t largest, uint64_t factor)
{
    const kshot_shot_note *const notes = slots->notes + (size_t)slot * slots->max_shots;
    uint32_t sum = 0;

    for (uint32_t shot = 0; shot < slots->classes[slot].shots; shot++) {
        const uint32_t behind = (uint32_t)(largest - notes[shot].projection);
        const uint64_t exponent = (behind * factor + (UINT32_C(1) << (FACTOR_BITS - 1))) >> FACTOR_BITS;
        const uint64_t whole = exponent >> TABLE_BITS;
        sum += (uint32_t)power_table[exponent & ((1u << TABLE_BITS) - 1)] >> (whole < 31 ? whole : 31);
    }
    return sum;
}

static bool has_memory(const kshot_slots *slots)
{
    return kshot_exemplars_has_memory(slots) && slots->notes != NULL && slots->params != NULL;
}

static void add(const kshot_slots *slots, uint32_t slot, const int8_t *embedding)
{
    kshot_exemplars_add(slots, slot, embedding);
    slots->notes[(size_t)slot * slots->max_shots + slots->classes[slot].shots].norm = norm_of(slots, embedding);
}

static kshot_winner classify(const kshot_slots *slots, uint16_t class_count, const int8_t *embedding)
{
    const int32_t largest = project(slots, class_count, embedding);
    const uint64_t factor = factor_of(slots, embedding);
    kshot_winner winner = {0, 0, UINT32_MAX};
    uint32_t first = 0, second = 0;
    uint64_t total = 0;

    for (uint16_t slot = 0; slot < class_count; slot++) {
        const uint32_t attention = attention_of(slots, slot, largest, factor);
        total += attention;
        if (attention > first) {
            second = first;
            first = attention;
            winner.slot = slot;
        } else if (attention > second) {
            second = attention;
        }
    }
    winner.distance = kshot_exemplars_distance(slots, winner.slot, embedding);
    if (class_count > 1) {
        winner.margin = (uint32_t)(((uint64_t)(first - second) << SHARE_BITS) / total);
    }
    return winner;
}

const kshot_learner kshot_attention_learner = {
    .has_memory = has_memory,
    .wipe = kshot_exemplars_wipe,
    .copy = kshot_exemplars_copy,
    .close_gap = kshot_exemplars_close_gap,
    .add = add,
    .take_back = kshot_exemplars_take_back,
    .settle = NULL,
    .adapt = NULL,
    .classify = classify,
    .distance = kshot_exemplars_distance,
    .spread = kshot_exemplars_spread,
};
