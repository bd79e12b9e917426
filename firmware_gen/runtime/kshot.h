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

#define KSHOT_LABEL_BYTES 24        /* with the terminating zero; UTF-8 */
#define KSHOT_MAX_EMBEDDING_LEN 256 /* keeps a squared distance within 32 bits */
#define KSHOT_MAX_SHOTS 4095        /* keeps sums and prototypes within 32 bits */

/* One enrolled class as the caller sees it. */
typedef struct kshot_class {
    char label[KSHOT_LABEL_BYTES];
    uint16_t id; /* never 0; not used again before 65,535 others were */
    uint16_t shots;
} kshot_class;

/* Answer of a classification. Distances are squared, in units of (embedding scale / 16)^2. */
typedef struct kshot_answer {
    uint16_t class_id; /* the nearest class */
    uint32_t distance; /* to its prototype */
    uint32_t margin;   /* how much farther the second class is; UINT32_MAX when there is none */
} kshot_answer;

/* Caller's memory. `sums` and `prototypes` are arrays of (max_classes + 1) * embedding_len, the last one being the
 * enrollment in progress; `classes` has max_classes + 1; `embedding` has embedding_len; `arena` has model->arena_bytes,
 * 8-byte aligned. */
typedef struct kshot_buffers {
    void *arena;
    int8_t *embedding;
    int32_t *sums;
    int16_t *prototypes;
    kshot_class *classes;
    uint16_t max_classes;
} kshot_buffers;

/* State; the fields are the runtime's own. */
typedef struct kshot {
    const kshot_model *model;
    kshot_buffers buffers;
    uint16_t class_count;
    uint16_t next_id;
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
kshot_status kshot_enroll_add(kshot *k, const int8_t *input);
kshot_status kshot_enroll_add_embedding(kshot *k, const int8_t *embedding);
/* Takes back a shot, given as the embedding that was added, in this enrollment or an earlier one of the class. */
kshot_status kshot_enroll_take_back_embedding(kshot *k, const int8_t *embedding);
kshot_status kshot_enroll_commit(kshot *k, uint16_t *class_id); /* class_id may be null */
kshot_status kshot_enroll_abort(kshot *k);

/* Removes a class and overwrites what it had learned. The others keep their ids and their order. */
kshot_status kshot_forget(kshot *k, uint16_t class_id);

/* The enrolled classes, index 0 .. kshot_class_count() - 1, in order of enrollment. */
uint16_t kshot_class_count(const kshot *k);
kshot_status kshot_class_at(const kshot *k, uint16_t index, kshot_class *out);

/* The nearest class; of classes at one distance, the one that was enrolled first. */
kshot_status kshot_classify(kshot *k, const int8_t *input, kshot_answer *answer);
kshot_status kshot_classify_embedding(const kshot *k, const int8_t *embedding, kshot_answer *answer);

#ifdef __cplusplus
}
#endif
#endif
