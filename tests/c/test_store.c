/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

/* Flash without a store is said to have none, nothing is written to it, and only format is possible. */
TEST(nothing_is_formatted_by_itself)
{
    uint8_t record[RECORD];
    memset(ram.bytes, 0xff, sizeof ram.bytes);
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, mount());
    CHECK_EQUAL(KSHOT_STORE_UNFORMATTED, kshot_store_state_of(&store));
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, put(1, 1));
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, kshot_store_forget(&store, 1, 2));
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, kshot_store_wipe(&store, 2));
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, kshot_store_purge(&store));
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, kshot_store_get(&store, 1, record));
    CHECK_EQUAL(0, kshot_store_class_count(&store));
    CHECK_EQUAL(0, ram.progs + ram.erases);
    CHECK_EQUAL(KSHOT_OK, kshot_store_format(&store, 2));
    CHECK_EQUAL(KSHOT_STORE_OK, kshot_store_state_of(&store));
    CHECK_EQUAL(KSHOT_OK, mount());
}

/* What was put is there at once and after a boot, in the order of ids; a boot writes nothing. */
TEST(records_survive_a_boot)
{
    uint16_t id;
    long written;
    start();
    CHECK_EQUAL(KSHOT_OK, put(9, 1));
    CHECK_EQUAL(KSHOT_OK, put(65535, 1));
    CHECK_EQUAL(KSHOT_OK, put(3, 1));
    CHECK_EQUAL(KSHOT_OK, put(9, 2));
    written = ram.progs + ram.erases;
    for (int boot = 0; boot < 2; boot++) {
        CHECK_EQUAL(3, kshot_store_class_count(&store));
        for (uint16_t i = 0; i < 3; i++) {
            CHECK_EQUAL(KSHOT_OK, kshot_store_class_at(&store, i, &id));
            CHECK_EQUAL(i == 0 ? 3 : i == 1 ? 9 : 65535, id);
        }
        check_holds(3, 1);
        check_holds(9, 2);
        check_holds(65535, 1);
        CHECK_EQUAL(KSHOT_OK, mount());
    }
    CHECK_EQUAL(written, ram.progs + ram.erases);
}

/* R2, R3: the first write after a boot goes to a freshly erased bank, the next ones behind it without an erase. */
TEST(the_first_write_after_a_boot_compacts)
{
    long erases;
    start();
    CHECK_EQUAL(KSHOT_OK, put(1, 1));
    CHECK_EQUAL(KSHOT_OK, mount());
    erases = ram.erases;
    CHECK_EQUAL(KSHOT_OK, put(2, 1));
    CHECK_EQUAL(erases + 2, ram.erases);
    CHECK_EQUAL(KSHOT_OK, put(3, 1));
    CHECK_EQUAL(erases + 2, ram.erases);
}

/* A full bank is left for another one, as often as it takes; all banks wear alike. */
TEST(many_puts_wear_the_banks_alike)
{
    kshot_store_stats stats;
    start();
    for (int i = 0; i < 1000; i++) {
        CHECK_EQUAL(KSHOT_OK, put((uint16_t)(1 + i % CLASSES), (uint8_t)i));
    }
    for (int i = 996; i < 1000; i++) {
        check_holds((uint16_t)(1 + i % CLASSES), (uint8_t)i);
    }
    CHECK_EQUAL(KSHOT_OK, kshot_store_stats_of(&store, &stats));
    CHECK_EQUAL(1001, stats.log_sequence);
    CHECK(stats.erases_max - stats.erases_min <= 1);
    CHECK(ram.erases / 2 >= stats.erases_max + 2 * stats.erases_min);
    CHECK(ram.erases / 2 <= 2 * stats.erases_max + stats.erases_min);
}

