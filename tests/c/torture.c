/* SPDX-License-Identifier: Apache-2.0 */
#include "torture.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* name, geometry, record bytes, classes, ECC. The first dozen has every program unit and every erased value. */
const torture_case torture_cases[GEOMETRIES] = {
    {"unit1", {512, 1, 1, 3, 0xff}, 12, 5, false},
    {"unit2", {512, 2, 1, 3, KSHOT_STORE_ERASED_UNDEFINED}, 12, 5, false},
    {"unit4", {512, 4, 1, 3, 0xff}, 16, 5, false},
    {"unit4_tight", {128, 4, 3, 3, 0xff}, 12, 4, false},
    {"unit8_ecc", {256, 8, 2, 3, 0xff}, 12, 5, true},
    {"unit16_ecc", {1024, 16, 1, 3, 0xff}, 24, 6, true},
    {"unit32_ecc_2banks", {1024, 32, 1, 2, 0xff}, 40, 6, true},
    {"unit32_ecc", {1024, 32, 1, 3, 0xff}, 40, 6, true},
    {"unit256", {4096, 256, 1, 3, 0xff}, 200, 6, false},
    {"erased0_units128", {128, 4, 6, 3, 0x00}, 16, 6, false},
    {"undefined_unit4", {1024, 4, 1, 4, KSHOT_STORE_ERASED_UNDEFINED}, 30, 6, false},
    {"unit4_2banks", {512, 4, 1, 2, 0xff}, 16, 5, false},
    {"page4k", {4096, 4, 1, 3, 0xff}, 236, 6, false},
    {"sector128k_ecc", {131072, 32, 1, 3, 0xff}, 2240, 6, true},
};

uint16_t torture_class_id(uint32_t class_index)
{
    return (uint16_t)(class_index * 9000 + 7);
}

const uint8_t *torture_record(torture *t, uint32_t class_index, uint32_t version)
{
    for (uint32_t i = 0; i < t->config.record_bytes; i++) {
        /* six bytes that name the class, two that tell the version */
        t->expected[i] = (uint8_t)(i % 8 < 6 ? 0x11 * (class_index + 2) + 0x1d * (i % 8) : version >> i % 2 * 8);
    }
    return t->expected;
}

void torture_fail(torture *t, long *counter, const char *what)
{
    if (t->lost + t->phantom + t->wrong == 0) {
        fprintf(stderr, "%s seed %llu: %s\n", t->chosen->name, (unsigned long long)t->seed, what);
    }
    ++*counter;
}

void torture_begin(torture *t, const torture_case *chosen, uint64_t seed)
{
    kshot_store_costs costs;

    memset(t, 0, offsetof(torture, model));
    t->chosen = chosen;
    t->seed = seed;
    t->config.geometry = chosen->geometry;
    t->config.record_bytes = chosen->record_bytes;
    t->config.max_classes = chosen->max_classes;
    t->config.fingerprint[0] = 1;
    (void)kshot_store_layout_of(&t->config, &t->layout);
    (void)kshot_store_costs_of(&t->config, 1, &costs);
    t->mount_read_bytes = (long)costs.mount_read_bytes;
    flash_model_init(&t->model, &t->config.geometry, &t->layout, seed);
    t->model.ecc = chosen->ecc;
    t->model.metastable = chosen->geometry.bank_count > 2;
    t->flash = flash_model_callbacks(&t->model);
    t->allowed_count = 1;
}

/* What the store holds now; false where a record is not one that it was given. */
static bool read_contents(torture *t, contents *found)
{
    static uint8_t record[MAX_WORKSPACE];

    memset(found, 0, sizeof *found);
    for (uint16_t i = 0; i < kshot_store_class_count(&t->store); i++) {
        uint16_t id = 0;
        uint32_t c = 0, version;
        if (kshot_store_class_at(&t->store, i, &id) != KSHOT_OK || kshot_store_get(&t->store, id, record) != KSHOT_OK) {
            return false;
        }
        while (c < CLASSES && torture_class_id(c) != id) {
            c++;
        }
        version = (uint32_t)(record[6] | record[7] << 8);
        if (c == CLASSES || memcmp(record, torture_record(t, c, version), t->config.record_bytes) != 0) {
            return false;
        }
        found->version[c] = version;
    }
    return true;
}

static bool is_allowed(const torture *t, const contents *found)
{
    for (uint32_t i = 0; i < t->allowed_count; i++) {
        if (memcmp(&t->allowed[i], found, sizeof *found) == 0) {
            return true;
        }
    }
    return false;
}

static void allow(torture *t, const contents *more)
{
    if (!is_allowed(t, more) && t->allowed_count < MAX_STATES) {
        t->allowed[t->allowed_count++] = *more;
    }
}

static void allow_only(torture *t, const contents *one)
{
    t->allowed[0] = *one;
    t->allowed_count = 1;
}

static contents after(const contents *before, const call *made)
{
    contents then = *before;

    if (made->kind == CALL_PUT) {
        then.version[made->class_index] = made->version;
    } else if (made->kind == CALL_FORGET) {
        then.version[made->class_index] = 0;
    } else if (made->kind == CALL_WIPE || made->kind == CALL_FORMAT) {
        memset(&then, 0, sizeof then);
    }
    return then;
}

