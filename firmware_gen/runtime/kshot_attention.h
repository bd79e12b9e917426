/* SPDX-License-Identifier: Apache-2.0 */
/* The Matching learner's half on the device (Vinyals et al. 2016): softmax attention over the cosines of all shots; the
 * class whose shots attract most wins. Uses `exemplars` and `notes`, norms in Q4 and projections in Q3. The distance is
 * squared, to the winner's nearest shot, in units of the embedding's scale; the margin is the difference of the two
 * largest shares of attention, Q16. */
#ifndef KSHOT_ATTENTION_H
#define KSHOT_ATTENTION_H

#include "kshot_learner.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kshot_attention_params {
    uint32_t sharpness; /* round(temperature * log2(e) * 2^9), below 2^23 */
    int16_t zero_point; /* of the embedding */
} kshot_attention_params;

extern const kshot_learner kshot_attention_learner;

#ifdef __cplusplus
}
#endif
#endif