/* A class too many is refused, and forgetting needs no room: R10. */
TEST(a_full_store_replaces_and_forgets)
{
    start();
    for (uint16_t id = 1; id <= CLASSES; id++) {
        CHECK_EQUAL(KSHOT_OK, put(id, 1));
    }
    CHECK_EQUAL(KSHOT_ERROR_FULL, put(CLASSES + 1, 1));
    CHECK_EQUAL(KSHOT_OK, put(CLASSES, 2));
    CHECK_EQUAL(KSHOT_OK, kshot_store_forget(&store, 1, 7));
    CHECK_EQUAL(KSHOT_OK, put(CLASSES + 1, 1));
    CHECK_EQUAL(CLASSES, kshot_store_class_count(&store));
}

/* R10: where a bank has no slot to spare, every call still works. */
TEST(the_smallest_bank_suffices)
{
    config.geometry.erase_unit_bytes = 128;
    config.geometry.erase_units_per_bank = 3;
    config.max_classes = 4; /* 256 bytes behind the headers: eight slots */
    memset(ram.bytes, 0xff, sizeof ram.bytes);
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, mount());
    CHECK_EQUAL(KSHOT_OK, kshot_store_format(&store, 1));
    for (uint16_t i = 0; i < 20; i++) {
        CHECK_EQUAL(KSHOT_OK, put((uint16_t)(i % 4 + 1), (uint8_t)i));
    }
    CHECK_EQUAL(KSHOT_OK, kshot_store_purge(&store));
    CHECK_EQUAL(KSHOT_OK, kshot_store_forget(&store, 3, 7));
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(3, kshot_store_class_count(&store));
    config.max_classes = 5;
    CHECK_EQUAL(KSHOT_ERROR_GEOMETRY, mount());
}

/* R9: not four bytes of a forgotten record are left anywhere, of any of its versions; the others stay. */
TEST(a_forgotten_record_leaves_no_trace)
{
    start();
    CHECK_EQUAL(KSHOT_OK, put(1, 1));
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(KSHOT_OK, put(1, 2));
    CHECK_EQUAL(KSHOT_OK, put(2, 1));
    CHECK(traces_of(1, 1) > 0 && traces_of(1, 2) > 0);
    CHECK_EQUAL(KSHOT_OK, kshot_store_forget(&store, 1, 7));
    CHECK_EQUAL(0, traces_of(1, 1));
    CHECK_EQUAL(0, traces_of(1, 2));
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_store_forget(&store, 1, 8));
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(1, kshot_store_class_count(&store));
    check_holds(2, 1);
}

/* Wiping forgets every class; purging forgets what was replaced and keeps the classes. */
TEST(wipe_and_purge_leave_no_trace)
{
    start();
    CHECK_EQUAL(KSHOT_OK, put(1, 1));
    CHECK_EQUAL(KSHOT_OK, put(1, 2));
    CHECK_EQUAL(KSHOT_OK, kshot_store_purge(&store));
    CHECK_EQUAL(0, traces_of(1, 1));
    check_holds(1, 2);
    CHECK_EQUAL(KSHOT_OK, kshot_store_wipe(&store, 5));
    CHECK_EQUAL(0, traces_of(1, 2));
    CHECK_EQUAL(0, kshot_store_class_count(&store));
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(0, kshot_store_class_count(&store));
}