/* Whether a version of a class could be in the store at all. */
static bool was_never_there(const torture *t, const contents *found)
{
    for (uint32_t c = 0; c < CLASSES; c++) {
        bool known = false;
        for (uint32_t i = 0; i < t->allowed_count; i++) {
            known = known || t->allowed[i].version[c] == found->version[c];
        }
        if (!known && found->version[c] != 0) {
            return true;
        }
    }
    return false;
}

bool torture_boot(torture *t)
{
    const kshot_store_memory memory = {t->entries, t->workspace};
    kshot_store_stats stats;
    kshot_status status;
    contents found;

    flash_model_boot(&t->model);
    t->model.read_bytes = 0;
    t->mounts++;
    memset(t->workspace, 0xa5, sizeof t->workspace);
    status = kshot_store_mount(&t->store, &t->config, &t->flash, &memory);
    if (t->model.read_bytes > t->mount_read_bytes) {
        torture_fail(t, &t->wrong, "a mount reads more than its cost says");
        return false;
    }
    if (status == KSHOT_ERROR_UNFORMATTED && !t->formatted) {
        memset(&t->now, 0, sizeof t->now);
        return true;
    }
    if (status != KSHOT_OK) {
        torture_fail(t, &t->lost, "a mount is refused or degraded without damage");
        return false;
    }
    if (!read_contents(t, &found)) {
        torture_fail(t, &t->phantom, "a record is not one that was put");
        return false;
    }
    if (!is_allowed(t, &found)) {
        const bool phantom = was_never_there(t, &found);
        torture_fail(t, phantom ? &t->phantom : &t->lost, phantom ? "an operation appears" : "an operation is lost");
        return false;
    }
    t->now = found;
    t->owes_purge = kshot_store_stats_of(&t->store, &stats) == KSHOT_OK && stats.purge_pending;
    if (!t->model.metastable) {
        allow_only(t, &found); /* what was read once stays so */
    }
    return true;
}

/* R9: nothing of what was forgotten is anywhere, and every bank but the active one is erased to the end. */
static void check_no_trace(torture *t)
{
    for (uint32_t bank = 0; bank < t->config.geometry.bank_count; bank++) {
        if (bank != t->store.active && !flash_model_bank_is_clean(&t->model, bank)) {
            torture_fail(t, &t->wrong, "a bank was not erased when a forget was acknowledged");
        }
    }
    for (uint32_t c = 0; c < CLASSES; c++) {
        uint8_t name[6];
        if (t->now.version[c] != 0) {
            continue;
        }
        memcpy(name, torture_record(t, c, 0), sizeof name);
        for (uint32_t i = 0; i + sizeof name <= t->model.bytes; i++) {
            if (t->model.now[i] == name[0] && memcmp(t->model.now + i, name, sizeof name) == 0) {
                torture_fail(t, &t->wrong, "bytes of a forgotten record are in flash");
                return;
            }
        }
    }
}

static kshot_status perform(torture *t, const call *made)
{
    switch (made->kind) {
    case CALL_PUT:
        return kshot_store_put(&t->store, torture_class_id(made->class_index),
                               torture_record(t, made->class_index, made->version), made->token);
    case CALL_FORGET:
        return kshot_store_forget(&t->store, torture_class_id(made->class_index), made->token);
    case CALL_WIPE:
        return kshot_store_wipe(&t->store, made->token);
    case CALL_PURGE:
        return kshot_store_purge(&t->store);
    case CALL_FORMAT:
        break;
    }
    return kshot_store_format(&t->store, made->token);
}

static void check_answer(torture *t, const call *made, kshot_status status, const contents *then)
{
    contents found;

    if (status == KSHOT_OK) {
        t->now = *then;
        t->formatted = t->formatted || made->kind == CALL_FORMAT;
        allow_only(t, then);
        if (made->kind != CALL_PUT || t->owes_purge) {
            check_no_trace(t);
        }
        t->owes_purge = false;
    } else if (status != KSHOT_ERROR_FLASH || t->model.fault_permille == 0) {
        torture_fail(t, &t->wrong, "a call is refused that should work");
        return;
    } else {
        allow(t, then);
    }
    if (kshot_store_state_of(&t->store) == KSHOT_STORE_UNFORMATTED) {
        return;
    }
    if (!read_contents(t, &found) || !is_allowed(t, &found)) {
        torture_fail(t, &t->wrong, "a call did something else");
        return;
    }
    t->now = found;
}

bool torture_call(torture *t, const call *made)
{
    const contents then = after(&t->now, made);
    jmp_buf power;

    t->calls++;
    t->model.power = &power;
    if (setjmp(power) != 0) {
        allow(t, &then);
        return false;
    }
    check_answer(t, made, perform(t, made), &then);
    return true;
}

call torture_random_call(torture *t)
{
    const uint32_t chance = flash_model_random(&t->model, 100);
    call made = {.kind = CALL_PUT, .class_index = flash_model_random(&t->model, t->config.max_classes)};

    t->versions = t->versions % 65000 + 1;
    made.version = t->versions;
    made.token = (uint32_t)++t->calls;
    if (kshot_store_state_of(&t->store) == KSHOT_STORE_UNFORMATTED) {
        made.kind = CALL_FORMAT;
    } else if (chance < 18 && t->now.version[made.class_index] != 0) {
        made.kind = CALL_FORGET;
    } else if (chance == 97) {
        made.kind = CALL_WIPE;
    } else if (chance > 97) {
        made.kind = CALL_PURGE;
    }
    return made;
}
