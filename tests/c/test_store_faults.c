/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

static void start_with_three_classes(void)
{
    start();
    CHECK_EQUAL(KSHOT_OK, put(1, 1));
    CHECK_EQUAL(KSHOT_OK, put(2, 1));
    CHECK_EQUAL(KSHOT_OK, put(3, 1));
}

static uint32_t active_bank(void)
{
    return store.active;
}

/* R1, R6: a slot that cannot be written is passed over; what follows counts, now and after a boot. */
TEST(a_slot_that_fails_is_passed_over)
{
    start();
    CHECK_EQUAL(KSHOT_OK, put(1, 1));
    ram.fail_prog = ram.progs + 1;
    CHECK_EQUAL(KSHOT_OK, put(2, 1));
    CHECK_EQUAL(KSHOT_OK, put(3, 1));
    CHECK_EQUAL(KSHOT_OK, mount());
    check_holds(1, 1);
    check_holds(2, 1);
    check_holds(3, 1);
}

/* R6: flash that says it has written and has not is found out. */
TEST(a_write_is_read_back)
{
    start();
    ram.lies = true;
    ram.fail_prog = ram.progs + 1;
    CHECK_EQUAL(KSHOT_OK, put(1, 1));
    ram.sticks = true;
    ram.fail_prog = ram.progs + 1;
    CHECK_EQUAL(KSHOT_ERROR_FLASH, put(2, 1));
    check_holds(1, 1);
    CHECK_EQUAL(KSHOT_ERROR_NOT_FOUND, kshot_store_get(&store, 2, workspace));
}

/* Whichever call of a callback fails for good, at each step of a history: no crash, what was acknowledged stays, and
 * the call that failed has happened or not. */
TEST(every_callback_may_fail_for_good)
{
    enum { ERASE, PROG, READ, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        for (long failing = 1; failing < 60; failing++) {
            uint8_t record[RECORD];
            kshot_status status;
            memset(&ram, 0, sizeof ram);
            ram.geometry = &config.geometry;
            start_with_three_classes();
            CHECK_EQUAL(KSHOT_OK, mount());
            ram.sticks = true;
            ram.fail_erase = kind == ERASE ? ram.erases + failing : 0;
            ram.fail_prog = kind == PROG ? ram.progs + failing : 0;
            ram.fail_read = kind == READ ? ram.reads + failing : 0;
            status = put(2, 2);
            if (status == KSHOT_OK) {
                status = kshot_store_forget(&store, 1, 7);
            }
            CHECK(status == KSHOT_OK || status == KSHOT_ERROR_FLASH);
            ram.fail_erase = ram.fail_prog = ram.fail_read = 0;
            for (int boot = 0; boot < 2; boot++) {
                check_holds(3, 1);
                CHECK_EQUAL(KSHOT_OK, kshot_store_get(&store, 2, record));
                CHECK(memcmp(record, record_of(2, 2), RECORD) == 0 || memcmp(record, record_of(2, 1), RECORD) == 0);
                CHECK_EQUAL(KSHOT_OK, mount());
            }
            CHECK_EQUAL(KSHOT_OK, put(4, 1));
            CHECK_EQUAL(KSHOT_OK, mount());
            check_holds(4, 1);
            check_holds(3, 1);
        }
    }
}

/* A mount whose reads fail is no mount, whichever read it is; it is not taken for a store that is empty or old. */
TEST(a_mount_that_cannot_read_says_so)
{
    long reads;
    start_with_three_classes();
    reads = ram.reads;
    CHECK_EQUAL(KSHOT_OK, mount());
    reads = ram.reads - reads;
    for (long failing = 1; failing <= reads; failing++) {
        ram.fail_read = ram.reads + failing;
        CHECK_EQUAL(KSHOT_ERROR_FLASH, mount());
        CHECK_EQUAL(KSHOT_STORE_UNMOUNTED, kshot_store_state_of(&store));
        CHECK_EQUAL(KSHOT_ERROR_STATE, put(1, 2));
    }
}

/* After a compaction that failed at its ATTEST, which can be read all the same, nothing is appended to the old bank:
 * the new one overtakes it. */
