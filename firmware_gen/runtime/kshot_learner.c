/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_learner.h"

#include <stddef.h>

static kshot_winner nearest(const kshot_learner *learner, const kshot_slots *slots, uint16_t class_count,
                            const int8_t *embedding)
{
    kshot_winner winner = {0, UINT32_MAX, UINT32_MAX}; /* no distance is that large */
    uint32_t second = UINT32_MAX;

    for (uint16_t slot = 0; slot < class_count; slot++) {
        const uint32_t distance = learner->distance(slots, slot, embedding);
        if (distance < winner.distance) {
            second = winner.distance;
            winner.distance = distance;
            winner.slot = slot;
        } else if (distance < second) {
            second = distance;
        }
    }
    if (class_count > 1) {
        winner.margin = second - winner.distance;
    }
    return winner;
}

kshot_winner kshot_learner_classify(const kshot_learner *learner, const kshot_slots *slots, uint16_t class_count,
                                    const int8_t *embedding)
{
    return learner->classify != NULL ? learner->classify(slots, class_count, embedding)
                                     : nearest(learner, slots, class_count, embedding);
}

uint32_t kshot_learner_square(const int8_t *embedding, uint32_t len)
{
    uint32_t square = 8;

    for (uint32_t i = 0; i < len; i++) {
        square += (uint32_t)(embedding[i] * embedding[i]);
    }
    return square >> 4;
}

uint32_t kshot_learner_spread(uint32_t squares, uint32_t mean_square, uint32_t shots)
{
    const uint32_t mean_of_squares = 16u * (squares / shots) + 16u * (squares % shots) / shots;
    const uint32_t square_of_mean = mean_square >> (2 * KSHOT_MEAN_FRACTION_BITS);
    const uint32_t variance = mean_of_squares > square_of_mean ? mean_of_squares - square_of_mean : 0;

    return shots > 1 ? variance + variance / (shots - 1u) : 0;
}

void kshot_learner_wipe_bytes(void *memory, uint32_t len)
{
    volatile uint8_t *const bytes = memory;
    for (uint32_t i = 0; i < len; i++) {
        bytes[i] = 0;
    }
}
