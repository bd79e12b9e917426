/* SPDX-License-Identifier: Apache-2.0 */
/* kshot: teach a microcontroller a new class from a few examples.
 *
 *     static kshot k;
 *     static glyphs_memory memory;      // this and the next from the header generated for the model "glyphs"
 *     glyphs_init(&k, &memory);
 *     kshot_enroll_begin(&k, "wave");
 *     kshot_enroll_add(&k, input);      // once a shot
 *     kshot_enroll_commit(&k, &id);
 *     kshot_classify(&k, input, &answer);
 *
 * Every call either does all that it says or changes nothing and returns why. No call allocates, blocks, or is
 * reentrant for one kshot; different kshots do not share state. */
#ifndef KSHOT_H
#define KSHOT_H

#include "kshot_model.h"
#include "kshot_status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Answer of a classification; the learner's header gives the units. */
typedef struct kshot_answer {
    uint16_t class_id;     /* the class that won */
    uint32_t distance;     /* to what it has learned */
    uint32_t margin;       /* how far the second class lies behind; UINT32_MAX when there is none */
    kshot_verdict verdict; /* whether it is of that class at all */
} kshot_answer;

/* Answer to "is it the same?". */
typedef struct kshot_verification {
    bool same;         /* the distance is at most the model's calibrated one */
    uint32_t distance; /* to what the class has learned */
} kshot_verification;

/* Caller's memory. There are max_classes + 1 slots, the last one being the enrollment in progress; the arrays that the
 * model's learner does not use may be null. `embedding` has embedding_len; `arena` has model->arena_bytes, 8-byte
 * aligned. */
typedef struct kshot_buffers {
    void *arena;
    int8_t *embedding;
    kshot_class *classes; /* [slots]; the lengths of the others are those of kshot_learner.h */
    int32_t *sums;
    int16_t *prototypes;
    uint32_t *squares;
    int8_t *exemplars;
    kshot_shot_note *notes;
    float *head;
    float *scratch;
    kshot_reject_memory reject; /* of a model with rejection; else nothing of it is read */
    uint16_t max_classes;
    uint16_t max_shots; /* of a class, 1 to KSHOT_MAX_SHOTS */
} kshot_buffers;

/* State; the fields are the runtime's own. */
typedef struct kshot {
    const kshot_model *model;
    kshot_slots slots;
    void *arena;
    int8_t *embedding;
    uint16_t max_classes;
    uint16_t class_count;
    uint16_t next_id;
    kshot_rejector rejector;
    int16_t enrolling; /* -1: none; class_count: a new class; less: more shots for that one */
} kshot;

/* Checks and adopts model and buffers; no class is enrolled yet. */
kshot_status kshot_init(kshot *k, const kshot_model *model, const kshot_buffers *buffers);

/* input [model->input_len] -> embedding [model->embedding_len]. */
kshot_status kshot_embed(kshot *k, const int8_t *input, int8_t *embedding);

/* Opens an enrollment. A label (1 to KSHOT_LABEL_BYTES - 1 bytes of UTF-8) that is enrolled already gets more shots;
 * commit makes them count, abort forgets them. Until then everything but another begin and forget works, on the classes
 * as they were. */
kshot_status kshot_enroll_begin(kshot *k, const char *label);
/* The same, but what the class has learned is replaced by what this enrollment adds. */
kshot_status kshot_enroll_begin_anew(kshot *k, const char *label);
kshot_status kshot_enroll_add(kshot *k, const int8_t *input);
kshot_status kshot_enroll_add_embedding(kshot *k, const int8_t *embedding);
/* Takes back a shot, given as the embedding that was added, in this enrollment or an earlier one of the class. */
kshot_status kshot_enroll_take_back_embedding(kshot *k, const int8_t *embedding);
kshot_status kshot_enroll_commit(kshot *k, uint16_t *class_id); /* class_id may be null */
kshot_status kshot_enroll_abort(kshot *k);
/* How the shots looked that were added since begin, those taken back included, and after commit the class; until the
 * next begin. KSHOT_ERROR_MODEL from this and the next four where the model has no rejection. */
kshot_status kshot_enroll_quality(const kshot *k, kshot_quality *quality);

/* Sets the share of samples of no enrolled class that may be accepted: 1 to 250 in 1000, 50 after kshot_init(). */
kshot_status kshot_set_false_accepts(kshot *k, uint16_t per_mille);
/* "Not this": whatever lies nearer to a negative than to the class that wins is unknown. */
kshot_status kshot_negative_add(kshot *k, const int8_t *input);
kshot_status kshot_negative_add_embedding(kshot *k, const int8_t *embedding);
/* Removes all negatives and overwrites them. */
kshot_status kshot_negatives_forget(kshot *k);

/* Removes a class and overwrites what it had learned. The others keep their ids and their order. As after an abort,
 * embedding and arena are overwritten, too: the last run may have been on a shot. */
kshot_status kshot_forget(kshot *k, uint16_t class_id);

/* Removes all classes and negatives in the same way. */
kshot_status kshot_wipe(kshot *k);

/* KSHOT_ERROR_ARGUMENT for a label that another class has. */
kshot_status kshot_rename(kshot *k, uint16_t class_id, const char *label);

/* The enrolled classes, index 0 .. kshot_class_count() - 1, by rising id: in order of enrollment, until ids, after
 * KSHOT_MAX_CLASS_ID of them, begin again. */
uint16_t kshot_class_count(const kshot *k);
kshot_status kshot_class_at(const kshot *k, uint16_t index, kshot_class *out);

/* The class that the learner finds; of equals, the one with the lowest id. */
kshot_status kshot_classify(kshot *k, const int8_t *input, kshot_answer *answer);
kshot_status kshot_classify_embedding(const kshot *k, const int8_t *embedding, kshot_answer *answer);

/* Whether an input is of a class, against the distance that was calibrated with the model; KSHOT_ERROR_MODEL where none
 * was (the Siamese learner has one). */
kshot_status kshot_verify(kshot *k, uint16_t class_id, const int8_t *input, kshot_verification *verification);
kshot_status kshot_verify_embedding(const kshot *k, uint16_t class_id, const int8_t *embedding,
                                    kshot_verification *verification);

#ifdef __cplusplus
}
#endif
#endif