/* The last operation's token is known at once, after a boot, and after compactions without an operation. */
TEST(tokens_tell_what_was_committed)
{
    kshot_store_token found;
    start();
    CHECK_EQUAL(KSHOT_OK, put(1, 1));
    CHECK_EQUAL(KSHOT_OK, put(2, 1));
    for (int boot = 0; boot < 2; boot++) {
        CHECK_EQUAL(KSHOT_OK, kshot_store_token_status(&store, 2001, &found));
        CHECK_EQUAL(KSHOT_STORE_TOKEN_COMMITTED, found);
        CHECK_EQUAL(KSHOT_OK, kshot_store_token_status(&store, 1001, &found));
        CHECK_EQUAL(KSHOT_STORE_TOKEN_COMMITTED, found);
        CHECK_EQUAL(KSHOT_OK, kshot_store_token_status(&store, 3001, &found));
        CHECK_EQUAL(KSHOT_STORE_TOKEN_UNKNOWN, found);
        CHECK_EQUAL(KSHOT_OK, mount());
    }
    CHECK_EQUAL(KSHOT_OK, kshot_store_forget(&store, 1, 77));
    CHECK_EQUAL(KSHOT_OK, kshot_store_purge(&store));
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(KSHOT_OK, kshot_store_token_status(&store, 77, &found));
    CHECK_EQUAL(KSHOT_STORE_TOKEN_COMMITTED, found);
    CHECK_EQUAL(KSHOT_OK, kshot_store_token_status(&store, 2001, &found));
    CHECK_EQUAL(KSHOT_STORE_TOKEN_COMMITTED, found);
}

/* R8: flash of another model is left alone until someone says format; so is flash of another format version. */
TEST(another_models_store_is_refused)
{
    uint8_t record[RECORD];
    long written;
    start();
    CHECK_EQUAL(KSHOT_OK, put(1, 1));
    written = ram.progs + ram.erases;
    config.fingerprint[0] ^= 1;
    CHECK_EQUAL(KSHOT_ERROR_INCOMPATIBLE, mount());
    CHECK_EQUAL(KSHOT_STORE_INCOMPATIBLE, kshot_store_state_of(&store));
    CHECK_EQUAL(KSHOT_ERROR_INCOMPATIBLE, kshot_store_get(&store, 1, record));
    CHECK_EQUAL(KSHOT_ERROR_INCOMPATIBLE, put(1, 2));
    CHECK_EQUAL(0, kshot_store_class_count(&store));
    CHECK_EQUAL(written, ram.progs + ram.erases);
    config.fingerprint[0] ^= 1;
    CHECK_EQUAL(KSHOT_OK, mount());
    check_holds(1, 1);
    config.fingerprint[0] ^= 1;
    CHECK_EQUAL(KSHOT_ERROR_INCOMPATIBLE, mount());
    CHECK_EQUAL(KSHOT_OK, kshot_store_format(&store, 1));
    CHECK_EQUAL(0, traces_of(1, 1));
    CHECK_EQUAL(KSHOT_OK, mount());
}

/* R8: nor is a store of another model overtaken by an older one of this model that a format has left in part. */
TEST(a_newer_foreign_bank_is_not_overlooked)
{
    start();
    CHECK_EQUAL(KSHOT_OK, put(1, 1));
    config.fingerprint[0] ^= 1;
    CHECK_EQUAL(KSHOT_ERROR_INCOMPATIBLE, mount());
    ram.fail_erase = ram.erases + 3;
    ram.sticks = true;
    CHECK_EQUAL(KSHOT_ERROR_FLASH, kshot_store_format(&store, 1));
    ram.fail_erase = 0;
    CHECK(traces_of(1, 1) > 0);
    config.fingerprint[0] ^= 1;
    CHECK_EQUAL(KSHOT_ERROR_INCOMPATIBLE, mount());
    config.fingerprint[0] ^= 1;
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(0, kshot_store_class_count(&store));
}

/* Wrong arguments and calls before mount change nothing. */
TEST(misuse_is_refused)
{
    const kshot_flash no_erase = {&ram, ram_flash_read, ram_flash_prog, NULL};
    const kshot_store_memory no_memory = {index_entries, NULL};
    kshot_store_token found;
    uint16_t id;
    CHECK_EQUAL(KSHOT_ERROR_STATE, put(1, 1));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_store_format(&store, 1));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_format(NULL, 1));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_mount(NULL, &config, &flash, &memory));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_mount(&store, NULL, &flash, &memory));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_mount(&store, &config, &no_erase, &memory));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_mount(&store, &config, &flash, &no_memory));
    CHECK_EQUAL(KSHOT_STORE_UNMOUNTED, kshot_store_state_of(&store));
    start();
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_put(&store, 0, record_of(1, 1), 1));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_put(&store, 1, NULL, 1));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_get(&store, 1, NULL));
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_store_get(&store, 1, workspace));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_class_at(&store, 0, &id));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_token_status(&store, 0, &found));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_stats_of(&store, NULL));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_store_accept_loss(&store));
}