TEST(a_failed_compaction_closes_the_old_bank)
{
    start_with_three_classes();
    ram.fail_prog = ram.progs + 2 + 2 + 2; /* headers, two classes, COMMIT; ATTEST fails */
    ram.sticks = ram.completes = true;
    CHECK_EQUAL(KSHOT_ERROR_FLASH, kshot_store_forget(&store, 1, 7));
    ram.fail_prog = 0;
    CHECK_EQUAL(3, kshot_store_class_count(&store));
    CHECK_EQUAL(KSHOT_OK, put(4, 1));
    CHECK_EQUAL(KSHOT_OK, mount());
    check_holds(4, 1);
    check_holds(1, 1);
}

/* R4: a compaction that came to COMMIT does not count beside a bank that is attested. */
TEST(commit_alone_does_not_replace_a_store)
{
    start_with_three_classes();
    ram.fail_prog = ram.progs + 2 + 2 + 2;
    ram.sticks = true;
    CHECK_EQUAL(KSHOT_ERROR_FLASH, kshot_store_forget(&store, 1, 7));
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(3, kshot_store_class_count(&store));
}

/* R4: a bank that was not acknowledged and has a hole is free space, and the store before it counts, undamaged. */
TEST(a_hole_in_a_compaction_that_was_cut_is_no_damage)
{
    start_with_three_classes();
    ram.fail_prog = ram.progs + 2 + 2 + 3; /* SETTLED */
    ram.sticks = true;
    CHECK_EQUAL(KSHOT_ERROR_FLASH, kshot_store_forget(&store, 1, 7));
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(2, kshot_store_class_count(&store));
    slot_at(active_bank(), 0)[20] ^= 1;
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(3, kshot_store_class_count(&store));
}

/* A forget that is cut while it erases has happened, says that it is purging, and is finished by purge, after a boot.
 */
TEST(a_forget_that_was_cut_is_finished_by_purge)
{
    kshot_store_token found;
    kshot_store_stats stats;
    start_with_three_classes();
    ram.fail_erase = ram.erases + 3;
    ram.sticks = true;
    CHECK_EQUAL(KSHOT_ERROR_FLASH, kshot_store_forget(&store, 1, 7));
    ram.fail_erase = 0;
    for (int boot = 0; boot < 2; boot++) {
        CHECK_EQUAL(2, kshot_store_class_count(&store));
        CHECK_EQUAL(KSHOT_OK, kshot_store_token_status(&store, 7, &found));
        CHECK_EQUAL(KSHOT_STORE_TOKEN_PURGING, found);
        CHECK_EQUAL(KSHOT_OK, kshot_store_stats_of(&store, &stats));
        CHECK(stats.purge_pending);
        CHECK_EQUAL(KSHOT_OK, mount());
    }
    CHECK(traces_of(1, 1) > 0);
    CHECK_EQUAL(KSHOT_OK, kshot_store_purge(&store));
    CHECK_EQUAL(0, traces_of(1, 1));
    CHECK_EQUAL(KSHOT_OK, kshot_store_token_status(&store, 7, &found));
    CHECK_EQUAL(KSHOT_STORE_TOKEN_COMMITTED, found);
}

/* R9: any change finishes it as well, before it is acknowledged. */
TEST(a_forget_that_was_cut_is_finished_by_the_next_change)
{
    start_with_three_classes();
    ram.fail_erase = ram.erases + 3;
    ram.sticks = true;
    CHECK_EQUAL(KSHOT_ERROR_FLASH, kshot_store_forget(&store, 1, 7));
    ram.fail_erase = 0;
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(KSHOT_OK, put(2, 2));
    CHECK_EQUAL(0, traces_of(1, 1));
    CHECK_EQUAL(0, traces_of(2, 1));
    check_holds(2, 2);
}

/* R9: a bank that an erase has left as it was is no forget. */
TEST(an_erase_that_did_nothing_is_found_out)
{
    start_with_three_classes();
    config.geometry.erased_value = 0x00; /* what erase writes; the store is told otherwise */
    kshot_store_config told = config;
    told.geometry.erased_value = 0xff;
    CHECK_EQUAL(KSHOT_OK, kshot_store_mount(&store, &told, &flash, &memory));
    CHECK_EQUAL(KSHOT_ERROR_FLASH, kshot_store_forget(&store, 1, 7));
}

/* R7: any bit that flips in what the classes or the markers rest on is reported at the next boot, no record is ever
 * another's, and what can be read stays. The newest slot alone is as if it had been cut: it is counted. */
