/* SPDX-License-Identifier: Apache-2.0 */
/* The Siamese learner's half on the device: the class of the nearest shot wins. Uses `exemplars`; no params. Distances
 * and margins are squared, in units of the embedding's scale. */
#ifndef KSHOT_NEAREST_H
#define KSHOT_NEAREST_H

#include "kshot_learner.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const kshot_learner kshot_nearest_learner;

#ifdef __cplusplus
}
#endif
#endif
