/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the prototype store: where each class's record is, and where the next compaction goes. For the other
 * kshot_store*.c alone. */
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
/* Notes where a class's record is. The caller has made sure that there is room. */
void kshot_store_index_put(kshot_store *store, uint16_t class_id, uint16_t slot);
void kshot_store_index_remove(kshot_store *store, uint16_t at, uint16_t count);
/* Reads the record at a position into the workspace. */
kshot_status kshot_store_index_read(kshot_store *store, uint16_t at, kshot_store_slot *slot);

/* R5: where to compact to, of the banks that are not in the set `tried`; KSHOT_STORE_MAX_BANKS for none. Of equals it
 * is the next in turn. */
uint32_t kshot_store_choose_target(const kshot_store *store, uint32_t tried, bool purges);

#ifdef __cplusplus
}
#endif
#endif
