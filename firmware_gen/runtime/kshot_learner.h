/* SPDX-License-Identifier: Apache-2.0 */
/* What a learner is on the device: these calls over numbered slots of memory, one slot a class.
 *
 * The learner owns what a class has learned; labels, ids and the rules of enrollment are kshot.c's. A model names its
 * learner, so that a linker that drops unused sections leaves the others out. */
#ifndef KSHOT_LEARNER_H
#define KSHOT_LEARNER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KSHOT_LABEL_BYTES 24        /* with the terminating zero; UTF-8 */
#define KSHOT_MAX_CLASS_ID 65279    /* the ids above are the store's own */
#define KSHOT_MAX_EMBEDDING_LEN 256 /* keeps a squared distance within 32 bits */
#define KSHOT_MEAN_FRACTION_BITS 4
#define KSHOT_MAX_SHOTS 4095 /* keeps sums and prototypes within 32 bits */

/* One enrolled class as the caller sees it. */
typedef struct kshot_class {
    char label[KSHOT_LABEL_BYTES];
    uint16_t id; /* 1 to KSHOT_MAX_CLASS_ID, in turn; not used again before 65,000 others were */
    uint16_t shots;
} kshot_class;

/* What a learner of cosines notes beside a shot. */
typedef struct kshot_shot_note {
    uint16_t norm;      /* Euclidean length of the shot */
    int16_t projection; /* of the last query on the shot's direction */
} kshot_shot_note;

/* The slots' memory. Of the arrays, a learner uses those that its header names; the others may be null. */
typedef struct kshot_slots {
    kshot_class *classes;
    int32_t *sums;          /* [slots * embedding_len] */
    int16_t *prototypes;    /* [slots * embedding_len] */
    uint32_t *squares;      /* [slots] */
    int8_t *exemplars;      /* [slots * max_shots * embedding_len] */
    kshot_shot_note *notes; /* [slots * max_shots] */
    float *head;            /* [slots * 2 * (embedding_len + 1)] */
    float *scratch;         /* [embedding_len + slots] */
    const void *params;     /* the learner's constants of this model */
    uint16_t embedding_len;
    uint16_t max_shots; /* that a slot can take */
} kshot_slots;

typedef struct kshot_winner {
    uint16_t slot;
    uint32_t distance;
    uint32_t margin; /* UINT32_MAX when there is one class */
} kshot_winner;

typedef struct kshot_learner {
    /* Whether every array that the learner uses is there, and its constants. */
    bool (*has_memory)(const kshot_slots *slots);
    /* Forgets what a slot has learned and what was worked out from it, in a way that the compiler cannot leave out. The
     * slot's class may be undefined. */
    void (*wipe)(const kshot_slots *slots, uint32_t slot);
    void (*copy)(const kshot_slots *slots, uint32_t from, uint32_t to);
    /* Moves slots first + 1 .. last one down, over slot first. */
    void (*close_gap)(const kshot_slots *slots, uint32_t first, uint32_t last);
    /* Adds a shot to a slot that has `classes[slot].shots` of them, fewer than max_shots. */
    void (*add)(const kshot_slots *slots, uint32_t slot, const int8_t *embedding);
    /* Takes back one of the slot's shots; false, and nothing changed, if it cannot be one of them. */
    bool (*take_back)(const kshot_slots *slots, uint32_t slot, const int8_t *embedding);
    /* Makes the slot's shots, at least one, count. Null where that needs no work. */
    void (*settle)(const kshot_slots *slots, uint32_t slot);
    /* Adapts to the classes in slots 0 .. class_count - 1 after one came, changed or went. Null where each class stands
     * for itself. */
    void (*adapt)(const kshot_slots *slots, uint16_t class_count);
    /* Finds the class of an embedding among slots 0 .. class_count - 1, at least one; of equals the first. Null where
     * the nearest class wins, the margin being a difference of distances. */
    kshot_winner (*classify)(const kshot_slots *slots, uint16_t class_count, const int8_t *embedding);
    /* Squared distance of an embedding to what a slot has learned, in the learner's unit. */
    uint32_t (*distance)(const kshot_slots *slots, uint32_t slot, const int8_t *embedding);
    /* Mean squared distance of a slot's shots from their mean, over degrees of freedom, in units of the embedding's
     * scale; 0 where nothing is known of it, as of one shot. */
    uint32_t (*spread)(const kshot_slots *slots, uint32_t slot);
} kshot_learner;

/* The learner's `classify`, or the nearest class where it has none. */
kshot_winner kshot_learner_classify(const kshot_learner *learner, const kshot_slots *slots, uint16_t class_count,
                                    const int8_t *embedding);

/* (sum of squares + 8) / 16 of a shot's values: 4,095 of them fit 32 bits. */
uint32_t kshot_learner_square(const int8_t *embedding, uint32_t len);

/* sum / shots in Q4, halves away from zero. */
static inline int16_t kshot_learner_mean(int32_t sum, int32_t shots)
{
    const int32_t raised = sum * (1 << KSHOT_MEAN_FRACTION_BITS);
    return (int16_t)((raised < 0 ? raised - shots / 2 : raised + shots / 2) / shots);
}

/* What `spread` answers, from the sum of all shots' squares and the square of their mean in Q4. */
uint32_t kshot_learner_spread(uint32_t squares, uint32_t mean_square, uint32_t shots);

/* Overwrites memory with zeros, also where the compiler sees no one reading it again. */
void kshot_learner_wipe_bytes(void *memory, uint32_t len);

#ifdef __cplusplus
}
#endif
#endif
