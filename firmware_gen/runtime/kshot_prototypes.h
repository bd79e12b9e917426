/* SPDX-License-Identifier: Apache-2.0 */
/* The prototypical learner's half on the device (Snell, Swersky and Zemel 2017): a class is the mean of its shots, and
 * the nearest mean wins. Everything is integer and independent of the shots' order.
 *
 * The learner owns what a class has learned; labels, ids and the rules of enrollment are kshot.c's. A learner is these
 * calls over numbered slots, so that another one is another file with the same shape. */
#ifndef KSHOT_PROTOTYPES_H
#define KSHOT_PROTOTYPES_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KSHOT_PROTOTYPE_FRACTION_BITS 4

/* The slots' memory: of slot s, `sums` and `prototypes` hold elements s * embedding_len onwards. */
typedef struct kshot_prototypes {
    int32_t *sums;       /* of the embeddings of all shots */
    int16_t *prototypes; /* round(2^4 * sum / shots), halves away from zero */
    uint32_t embedding_len;
} kshot_prototypes;

/* Forgets what a slot has learned, in a way that the compiler cannot leave out. */
void kshot_prototypes_wipe(const kshot_prototypes *learner, uint32_t slot);

void kshot_prototypes_copy(const kshot_prototypes *learner, uint32_t from, uint32_t to);

/* Adds a shot. The sums must hold fewer than KSHOT_MAX_SHOTS. */
void kshot_prototypes_add(const kshot_prototypes *learner, uint32_t slot, const int8_t *embedding);

/* Takes a shot back. False, and nothing changed, if `shots` shots cannot sum to what the slot holds with this one among
 * them. */
bool kshot_prototypes_take_back(const kshot_prototypes *learner, uint32_t slot, const int8_t *embedding,
                                uint32_t shots);

/* Makes `shots` shots, at least one, count: computes the prototype. */
void kshot_prototypes_update(const kshot_prototypes *learner, uint32_t slot, uint32_t shots);

/* Moves slots first + 1 .. last one down, over slot first. */
void kshot_prototypes_close_gap(const kshot_prototypes *learner, uint32_t first, uint32_t last);

/* Squared distance of an embedding to a slot's prototype: sum of (2^4 * embedding[i] - prototype[i])^2. */
uint32_t kshot_prototypes_distance(const kshot_prototypes *learner, uint32_t slot, const int8_t *embedding);

#ifdef __cplusplus
}
#endif
#endif
