/* SPDX-License-Identifier: Apache-2.0 */
/* The prototype store: enrolled classes in flash, so that a cut of power at any moment loses nothing that was
 * acknowledged. docs/store_format.md says why, byte by byte.
 *
 *     static const kshot_store_config config = {...};              // fixed with the model
 *     static kshot_store store;
 *     kshot_store_mount(&store, &config, &flash, &memory);         // reads only
 *     kshot_store_put(&store, class_id, record, token);            // all or nothing; on KSHOT_OK it is there for good
 *     kshot_store_get(&store, class_id, record);
 *
 * A record is config->record_bytes of the caller's. Writing calls return KSHOT_OK when everything was written, read
 * back and compared. KSHOT_ERROR_FLASH from one means that it was not acknowledged: it has happened or not, as it would
 * after a cut, and kshot_store_token_status answers which. Nothing is formatted or given up without being asked for. No
 * call allocates or recurses; none is reentrant for one store. */
#ifndef KSHOT_STORE_H
#define KSHOT_STORE_H

#include "kshot_store_format.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum kshot_flash_result {
    KSHOT_FLASH_OK = 0,
    KSHOT_FLASH_UNREADABLE, /* of a read: the bytes there are damaged (an ECC fault); it will not help to repeat it */
    KSHOT_FLASH_FAILED      /* the flash, or the way to it, does not work */
} kshot_flash_result;

/* The board's flash. Addresses count from the start of the store's area. The board must not trap on an ECC fault. */
typedef struct kshot_flash {
    void *context;
    kshot_flash_result (*read)(void *context, uint32_t address, uint8_t *data, uint32_t len);
    /* address and len are whole program units; what crosses an erase unit stays within the bank */
    kshot_flash_result (*prog)(void *context, uint32_t address, const uint8_t *data, uint32_t len);
    /* the erase unit at address */
    kshot_flash_result (*erase)(void *context, uint32_t address);
} kshot_flash;

typedef enum kshot_store_state {
    KSHOT_STORE_UNMOUNTED = 0,
    KSHOT_STORE_OK,
    KSHOT_STORE_DEGRADED,     /* usable, but a record that was acknowledged is damaged or lost */
    KSHOT_STORE_INCOMPATIBLE, /* written for another model, geometry or format: only format works */
    KSHOT_STORE_UNFORMATTED   /* no store found: only format works */
} kshot_store_state;

/* A class and where its record is. */
typedef struct kshot_store_entry {
    uint16_t class_id;
    uint16_t slot;
} kshot_store_entry;

typedef struct kshot_store_memory {
    kshot_store_entry *entries; /* [max_classes] */
    uint8_t *workspace;         /* [layout.workspace_bytes] */
} kshot_store_memory;

/* What is known of a bank. */
typedef struct kshot_store_bank {
    kshot_store_header header;
    uint32_t erases;
    uint16_t newest;     /* slot from COMMIT on, KSHOT_STORE_NO_SLOT for none */
    uint8_t kind;        /* kshot_store_header_kind */
    bool whole;          /* every slot that newest builds on can be read */
    bool header_damaged; /* one of the two copies cannot be read */
} kshot_store_bank;

/* State; the fields are the store's own. */
typedef struct kshot_store {
    const kshot_store_config *config;
    const kshot_flash *flash;
    kshot_store_entry *entries;
    uint8_t *workspace;
    kshot_store_layout layout;
    kshot_store_bank banks[KSHOT_STORE_MAX_BANKS];
    kshot_store_state state;
    uint32_t highest_sequence;
    uint32_t log_sequence;
    uint32_t last_token;
    uint16_t class_count;
    uint16_t next_slot;
    uint16_t torn_slots;
    uint8_t active; /* index of the bank, KSHOT_STORE_MAX_BANKS for none */
    bool written;   /* the active bank was erased and written in this session */
    bool appendable;
    bool purging; /* a purge has begun and is not finished */
    bool lossy;
} kshot_store;

typedef enum kshot_store_token {
    KSHOT_STORE_TOKEN_UNKNOWN = 0, /* not committed, or committed and overtaken by later operations */
    KSHOT_STORE_TOKEN_COMMITTED,
    KSHOT_STORE_TOKEN_PURGING /* committed, but traces may be left in flash: kshot_store_purge removes them */
} kshot_store_token;

