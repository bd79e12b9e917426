/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of kshot.h: the slots that hold classes, by rising id, and behind them the one of the enrollment in progress,
 * so that commit is a copy and abort leaves the classes alone. For the runtime's own use. */
#ifndef KSHOT_CLASSES_H
#define KSHOT_CLASSES_H

#include "kshot.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KSHOT_NOT_ENROLLING (-1)

static inline bool kshot_is_ready(const kshot *k)
{
    return k != NULL && k->model != NULL;
}

static inline uint16_t kshot_staging_slot(const kshot *k)
{
    return k->max_classes;
}

static inline kshot_class *kshot_staging_class(const kshot *k)
{
    return &k->slots.classes[kshot_staging_slot(k)];
}

/* Index of a class, class_count if there is none. */
uint16_t kshot_find_label(const kshot *k, const char *label);
uint16_t kshot_find_id(const kshot *k, uint16_t id);

/* The id that the next new class gets: the next in turn that is not 0 and names no class. */
uint16_t kshot_unused_id(const kshot *k);

/* KSHOT_OK where the call would be, too. */
kshot_status kshot_check_commit(const kshot *k);
kshot_status kshot_check_rename(const kshot *k, uint16_t class_id, const char *label);

void kshot_wipe_slot(const kshot *k, uint16_t slot);
/* Overwrites embedding and arena: the last run may have been on a shot of what is being forgotten. */
void kshot_wipe_last_run(const kshot *k);

/* Makes the staging slot the class at `target`, or, with class_count, a new one that has an id already; wipes it, and
 * returns where the class is now. kshot_adapt() must follow. */
uint16_t kshot_take_in_staging(kshot *k, uint16_t target);
/* Lets the learner adapt to the classes as they are. */
void kshot_adapt(const kshot *k);
/* The same, and works out anew all that rejection knows of them. */
void kshot_adapt_all(kshot *k);

#ifdef __cplusplus
}
#endif
#endif