TEST(flipped_bits_are_reported)
{
    kshot_store_stats stats;
    start_with_three_classes();
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(KSHOT_OK, put(4, 1));
    CHECK_EQUAL(KSHOT_OK, put(1, 2)); /* the snapshot of four, three markers, this */
    for (uint32_t bit = 0; bit < 8 * SLOT * 8; bit++) {
        uint8_t *const at = slot_at(active_bank(), 0) + bit / 8;
        const bool newest = bit / 8 / SLOT == 7;
        uint8_t record[RECORD];
        *at ^= (uint8_t)(1 << bit % 8);
        CHECK_EQUAL(newest ? KSHOT_OK : KSHOT_ERROR_CORRUPT, mount());
        CHECK_EQUAL(newest ? KSHOT_STORE_OK : KSHOT_STORE_DEGRADED, kshot_store_state_of(&store));
        CHECK_EQUAL(KSHOT_OK, kshot_store_stats_of(&store, &stats));
        CHECK_EQUAL(newest, stats.torn_slots);
        for (uint16_t id = 1; id <= CLASSES; id++) {
            const kshot_status status = kshot_store_get(&store, id, record);
            CHECK(status == KSHOT_OK || (status == KSHOT_ERROR_NOT_FOUND && bit / 8 / SLOT == id - 1u));
            if (status == KSHOT_OK) {
                const uint8_t version = id == 1 && !newest ? 2 : 1;
                CHECK(memcmp(record, record_of(id, version), RECORD) == 0);
            }
        }
        *at ^= (uint8_t)(1 << bit % 8);
    }
    CHECK_EQUAL(KSHOT_OK, mount());
}

/* One of two headers may rot: that is counted, costs nothing, and the next compaction heals it. */
TEST(one_header_suffices)
{
    kshot_store_stats stats;
    start_with_three_classes();
    for (uint32_t copy = 0; copy < 2; copy++) {
        ram.bytes[active_bank() * BANK_BYTES + copy * HEADER + 9] ^= 4;
        CHECK_EQUAL(KSHOT_OK, mount());
        CHECK_EQUAL(3, kshot_store_class_count(&store));
        CHECK_EQUAL(KSHOT_OK, kshot_store_stats_of(&store, &stats));
        CHECK_EQUAL(1, stats.damaged_headers);
        CHECK_EQUAL(KSHOT_OK, kshot_store_purge(&store));
        CHECK_EQUAL(KSHOT_OK, mount());
        CHECK_EQUAL(KSHOT_OK, kshot_store_stats_of(&store, &stats));
        CHECK_EQUAL(0, stats.damaged_headers);
    }
}

/* A loss is reported at every boot, over compactions, until someone accepts it or wipes the store. */
TEST(a_loss_is_reported_until_it_is_accepted)
{
    for (int wiped = 0; wiped < 2; wiped++) {
        memset(&ram, 0, sizeof ram);
        ram.geometry = &config.geometry;
        start_with_three_classes();
        CHECK_EQUAL(KSHOT_OK, kshot_store_purge(&store));
        slot_at(active_bank(), 1)[20] ^= 1;
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, mount());
        CHECK_EQUAL(KSHOT_OK, put(4, 1));
        CHECK_EQUAL(KSHOT_STORE_DEGRADED, kshot_store_state_of(&store));
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, mount());
        CHECK_EQUAL(3, kshot_store_class_count(&store));
        CHECK_EQUAL(KSHOT_OK, wiped ? kshot_store_wipe(&store, 9) : kshot_store_accept_loss(&store));
        CHECK_EQUAL(KSHOT_STORE_OK, kshot_store_state_of(&store));
        CHECK_EQUAL(KSHOT_OK, mount());
    }
}

/* A record that rots in a session is reported by get and not copied; forgetting or replacing the class is the way on.
 */
TEST(a_rotten_record_is_not_copied)
{
    uint8_t record[RECORD];
    for (int replaced = 0; replaced < 2; replaced++) {
        memset(&ram, 0, sizeof ram);
        ram.geometry = &config.geometry;
        start_with_three_classes();
        CHECK_EQUAL(KSHOT_OK, mount());
        slot_at(active_bank(), store.entries[1].slot)[20] ^= 1;
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, kshot_store_get(&store, 2, record));
        CHECK_EQUAL(KSHOT_STORE_DEGRADED, kshot_store_state_of(&store));
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, put(4, 1));
        CHECK_EQUAL(KSHOT_ERROR_CORRUPT, kshot_store_forget(&store, 1, 7));
        CHECK_EQUAL(KSHOT_OK, replaced ? put(2, 2) : kshot_store_forget(&store, 2, 7));
        CHECK_EQUAL(KSHOT_STORE_OK, kshot_store_state_of(&store));
        CHECK_EQUAL(KSHOT_OK, mount());
        check_holds(1, 1);
    }
}