/* Writes as record `index` that of the class 2 * index + 1, in the version that the context is. */
static void odd_record(void *context, uint16_t index, uint8_t *record)
{
    memcpy(record, record_of((uint16_t)(2 * index + 1), *(const uint8_t *)context), RECORD);
}

/* Several records are put together, or none: also when the flash fails before the last of them is written. */
TEST(a_batch_is_put_as_a_whole)
{
    uint16_t ids[] = {1, 3, 5};
    uint8_t version = 1;
    const kshot_store_batch batch = {ids, 3, odd_record, &version};
    kshot_store_stats stats;
    start();
    CHECK_EQUAL(KSHOT_OK, put(3, 7));
    CHECK_EQUAL(KSHOT_OK, put(4, 7));
    CHECK_EQUAL(KSHOT_OK, kshot_store_put_all(&store, &batch, 50));
    for (int boot = 0; boot < 2; boot++) {
        CHECK_EQUAL(4, kshot_store_class_count(&store));
        check_holds(1, 1);
        check_holds(3, 1);
        check_holds(4, 7);
        check_holds(5, 1);
        CHECK_EQUAL(KSHOT_OK, mount());
    }
    CHECK_EQUAL(KSHOT_OK, kshot_store_stats_of(&store, &stats));
    CHECK_EQUAL(1 + 2 + 3, stats.log_sequence);
    version = 2;
    ram.fail_prog = ram.progs + 4; /* two headers and a record before it */
    ram.sticks = true;
    CHECK_EQUAL(KSHOT_ERROR_FLASH, kshot_store_put_all(&store, &batch, 51));
    ram.fail_prog = 0;
    CHECK_EQUAL(KSHOT_OK, mount());
    check_holds(1, 1);
    check_holds(5, 1);
    ids[1] = 1;
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_put_all(&store, &batch, 52));
    ids[1] = 2; /* one class too many */
    CHECK_EQUAL(KSHOT_ERROR_FULL, kshot_store_put_all(&store, &batch, 53));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_store_put_all(&store, NULL, 54));
}

/* The classes of a range of ids go together, without a trace, and no other does. */
TEST(a_range_is_forgotten)
{
    start();
    for (uint16_t id = 2; id <= 8; id = (uint16_t)(id + 2)) {
        CHECK_EQUAL(KSHOT_OK, put(id, 1));
    }
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_store_forget_range(&store, 9, 65535, 7));
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_store_forget_range(&store, 5, 3, 7));
    CHECK_EQUAL(KSHOT_OK, kshot_store_forget_range(&store, 3, 6, 7));
    CHECK_EQUAL(0, traces_of(4, 1) + traces_of(6, 1));
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(2, kshot_store_class_count(&store));
    check_holds(2, 1);
    check_holds(8, 1);
}

CHECK_MAIN(ENTRY(nothing_is_formatted_by_itself), ENTRY(records_survive_a_boot),
           ENTRY(the_first_write_after_a_boot_compacts), ENTRY(many_puts_wear_the_banks_alike),
           ENTRY(a_full_store_replaces_and_forgets), ENTRY(the_smallest_bank_suffices),
           ENTRY(a_forgotten_record_leaves_no_trace), ENTRY(wipe_and_purge_leave_no_trace),
           ENTRY(tokens_tell_what_was_committed), ENTRY(another_models_store_is_refused),
           ENTRY(a_newer_foreign_bank_is_not_overlooked), ENTRY(a_batch_is_put_as_a_whole), ENTRY(a_range_is_forgotten),
           ENTRY(misuse_is_refused))
