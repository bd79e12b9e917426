/* SPDX-License-Identifier: Apache-2.0 */
/* The program that tortures the store: MODE CASE SEED COUNT. Prints counts, and on standard error the first failure
 * with the seed that repeats it. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torture_modes.h"

enum { CUTS_A_HISTORY = 24 };

static torture t, saved;

static bool failed(void)
{
    return t.lost + t.phantom + t.wrong + t.model.written_twice > 0;
}

static void set_cut(cut_kind kind, long events)
{
    t.model.cut_at = kind;
    t.model.cut_in = events;
}

/* Anywhere in the next call or the one after, or in one of the writes that decide. */
static void plan_cut(void)
{
    static const uint8_t odds[] = {12, 5, 10, 14, 14, 10, 4}; /* of ERASE .. PURGED; the rest is ANY */
    const uint32_t events = t.layout.bank_bytes / t.config.geometry.program_unit_bytes;
    uint32_t chance = flash_model_random(&t.model, 100);

    for (uint32_t i = 0; i < sizeof odds; i++) {
        if (chance < odds[i]) {
            const uint32_t units = i == 0 ? 2u * t.config.geometry.erase_units_per_bank : 2;
            set_cut((cut_kind)(CUT_ERASE + i), 1 + (long)flash_model_random(&t.model, units));
            return;
        }
        chance -= odds[i];
    }
    set_cut(CUT_ANY, 1 + (long)flash_model_random(&t.model, events));
}

/* After a cut: the token of the call that was cut says whether it happened. */
static void check_token(const call *made, const contents *before)
{
    kshot_store_token found;
    const bool changed = memcmp(&t.now, before, sizeof *before) != 0;

    if (made->kind == CALL_PURGE || t.allowed_count > 2 ||
        kshot_store_token_status(&t.store, made->token, &found) != KSHOT_OK) {
        return;
    }
    if (changed != (found != KSHOT_STORE_TOKEN_UNKNOWN) && made->kind == CALL_PUT) {
        torture_fail(&t, &t.wrong, "a token tells the wrong story");
    }
}

static void session(void)
{
    const uint32_t calls = 1 + flash_model_random(&t.model, 5);

    if (flash_model_random(&t.model, 100) < 85) {
        plan_cut();
    }
    for (uint32_t i = 0; i < calls && !failed(); i++) {
        const call made = torture_random_call(&t);
        const contents before = t.now;
        const bool unambiguous = t.allowed_count == 1;
        if (!torture_call(&t, &made)) {
            if (torture_boot(&t) && unambiguous) {
                check_token(&made, &before);
            }
            return;
        }
    }
    set_cut(CUT_NONE, 0);
    (void)torture_boot(&t);
}

static void history(const torture_case *chosen, uint64_t seed, int fault_permille)
{
    torture_begin(&t, chosen, seed);
    t.model.fault_permille = fault_permille;
    (void)torture_boot(&t);
    for (int sessions = 0; t.model.cuts < CUTS_A_HISTORY && sessions < 1000 && !failed(); sessions++) {
        session();
        for (uint32_t boots = flash_model_random(&t.model, 4) / 2; boots > 0 && !failed(); boots--) {
            (void)torture_boot(&t); /* one that only reads */
        }
    }
}

static void copy_torture(torture *to, const torture *from)
{
    const size_t units = from->model.bytes / from->config.geometry.program_unit_bytes;

    memcpy(to, from, offsetof(torture, model));
    memcpy(&to->model, &from->model, offsetof(flash_model, now));
    memcpy(to->model.now, from->model.now, from->model.bytes);
    memcpy(to->model.old, from->model.old, from->model.bytes);
    memcpy(to->model.units, from->model.units, units * sizeof(flash_unit));
}

/* One cut at an event of a call, then another somewhere in the recovery from it, then a call that is left alone. */
static void cut_and_recover(const call *made, long event, int outcome)
{
    call next;

    set_cut(CUT_ANY, event);
    t.model.outcome = outcome;
    (void)torture_call(&t, made);
    t.model.outcome = -1;
    set_cut(CUT_NONE, 0);
    if (!torture_boot(&t)) {
        return;
    }
    plan_cut();
    next = torture_random_call(&t);
    (void)torture_call(&t, &next);
    set_cut(CUT_NONE, 0);
    if (!torture_boot(&t)) {
        return;
    }
    next = torture_random_call(&t);
    (void)torture_call(&t, &next);
    (void)torture_boot(&t);
}

/* Every event of every call of a history, with every outcome. `count` bounds the cuts: events are skipped evenly. */
static void every_cut(const torture_case *chosen, uint64_t seed, long count, torture_counts *counts)
{
    enum { CALLS = 12 };

    torture_begin(&t, chosen, seed);
    (void)torture_boot(&t);
    for (int i = 0; i < CALLS && !failed(); i++) {
        const call made = torture_random_call(&t);
        const long before = t.model.events;
        long events, step;
        copy_torture(&saved, &t);
        (void)torture_call(&t, &made);
        events = t.model.events - before;
        step = 1 + events * TORN_PROGRAMS * CALLS * 2 / count;
        for (long event = 1; event <= events && !failed(); event += step) {
            for (int outcome = 0; outcome < TORN_PROGRAMS && !failed(); outcome++) {
                copy_torture(&t, &saved);
                t.model.random += (uint64_t)(event * 16 + outcome) << 32;
                cut_and_recover(&made, event, outcome);
                counts->cuts += t.model.cuts - saved.model.cuts;
            }
        }
        if (failed()) {
            return;
        }
        copy_torture(&t, &saved);
        (void)torture_call(&t, &made);
        if (flash_model_random(&t.model, 2)) {
            (void)torture_boot(&t);
        }
    }
}

static void add(torture_counts *counts)
{
    counts->histories++;
    counts->cuts += t.model.cuts;
    counts->lost += t.lost;
    counts->phantom += t.phantom;
    counts->wrong += t.wrong;
    counts->written_twice += t.model.written_twice;
    if (t.model.written_twice > 0) {
        fprintf(stderr, "%s seed %llu: a unit is programmed twice\n", t.chosen->name, (unsigned long long)t.seed);
    }
}

int main(int argc, char **argv)
{
    torture_counts counts = {0};
    uint64_t seed;
    long count;

    if (argc != 5 || atoi(argv[2]) < 0 || atoi(argv[2]) >= GEOMETRIES) {
        return 2;
    }
    const torture_case *const chosen = &torture_cases[atoi(argv[2])];
    seed = strtoull(argv[3], NULL, 10);
    count = atol(argv[4]);
    if (strcmp(argv[1], "every") == 0) {
        every_cut(chosen, seed, count, &counts);
        t.model.cuts = 0; /* counted already */
        add(&counts);
    } else if (strcmp(argv[1], "random") == 0 || strcmp(argv[1], "faults") == 0) {
        while (counts.cuts < count && !failed()) {
            history(chosen, seed++, argv[1][0] == 'f' ? 15 : 0);
            add(&counts);
        }
    } else if (!torture_mode(&t, argv[1], chosen, seed, count, &counts)) {
        return 2;
    }
    printf(
        "{\"histories\": %ld, \"cuts\": %ld, \"lost\": %ld, \"phantom\": %ld, \"wrong\": %ld, \"written_twice\": %ld, "
        "\"images\": %ld, \"wear_spread\": %ld}\n",
        counts.histories, counts.cuts, counts.lost, counts.phantom, counts.wrong, counts.written_twice, counts.images,
        counts.wear_spread);
    return 0;
}
