/* SPDX-License-Identifier: Apache-2.0 */
/* Torture without cuts: arbitrary images, flipped bits, wear. */
#ifndef TORTURE_MODES_H
#define TORTURE_MODES_H

#include "torture.h"

typedef struct torture_counts {
    long histories, cuts, lost, phantom, wrong, written_twice, images, wear_spread;
} torture_counts;

/* Runs "images", "flips" or "wear"; false for another name. */
bool torture_mode(torture *t, const char *name, const torture_case *chosen, uint64_t seed, long count,
                  torture_counts *counts);

#endif
