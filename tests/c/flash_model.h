/* SPDX-License-Identifier: Apache-2.0 */
/* Flash for the simulation of cuts: what a program or an erase leaves behind that power left in the middle, and how
 * that reads at each boot. A cut ends the call with a long jump, as it ends a program. */
#ifndef FLASH_MODEL_H
#define FLASH_MODEL_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "kshot_store.h"

enum { MODEL_MAX_BYTES = 393216, TORN_PROGRAMS = 9, TORN_ERASES = 6 };

/* What a cut is waiting for. */
typedef enum cut_kind {
    CUT_NONE,
    CUT_ANY,
    CUT_ERASE,
    CUT_HEADER,
    CUT_PUT,
    CUT_COMMIT,
    CUT_ATTEST,
    CUT_SETTLED,
    CUT_PURGED
} cut_kind;

typedef struct flash_unit {
    uint8_t clean; /* erased to the end, and not programmed since: the only kind that may be programmed */
    uint8_t reads; /* flash_reading */
} flash_unit;

typedef struct flash_model {
    const kshot_store_geometry *geometry;
    const kshot_store_layout *layout;
    uint32_t bytes;
    bool ecc;        /* a torn unit may be an ECC fault */
    bool metastable; /* a torn unit may read differently from boot to boot */
    uint64_t random; /* state of the generator */
    uint64_t boot;   /* changes with every boot */
    cut_kind cut_at;
    long cut_in;        /* events of that kind until the cut, from 1 on */
    int outcome;        /* of the cut; -1 for any */
    int fault_permille; /* of programs and erases that fail without a cut */
    jmp_buf *power;
    long events; /* units programmed and erased */
    long read_bytes;
    long cuts;
    long written_twice;
    uint32_t erases[16384]; /* of each erase unit; of the first ones, where there are more */
    uint8_t now[MODEL_MAX_BYTES], old[MODEL_MAX_BYTES];
    flash_unit units[MODEL_MAX_BYTES];
} flash_model;

/* Erases everything, without a trace. */
void flash_model_init(flash_model *model, const kshot_store_geometry *geometry, const kshot_store_layout *layout,
                      uint64_t seed);
void flash_model_boot(flash_model *model);
uint32_t flash_model_random(flash_model *model, uint32_t below);
kshot_flash flash_model_callbacks(flash_model *model);
/* Whether every unit of a bank is erased to the end. */
bool flash_model_bank_is_clean(const flash_model *model, uint32_t bank);

#endif
