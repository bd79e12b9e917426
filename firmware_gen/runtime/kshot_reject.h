/* SPDX-License-Identifier: Apache-2.0 */
/* Rejection of what belongs to no enrolled class.
 *
 * A class accepts what lies within its threshold. Thresholds are set for a false-accept rate: the share of samples of
 * no enrolled class that are accepted as any of them. They follow from a table that was calibrated with the model, from
 * how near the model's impostors come to the enrolled classes, and from how far a class's own shots spread; they are
 * worked out anew whenever a class comes, changes or goes. Distances are the learner's, whatever it classifies by.
 * docs/int8_semantics.md, "Rejection", defines every bit.
 *
 * A model names these functions through its kshot_rejection, so that a linker leaves them out where it has none. */
#ifndef KSHOT_REJECT_H
#define KSHOT_REJECT_H

#include "kshot_learner.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KSHOT_REJECT_RATES 9 /* knots of the rate: 2^6 to 2^14 of 2^16 */
#define KSHOT_REJECT_RATE_MIN (UINT32_C(1) << 6)
#define KSHOT_REJECT_RATE_MAX (UINT32_C(1) << 14)
#define KSHOT_REJECT_MAX_TAIL_BITS 5
#define KSHOT_REJECT_DEFAULT_PER_MILLE 50

/* A rate in 1000 as a Q16 fraction. */
static inline uint32_t kshot_reject_rate(uint32_t per_mille)
{
    return (per_mille * UINT32_C(65536) + 500u) / 1000u;
}

typedef enum kshot_verdict {
    KSHOT_UNKNOWN = 0,   /* of no class, or nearer to a negative */
    KSHOT_UNCERTAIN = 1, /* a rate four times as high would accept it, or two classes do and are nearly as near */
    KSHOT_ACCEPT = 2     /* of the class; always, where the model has no rejection */
} kshot_verdict;

/* What an enrollment looked like. */
typedef struct kshot_quality {
    uint16_t far_shots;     /* shots further from those added before than 49 of 50 are */
    uint16_t near_class_id; /* another class that would accept a shot, the last such; 0 for none */
    bool rate_is_met;       /* the committed class will accept half of its own samples or more, at the rate asked for */
} kshot_quality;

/* Of one class, in the learner's unit of distance. */
typedef struct kshot_threshold {
    uint32_t accept; /* up to here */
    uint32_t doubt;  /* uncertain up to here */
} kshot_threshold;

/* Caller's memory. */
typedef struct kshot_reject_memory {
    kshot_threshold *thresholds; /* [max_classes] */
    uint32_t *nearest;           /* [impostor_count]: distance to the nearest class ... */
    uint16_t *nearest_slots;     /* [impostor_count]: ... and which that is */
    int8_t *negatives;           /* [max_negatives * embedding_len]; null if that is 0 */
    uint16_t max_negatives;
} kshot_reject_memory;

/* Where an enrollment is in progress. */
typedef struct kshot_enrollment_slots {
    uint16_t staging; /* holds the shots so far */
    uint16_t target;  /* the class that gets them; class_count for a new one */
} kshot_enrollment_slots;

struct kshot_rejection;

/* State; the fields are the runtime's own. */
typedef struct kshot_rejector {
    const struct kshot_rejection *rejection; /* null: nothing is rejected */
    const kshot_learner *learner;
    kshot_reject_memory memory;
    uint32_t rate; /* Q16 */
    uint16_t negative_count;
    kshot_quality quality;
} kshot_rejector;

/* What a rejection can do; slots 0 .. class_count - 1 hold the classes. */
typedef struct kshot_reject_calls {
    /* Begins anew with the classes as they are. */
    void (*rebuild)(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count);
    /* A class came, or changed, in `slot`. */
    void (*on_change)(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count, uint16_t slot);
    /* The class of `slot` went, and those behind it have moved down. */
    void (*on_removal)(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count, uint16_t slot);
    /* Works out all thresholds, after the rate changed. */
    void (*set_thresholds)(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count);
    kshot_verdict (*judge)(const kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count,
                           const kshot_winner *winner, const int8_t *embedding);
    /* Looks at a shot that is about to be added to the enrollment in progress. */
    void (*examine)(kshot_rejector *rejector, const kshot_slots *slots, uint16_t class_count,
                    const kshot_enrollment_slots *enrollment, const int8_t *embedding);
    /* Whether the class of a slot will accept half of its own samples. */
    bool (*meets_rate)(const kshot_rejector *rejector, const kshot_slots *slots, uint16_t slot);
} kshot_reject_calls;

/* A model's constants. Tables have knots at 1, 2, 4, ... classes and shots. */
typedef struct kshot_rejection {
    const kshot_reject_calls *calls;
    const int8_t *impostors;  /* [impostor_count * embedding_len] */
    const uint16_t *factors;  /* [way_knots * shot_knots * KSHOT_REJECT_RATES], Q14 */
    const uint32_t *priors;   /* [way_knots * shot_knots] */
    const uint32_t *typical;  /* [shot_knots]: half of a class's own samples lie within */
    const uint32_t *farthest; /* [shot_knots]: 49 of 50 lie within */
    uint32_t spread;          /* usual mean square of a shot's distance from its class's mean, at least 1 */
    uint16_t impostor_count;
    uint8_t tail_bits; /* at most KSHOT_REJECT_MAX_TAIL_BITS; 2^tail_bits impostors make the base */
    uint8_t unit_bits; /* by which the learner's distances exceed squares of embeddings */
    uint8_t way_knots;
    uint8_t shot_knots;
} kshot_rejection;

extern const kshot_reject_calls kshot_reject_by_distance;

#ifdef __cplusplus
}
#endif
#endif
