/* SPDX-License-Identifier: Apache-2.0 */
/* What a generated model tells the runtime about itself. */
#ifndef KSHOT_MODEL_H
#define KSHOT_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "kshot_reject.h"

/* Raised whenever a generated file and the runtime would no longer understand each other. */
#define KSHOT_RUNTIME_ABI 4

#define KSHOT_FINGERPRINT_BYTES 32

typedef struct kshot_model {
    uint8_t fingerprint[KSHOT_FINGERPRINT_BYTES]; /* SHA-256 over weights, quantization, preprocessing and learner */
    uint32_t input_len;                           /* int8 values */
    uint32_t embedding_len;                       /* int8 values */
    uint32_t arena_bytes;                         /* working memory of one embed call, 8-byte aligned */
    /* Runs the network: input_len values in, embedding_len values out. The input is read only. */
    void (*embed)(const int8_t *input, int8_t *embedding, void *arena);
    const kshot_learner *learner;     /* null for a model that only embeds */
    const void *learner_params;       /* what the learner's header says */
    uint32_t same_distance;           /* squared; up to it two samples count as the same class. 0: not calibrated */
    const kshot_rejection *rejection; /* null where nothing is rejected */
} kshot_model;

#endif
