/* SPDX-License-Identifier: Apache-2.0 */
/* The half of MAML and ANIL on the device: a linear softmax head that takes gradient steps on the cached shots of all
 * classes after every change, each time from its meta-learned start. No class is lost when another is added, and the
 * result depends on the classes and their shots, in their order, alone. Uses `exemplars`, `head` and `scratch`.
 *
 * Arithmetic is IEEE binary32, rounded to nearest, the same bits everywhere; compile with -ffp-contract=off. The
 * distance is squared, to the winner's nearest shot, in units of the embedding's scale; the margin is the difference of
 * the two largest logits, Q16. */
#ifndef KSHOT_GRADIENT_HEAD_H
#define KSHOT_GRADIENT_HEAD_H

#include "kshot_learner.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Features are whole numbers, x = q - zero_point: the embedding's scale is part of the constants. No constant is larger
 * than 10^6, so that no value can leave binary32. */
typedef struct kshot_gradient_head_params {
    float init_scale;             /* a: a class starts with w = 2 a p, b = -a |p|^2, p the mean of its shots, ... */
    const float *initial_weights; /* ... or, where not null, with these [embedding_len] ... */
    float initial_bias;           /* ... and this */
    const float *weight_rates;    /* [rate_count], of each step; the last repeats */
    const float *bias_rates;
    uint16_t rate_count; /* at least 1 */
    uint16_t steps;
    int16_t zero_point; /* of the embedding */
} kshot_gradient_head_params;

extern const kshot_learner kshot_gradient_head_learner;

#ifdef __cplusplus
}
#endif
#endif