typedef struct kshot_store_stats {
    uint32_t sequence;     /* of the active bank: compactions so far */
    uint32_t log_sequence; /* operations so far */
    uint32_t erases_min;   /* of the banks' erase counts; where a header was lost, the highest stands for it */
    uint32_t erases_max;
    uint16_t classes;
    uint16_t free_slots;      /* puts before the next erase; 0 after a boot */
    uint16_t torn_slots;      /* unreadable ones behind the newest record: an operation was cut, or has rotted; always 0
                                 where the erased value is undefined */
    uint16_t damaged_headers; /* banks of which one header copy cannot be read; the other serves */
    bool purge_pending;       /* a forget was cut: kshot_store_purge, or the next change, finishes it */
} kshot_store_stats;

/* Reads all of the flash and writes nothing. KSHOT_OK; or, with the store in the state of that name,
 * KSHOT_ERROR_CORRUPT (DEGRADED, usable), KSHOT_ERROR_INCOMPATIBLE, KSHOT_ERROR_UNFORMATTED; or, unmounted,
 * KSHOT_ERROR_ARGUMENT, KSHOT_ERROR_GEOMETRY, KSHOT_ERROR_FLASH. The store keeps all four pointers. */
kshot_status kshot_store_mount(kshot_store *store, const kshot_store_config *config, const kshot_flash *flash,
                               const kshot_store_memory *memory);
kshot_store_state kshot_store_state_of(const kshot_store *store);

/* An empty store in place of whatever is there; what was there is erased. Where that was no store of this model's, it
 * is spoilt, too, if this fails or is cut: nothing is kept of it to fall back to. */
kshot_status kshot_store_format(kshot_store *store, uint32_t token);

/* Adds a class or replaces its record. class_id is not 0. token: the host's number of this operation, 0 for none. */
kshot_status kshot_store_put(kshot_store *store, uint16_t class_id, const uint8_t *record, uint32_t token);

/* Records that are put together. */
typedef struct kshot_store_batch {
    const uint16_t *class_ids; /* [count], none of them 0, by rising id */
    uint16_t count;            /* at least 1 */
    /* Writes record `index` [record_bytes]; is asked again, for the same bytes, when a bank fails. */
    void (*record)(void *context, uint16_t index, uint8_t *record);
    void *context;
} kshot_store_batch;

/* Adds or replaces several records: all of them or none. Counts as so many operations, with one token. */
kshot_status kshot_store_put_all(kshot_store *store, const kshot_store_batch *batch, uint32_t token);

/* Removes a class, and erases every bank that ever held its record before it returns. */
kshot_status kshot_store_forget(kshot_store *store, uint16_t class_id, uint32_t token);
/* The same for the classes with ids from `first` to `last`. KSHOT_ERROR_NOT_FOUND where there is none. */
kshot_status kshot_store_forget_range(kshot_store *store, uint16_t first, uint16_t last, uint32_t token);
/* The same for all classes. */
kshot_status kshot_store_wipe(kshot_store *store, uint32_t token);

/* Erases what replaced records and cut operations have left behind; finishes a forget that was cut. */
kshot_status kshot_store_purge(kshot_store *store);

/* DEGRADED to OK, in the knowledge that what is lost is lost. */
kshot_status kshot_store_accept_loss(kshot_store *store);

/* The classes in ascending order of id, index 0 .. kshot_store_class_count() - 1. */
uint16_t kshot_store_class_count(const kshot_store *store);
kshot_status kshot_store_class_at(const kshot_store *store, uint16_t index, uint16_t *class_id);
/* KSHOT_ERROR_CORRUPT where the record has become unreadable: the store is DEGRADED then, and until the class is put or
 * forgotten, calls that must copy it to another bank return the same. */
kshot_status kshot_store_get(kshot_store *store, uint16_t class_id, uint8_t *record);
/* The same without a copy: *record lies in the workspace until the next call. */
kshot_status kshot_store_view(kshot_store *store, uint16_t class_id, const uint8_t **record);

/* Whether an operation was committed: certain for the last one, and for each class's last put. */
kshot_status kshot_store_token_status(kshot_store *store, uint32_t token, kshot_store_token *status);

kshot_status kshot_store_stats_of(kshot_store *store, kshot_store_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
