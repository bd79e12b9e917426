/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzing of sequences of calls on flash that is cut and that fails, against the model of tests/c/torture.h: nothing
 * acknowledged is lost, nothing appears, no unit is programmed twice.
 *
 * An input is the geometry, a seed, and then steps of two bytes: what is done, and with what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torture.h"

enum { SEED_BYTES = 3, SMALL_GEOMETRIES = 12, MAX_STEPS = 96 };

typedef enum step_kind { BOOT, PUT, FORGET, OTHER_CALL, CUT, CUT_LATER, OUTCOME, FAULTS, STEP_KINDS } step_kind;

static torture t;

static bool failed(void)
{
    return t.lost + t.phantom + t.wrong + t.model.written_twice > 0;
}

static void power_on(void)
{
    t.model.cut_at = CUT_NONE;
    t.model.outcome = -1;
    (void)torture_boot(&t);
}

static void make_call(call_kind kind, uint8_t with)
{
    call made = {.kind = kind, .class_index = with % t.config.max_classes, .version = ++t.versions};

    made.token = t.versions;
    if (kshot_store_state_of(&t.store) == KSHOT_STORE_UNFORMATTED) {
        made.kind = CALL_FORMAT;
    } else if (made.kind == CALL_FORGET && t.now.version[made.class_index] == 0) {
        made.kind = CALL_PUT;
    }
    if (!torture_call(&t, &made)) {
        power_on();
    }
}

static void take_step(uint8_t what, uint8_t with)
{
    switch ((step_kind)(what % STEP_KINDS)) {
    case BOOT:
        power_on();
        break;
    case PUT:
        make_call(CALL_PUT, with);
        break;
    case FORGET:
        make_call(CALL_FORGET, with);
        break;
    case OTHER_CALL:
        make_call(with % 8 == 0 ? CALL_WIPE : with % 8 == 1 ? CALL_FORMAT : CALL_PURGE, with);
        break;
    case CUT:
        t.model.cut_at = (cut_kind)(CUT_ANY + with % 8);
        t.model.cut_in = 1 + with / 8 % 4;
        break;
    case CUT_LATER:
        t.model.cut_at = CUT_ANY;
        t.model.cut_in = 1 + with;
        break;
    case OUTCOME:
        t.model.outcome = with % TORN_PROGRAMS;
        break;
    case FAULTS:
        t.model.fault_permille = with % 64;
        break;
    case STEP_KINDS:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SEED_BYTES) {
        return 0;
    }
    torture_begin(&t, &torture_cases[data[0] % SMALL_GEOMETRIES], (uint64_t)(data[1] | data[2] << 8));
    power_on();
    for (size_t i = SEED_BYTES; i + 1 < size && i < SEED_BYTES + 2 * MAX_STEPS && !failed(); i += 2) {
        take_step(data[i], data[i + 1]);
    }
    t.model.fault_permille = 0;
    power_on();
    if (failed()) {
        fprintf(stderr, "lost %ld, phantom %ld, wrong %ld, written twice %ld\n", t.lost, t.phantom, t.wrong,
                t.model.written_twice);
        abort();
    }
    return 0;
}
