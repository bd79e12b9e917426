/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the prototype store: reading, checking and writing one bank. For kshot_store.c alone. */
#ifndef KSHOT_STORE_BANK_H
#define KSHOT_STORE_BANK_H

#include "kshot_store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How far a bank's compaction came, as the flash reads now. */
typedef enum kshot_store_stage {
    KSHOT_STORE_UNCOMMITTED, /* free space */
    KSHOT_STORE_COMMITTED,   /* COMMIT reads valid, perhaps not at the next boot */
    KSHOT_STORE_ATTESTED,    /* ATTEST does: COMMIT will always */
    KSHOT_STORE_ACKNOWLEDGED /* SETTLED or a later slot does: ATTEST will always, and what does not is damage */
} kshot_store_stage;

/* Place in a walk over a bank's slots, from newest to oldest along their chain; to begin, next is the slot count,
 * expected KSHOT_STORE_NO_SLOT, the rest 0. */
typedef struct kshot_store_walk {
    uint32_t next; /* slots below this index are still to be seen */
    uint16_t expected;
    bool begun;
    bool broken; /* a slot of the chain cannot be read */
} kshot_store_walk;

/* Reads header and slots of a bank into store->banks. KSHOT_ERROR_FLASH when `read` fails. */
kshot_status kshot_store_bank_load(kshot_store *store, uint32_t bank);
kshot_store_stage kshot_store_bank_stage(const kshot_store_bank *bank);

/* Erases a bank and counts that. */
kshot_status kshot_store_bank_erase(kshot_store *store, uint32_t bank);
/* KSHOT_OK where a bank has the erased value everywhere, KSHOT_ERROR_CORRUPT where it has not; KSHOT_OK where that
 * value is undefined. */
kshot_status kshot_store_bank_check_blank(const kshot_store *store, uint32_t bank);
/* The same for a slot. */
kshot_status kshot_store_slot_check_blank(const kshot_store *store, uint32_t bank, uint16_t index);

/* Writes both copies of a header, and reads them back. */
kshot_status kshot_store_bank_write_header(kshot_store *store, uint32_t bank, kshot_store_header *header);

/* Reads a slot into the workspace. KSHOT_ERROR_CORRUPT where none can be read. */
kshot_status kshot_store_slot_read(kshot_store *store, uint32_t bank, uint16_t index, kshot_store_slot *slot);
/* Writes slot->index with the record in the workspace, and reads it back. */
kshot_status kshot_store_slot_write(kshot_store *store, uint32_t bank, const kshot_store_header *header,
                                    const kshot_store_slot *slot);

kshot_store_walk kshot_store_walk_begin(const kshot_store *store);
/* The next slot, also in the workspace; KSHOT_ERROR_EMPTY behind the oldest. */
kshot_status kshot_store_walk_next(kshot_store *store, uint32_t bank, kshot_store_walk *walk, kshot_store_slot *slot);

#ifdef __cplusplus
}
#endif
#endif