/* ECC faults are damage like any other: reported, and nothing traps or is taken for an empty store. */
TEST(ecc_faults_are_reported)
{
    kshot_store_stats stats;
    start_with_three_classes();
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(KSHOT_OK, put(4, 1));
    CHECK_EQUAL(KSHOT_OK, put(1, 2));
    for (uint32_t slot = 0; slot < 8; slot++) {
        bool *const at = ram.unreadable + (slot_at(active_bank(), slot) - ram.bytes) + 3;
        *at = true;
        CHECK_EQUAL(slot == 7 ? KSHOT_OK : KSHOT_ERROR_CORRUPT, mount());
        CHECK_EQUAL(KSHOT_OK, kshot_store_stats_of(&store, &stats));
        CHECK_EQUAL(slot == 7, stats.torn_slots);
        *at = false;
    }
    ram.unreadable[active_bank() * BANK_BYTES] = true;
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(4, kshot_store_class_count(&store));
}

/* Slots of the bank's last life are not taken for new ones where an erase has left them: their seed was another. */
TEST(slots_of_an_earlier_life_do_not_count)
{
    uint8_t before[BANK_BYTES];
    start_with_three_classes();
    CHECK_EQUAL(KSHOT_OK, put(1, 9));
    memcpy(before, ram.bytes, BANK_BYTES); /* bank 0: empty snapshot, markers, four puts */
    CHECK_EQUAL(KSHOT_OK, kshot_store_wipe(&store, 5));
    CHECK_EQUAL(KSHOT_OK, kshot_store_wipe(&store, 6));
    CHECK_EQUAL(KSHOT_OK, kshot_store_wipe(&store, 7));
    CHECK_EQUAL(0, active_bank());
    memcpy(slot_at(0, 4), before + (slot_at(0, 4) - ram.bytes), 4 * SLOT);
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(0, kshot_store_class_count(&store));
}

/* R7: a put that failed although its slot can be read is not there after the next one. */
TEST(a_slot_off_the_chain_does_not_count)
{
    start();
    CHECK_EQUAL(KSHOT_OK, put(1, 1));
    ram.fail_prog = ram.progs + 1;
    CHECK_EQUAL(KSHOT_OK, put(1, 2));
    CHECK_EQUAL(KSHOT_OK, put(2, 1));
    /* as if the first attempt had written another record, whole and valid */
    kshot_store_slot slot = {KSHOT_STORE_PUT, 3, 3, 0, 5, 4};
    kshot_store_slot_encode(&config, &store.layout, store.banks[active_bank()].header.crc, &slot,
                            slot_at(active_bank(), 5));
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(2, kshot_store_class_count(&store));
    check_holds(1, 2);
}

/* A sequence number at its end cannot come from use; it is refused, not wrapped to the oldest. */
TEST(the_last_sequence_number_is_not_overrun)
{
    kshot_store_header header = {.sequence = UINT32_MAX};
    start();
    kshot_store_header_encode(&config, &header, ram.bytes + 2 * BANK_BYTES);
    CHECK_EQUAL(KSHOT_OK, mount());
    CHECK_EQUAL(KSHOT_ERROR_FLASH, put(1, 1));
    CHECK_EQUAL(0, kshot_store_class_count(&store));
}

CHECK_MAIN(ENTRY(a_slot_that_fails_is_passed_over), ENTRY(a_write_is_read_back),
           ENTRY(every_callback_may_fail_for_good), ENTRY(a_mount_that_cannot_read_says_so),
           ENTRY(a_failed_compaction_closes_the_old_bank), ENTRY(commit_alone_does_not_replace_a_store),
           ENTRY(a_hole_in_a_compaction_that_was_cut_is_no_damage), ENTRY(a_forget_that_was_cut_is_finished_by_purge),
           ENTRY(a_forget_that_was_cut_is_finished_by_the_next_change), ENTRY(an_erase_that_did_nothing_is_found_out),
           ENTRY(flipped_bits_are_reported), ENTRY(one_header_suffices), ENTRY(a_loss_is_reported_until_it_is_accepted),
           ENTRY(a_rotten_record_is_not_copied), ENTRY(ecc_faults_are_reported),
           ENTRY(slots_of_an_earlier_life_do_not_count), ENTRY(a_slot_off_the_chain_does_not_count),
           ENTRY(the_last_sequence_number_is_not_overrun))
