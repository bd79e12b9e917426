/* SPDX-License-Identifier: Apache-2.0 */
/* The prototypical learner's half on the device (Snell, Swersky and Zemel 2017): a class is the mean of its shots, and
 * the nearest mean wins. Everything is integer and independent of the shots' order, and a shot can be taken back
 * exactly.
 *
 * Uses `sums`, those of the embeddings of all shots, and `prototypes`: round(2^4 * sum / shots), halves away from zero;
 * and, where not null, `squares`, the sums of kshot_learner_square(), for a model with rejection. No params. Distances
 * and margins are squared, sum of (2^4 * embedding[i] - prototype[i])^2: in units of (embedding scale / 16)^2. A shot
 * is refused when it is taken back where the others could not sum to what is left. */
#ifndef KSHOT_PROTOTYPES_H
#define KSHOT_PROTOTYPES_H

#include "kshot_learner.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KSHOT_PROTOTYPE_FRACTION_BITS KSHOT_MEAN_FRACTION_BITS

extern const kshot_learner kshot_prototypes_learner;

#ifdef __cplusplus
}
#endif
#endif
