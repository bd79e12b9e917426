/* SPDX-License-Identifier: Apache-2.0 */
/* The prototype store's bytes: docs/store_format.md, format version 1. What fits where, headers and slots. Pure
 * functions; none touches flash. */
#ifndef KSHOT_STORE_FORMAT_H
#define KSHOT_STORE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "kshot_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KSHOT_STORE_FORMAT_VERSION 1
#define KSHOT_STORE_FINGERPRINT_BYTES 16
#define KSHOT_STORE_MIN_BANKS 2
#define KSHOT_STORE_MAX_BANKS 16
#define KSHOT_STORE_MAX_SLOTS 65534 /* of a bank */
#define KSHOT_STORE_MAX_RECORD_BYTES 65024
#define KSHOT_STORE_ERASED_UNDEFINED (-1)

#define KSHOT_STORE_HEADER_BYTES 64u       /* as encoded; in flash padded to whole program units */
#define KSHOT_STORE_SLOT_OVERHEAD_BYTES 20 /* of a slot: 16 before the record, the CRC behind it */
#define KSHOT_STORE_MARKERS 4              /* slots in reserve: COMMIT, ATTEST, SETTLED, PURGED */
#define KSHOT_STORE_NO_SLOT 65535u

/* For sizes that are known when a program is compiled. */
#define KSHOT_STORE_PADDED(bytes, unit) (((bytes) + (unit) - 1u) / (unit) * (unit))
#define KSHOT_STORE_LARGER(a, b) ((a) > (b) ? (a) : (b))

/* The flash that the store may use: bank_count banks of erase_units_per_bank erase units each, from address 0 on. */
typedef struct kshot_store_geometry {
    uint32_t erase_unit_bytes;     /* 128 to 131072, a power of two */
    uint16_t program_unit_bytes;   /* 1 to 256, a power of two: the smallest piece that a cut can damage */
    uint16_t erase_units_per_bank; /* at least 1 */
    uint16_t bank_count;           /* 3 or more; 2 only where no cell reads differently from boot to boot */
    int16_t erased_value;          /* 0 to 255, or KSHOT_STORE_ERASED_UNDEFINED */
} kshot_store_geometry;

/* All that is fixed at generation. Flash written under another is INCOMPATIBLE. */
typedef struct kshot_store_config {
    kshot_store_geometry geometry;
    uint16_t record_bytes; /* of a class, as the caller packs it: 1 to KSHOT_STORE_MAX_RECORD_BYTES */
    uint16_t max_classes;
    uint8_t fingerprint[KSHOT_STORE_FINGERPRINT_BYTES]; /* of the model, its learner and the record's layout */
} kshot_store_config;

/* What follows from a config. */
typedef struct kshot_store_layout {
    uint32_t bank_bytes;
    uint32_t header_bytes; /* of one copy, padded */
    uint32_t slot_bytes;
    uint32_t workspace_bytes; /* that the caller provides: a slot or a header, the larger */
    uint16_t slot_count;      /* of a bank */
    uint16_t capacity;        /* classes that a bank could hold: slot_count - 4, or 0 */
} kshot_store_layout;

/* What calls cost at most while no callback fails, and how long the flash lasts. */
typedef struct kshot_store_costs {
    uint32_t put_erases;         /* erase units; the first put after a boot, or into a full bank */
    uint32_t put_program_units;  /* of the same call */
    uint32_t forget_erases;      /* also of wipe, format, purge, and a put that finishes a forget which was cut */
    uint32_t mount_read_bytes;   /* of mount; it writes nothing */
    uint64_t lifetime_sessions;  /* power sessions with one put each until a bank reaches its endurance */
    uint64_t lifetime_puts_full; /* puts of one long session with every class enrolled, likewise */
} kshot_store_costs;

typedef enum kshot_store_slot_type {
    KSHOT_STORE_PUT = 1,
    KSHOT_STORE_COMMIT = 2,
    KSHOT_STORE_ATTEST = 3,
    KSHOT_STORE_SETTLED = 4,
    KSHOT_STORE_PURGED = 5 /* where the header says PURGE */
} kshot_store_slot_type;

#define KSHOT_STORE_FLAG_PURGE 1u /* every other bank is erased before PURGED */
#define KSHOT_STORE_FLAG_LOSSY 2u /* a record was lost before this bank was written, and nobody has accepted that */

/* A header's fields that are not the config's. */
typedef struct kshot_store_header {
    uint32_t sequence;
    uint32_t erase_count;
    uint32_t wear;         /* two bits a bank: its erases less this one's plus 1, once this bank is settled */
    uint32_t log_sequence; /* number of the last operation in the snapshot */
    uint32_t crc;          /* the seed of this bank's slots */
    uint16_t snapshot_count;
    uint16_t flags;
} kshot_store_header;

/* A slot's fields apart from the record. */
typedef struct kshot_store_slot {
    uint8_t type;
    uint16_t class_id; /* PUT: of the record; else of the operation that made the bank */
    uint32_t log_sequence;
    uint32_t token;
    uint16_t index;    /* its own */
    uint16_t previous; /* the one that was written before, KSHOT_STORE_NO_SLOT for none */
} kshot_store_slot;

typedef enum kshot_store_header_kind {
    KSHOT_STORE_HEADER_NONE,    /* no header */
    KSHOT_STORE_HEADER_FOREIGN, /* of another format version, model or geometry */
    KSHOT_STORE_HEADER_OURS
} kshot_store_header_kind;

/* KSHOT_ERROR_GEOMETRY where the geometry is none that the store can use; the classes may still not fit. */
kshot_status kshot_store_layout_of(const kshot_store_config *config, kshot_store_layout *layout);

/* Whether the layout holds config->max_classes, and what that costs. endurance: erases that a unit of flash bears.
 * KSHOT_ERROR_GEOMETRY where it does not hold them. */
kshot_status kshot_store_costs_of(const kshot_store_config *config, uint32_t endurance, kshot_store_costs *costs);

/* Writes a header into out [KSHOT_STORE_HEADER_BYTES] and its CRC into header->crc. */
void kshot_store_header_encode(const kshot_store_config *config, kshot_store_header *header, uint8_t *out);
kshot_store_header_kind kshot_store_header_decode(const kshot_store_config *config, const uint8_t *bytes,
                                                  kshot_store_header *header);

/* Fields, padding and CRC into out [slot_bytes]; out's record stays as it is for a PUT and becomes zero for others. */
void kshot_store_slot_encode(const kshot_store_config *config, const kshot_store_layout *layout, uint32_t seed,
                             const kshot_store_slot *slot, uint8_t *out);
/* Whether bytes [slot_bytes] are the slot `index` of the bank with this header. */
bool kshot_store_slot_decode(const kshot_store_layout *layout, const kshot_store_header *header, uint16_t index,
                             const uint8_t *bytes, kshot_store_slot *slot);
/* The record in a slot. */
uint8_t *kshot_store_slot_record(uint8_t *slot);

#ifdef __cplusplus
}
#endif
#endif
