/* SPDX-License-Identifier: Apache-2.0 */
/* A store on flash whose power is cut, beside what it must hold: the states that it may be in, given what was
 * acknowledged and what was not. */
#ifndef TORTURE_H
#define TORTURE_H

#include "flash_model.h"

enum { CLASSES = 6, MAX_STATES = 256, MAX_WORKSPACE = 2304, GEOMETRIES = 14 };

/* A geometry and what is done on it. */
typedef struct torture_case {
    const char *name;
    kshot_store_geometry geometry;
    uint16_t record_bytes;
    uint16_t max_classes;
    bool ecc;
} torture_case;

extern const torture_case torture_cases[GEOMETRIES];

/* Of each class the version of its record, 0 for none. */
typedef struct contents {
    uint32_t version[CLASSES];
} contents;

typedef enum call_kind { CALL_PUT, CALL_FORGET, CALL_WIPE, CALL_PURGE, CALL_FORMAT } call_kind;

typedef struct call {
    call_kind kind;
    uint32_t class_index;
    uint32_t version;
    uint32_t token;
} call;

typedef struct torture {
    const torture_case *chosen;
    kshot_store_config config;
    kshot_store_layout layout;
    kshot_flash flash;
    kshot_store store;
    kshot_store_entry entries[CLASSES];
    uint8_t workspace[MAX_WORKSPACE];
    uint8_t expected[MAX_WORKSPACE];
    contents allowed[MAX_STATES];
    uint32_t allowed_count;
    contents now; /* what the store said since the last boot */
    uint32_t versions;
    bool formatted;  /* acknowledged */
    bool owes_purge; /* a forget was cut, and the next call that is acknowledged has to finish it */
    long calls, mounts, lost, phantom, wrong;
    uint64_t seed;
    long mount_read_bytes; /* at most */
    flash_model model;
} torture;

/* New flash, nothing mounted. */
void torture_begin(torture *t, const torture_case *chosen, uint64_t seed);
/* Boots and mounts; false where the store is not as it must be, which is counted and printed once. */
bool torture_boot(torture *t);
/* Makes a call, with the cut that the model is set to; true where power was left on. */
bool torture_call(torture *t, const call *made);
call torture_random_call(torture *t);
const uint8_t *torture_record(torture *t, uint32_t class_index, uint32_t version);
uint16_t torture_class_id(uint32_t class_index);
void torture_fail(torture *t, long *counter, const char *what);

#endif
