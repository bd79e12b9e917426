/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the prototype store: where each class's record is. For kshot_store.c and kshot_store_write.c alone. */
#ifndef KSHOT_STORE_INDEX_H
#define KSHOT_STORE_INDEX_H

#include "kshot_store_bank.h"

#ifdef __cplusplus
extern "C" {
#endif

/* KSHOT_OK in the states OK and DEGRADED, else the state's error. */
kshot_status kshot_store_check_usable(const kshot_store *store);

/* Position of a class in the index, or where it would be inserted. */
uint16_t kshot_store_index_find(const kshot_store *store, uint16_t class_id);
bool kshot_store_index_holds(const kshot_store *store, uint16_t at, uint16_t class_id);
/* The caller has made sure that there is room. */
void kshot_store_index_insert(kshot_store *store, uint16_t at, uint16_t class_id, uint16_t slot);
void kshot_store_index_remove(kshot_store *store, uint16_t at);
/* Reads the record at a position into the workspace. */
kshot_status kshot_store_index_read(kshot_store *store, uint16_t at, kshot_store_slot *slot);

#ifdef __cplusplus
}
#endif
#endif
