/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kshot_crc32.h"
#include "kshot_store_format.h"

static const kshot_store_config nrf52 = {
    .geometry = {4096, 4, 1, 3, 0xff}, .record_bytes = 80, .max_classes = 35, .fingerprint = {9, 8, 7}};

static kshot_status layout_with(const kshot_store_geometry *geometry, uint16_t record_bytes)
{
    const kshot_store_config config = {.geometry = *geometry, .record_bytes = record_bytes, .max_classes = 1};
    kshot_store_layout layout;
    return kshot_store_layout_of(&config, &layout);
}

/* The check value that every catalogue of CRCs gives, and a CRC taken up where it was left. */
TEST(the_crc_is_the_usual_one)
{
    const uint8_t digits[] = "123456789";
    CHECK_EQUAL(0xcbf43926, kshot_crc32(0, digits, 9));
    CHECK_EQUAL(0xcbf43926, kshot_crc32(kshot_crc32(0, digits, 4), digits + 4, 5));
    CHECK_EQUAL(0, kshot_crc32(0, digits, 0));
}

/* The arithmetic of docs/store_format.md: a 4 KB bank, 100-byte slots. */
TEST(the_layout_of_a_page_of_an_nrf52)
{
    kshot_store_layout layout;
    CHECK_EQUAL(KSHOT_OK, kshot_store_layout_of(&nrf52, &layout));
    CHECK_EQUAL(4096, layout.bank_bytes);
    CHECK_EQUAL(64, layout.header_bytes);
    CHECK_EQUAL(100, layout.slot_bytes);
    CHECK_EQUAL(100, layout.workspace_bytes);
    CHECK_EQUAL(39, layout.slot_count);
    CHECK_EQUAL(35, layout.capacity);
}

/* A program unit longer than a header pads both copies of it, and each slot. */
TEST(large_program_units_pad)
{
    const kshot_store_config config = {
        .geometry = {4096, 256, 4, 3, 0xff}, .record_bytes = 300, .max_classes = 2, .fingerprint = {0}};
    kshot_store_layout layout;
    CHECK_EQUAL(KSHOT_OK, kshot_store_layout_of(&config, &layout));
    CHECK_EQUAL(256, layout.header_bytes);
    CHECK_EQUAL(512, layout.slot_bytes);
    CHECK_EQUAL((16384 - 512) / 512, layout.slot_count);
}

/* What the store's arithmetic does not cover is refused. */
TEST(impossible_geometries_are_refused)
{
    const kshot_store_geometry good = {128, 4, 2, 2, 0x00};
    kshot_store_geometry bad;
    CHECK_EQUAL(KSHOT_OK, layout_with(&good, 1));
    CHECK_EQUAL(KSHOT_ERROR_GEOMETRY, layout_with(&good, 0));
    CHECK_EQUAL(KSHOT_ERROR_GEOMETRY, layout_with(&good, KSHOT_STORE_MAX_RECORD_BYTES + 1));
#define CHECK_REFUSED(field, value)                                                                                    \
    bad = good;                                                                                                        \
    bad.field = value;                                                                                                 \
    CHECK_EQUAL(KSHOT_ERROR_GEOMETRY, layout_with(&bad, 1))
    CHECK_REFUSED(erase_unit_bytes, 0);
    CHECK_REFUSED(erase_unit_bytes, 64);
    CHECK_REFUSED(erase_unit_bytes, 200);
    CHECK_REFUSED(erase_unit_bytes, 262144);
    CHECK_REFUSED(program_unit_bytes, 0);
    CHECK_REFUSED(program_unit_bytes, 3);
    CHECK_REFUSED(program_unit_bytes, 512);
    CHECK_REFUSED(program_unit_bytes, 256);
    CHECK_REFUSED(erase_units_per_bank, 0);
    CHECK_REFUSED(bank_count, 1);
    CHECK_REFUSED(bank_count, 17);
    CHECK_REFUSED(erased_value, -2);
    CHECK_REFUSED(erased_value, 256);
    bad = good;
    bad.erase_unit_bytes = 131072;
    bad.erase_units_per_bank = 65535;
    CHECK_EQUAL(KSHOT_ERROR_GEOMETRY, layout_with(&bad, 1));
}

/* Every enrolled class and four markers must fit; one class more is refused. */
TEST(more_classes_than_slots_are_refused)
{
    kshot_store_config config = nrf52;
    kshot_store_costs costs;
    CHECK_EQUAL(KSHOT_OK, kshot_store_costs_of(&config, 10000, &costs));
    config.max_classes = 36;
    CHECK_EQUAL(KSHOT_ERROR_GEOMETRY, kshot_store_costs_of(&config, 10000, &costs));
    config.max_classes = 0;
    CHECK_EQUAL(KSHOT_ERROR_GEOMETRY, kshot_store_costs_of(&config, 10000, &costs));
}

/* Costs of the longest call, and a lifetime of 30,000 sessions. */
TEST(costs_follow_from_the_layout)
{
    kshot_store_costs costs;
    CHECK_EQUAL(KSHOT_OK, kshot_store_costs_of(&nrf52, 10000, &costs));
    CHECK_EQUAL(1, costs.put_erases);
    CHECK_EQUAL((128 + 39 * 100) / 4, costs.put_program_units);
    CHECK_EQUAL(3, costs.forget_erases);
    CHECK_EQUAL(3 * (128 + 3900) + 3900, costs.mount_read_bytes);
    CHECK_EQUAL(30000, (long long)costs.lifetime_sessions);
    CHECK_EQUAL(60000, (long long)costs.lifetime_puts_full);
}

/* A header reads back as it was written; a flipped bit anywhere makes it none. */
TEST(headers_are_read_back)
{
    kshot_store_header header = {.sequence = 7, .erase_count = 3, .log_sequence = 99, .snapshot_count = 2, .flags = 1};
    kshot_store_header found;
    uint8_t bytes[KSHOT_STORE_HEADER_BYTES];
    kshot_store_header_encode(&nrf52, &header, bytes);
    CHECK_EQUAL(KSHOT_STORE_HEADER_OURS, kshot_store_header_decode(&nrf52, bytes, &found));
    CHECK_EQUAL(7, found.sequence);
    CHECK_EQUAL(3, found.erase_count);
    CHECK_EQUAL(99, found.log_sequence);
    CHECK_EQUAL(2, found.snapshot_count);
    CHECK_EQUAL(1, found.flags);
    CHECK_EQUAL(header.crc, found.crc);
    for (uint32_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_EQUAL(KSHOT_STORE_HEADER_NONE, kshot_store_header_decode(&nrf52, bytes, &found));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* Another model, payload, geometry or version makes a header foreign, and its sequence is known all the same. */
TEST(headers_of_others_are_foreign)
{
    kshot_store_header header = {.sequence = 7}, found;
    kshot_store_config other = nrf52;
    uint8_t bytes[KSHOT_STORE_HEADER_BYTES];
    uint32_t crc;
    other.fingerprint[15] = 1;
    kshot_store_header_encode(&other, &header, bytes);
    CHECK_EQUAL(KSHOT_STORE_HEADER_FOREIGN, kshot_store_header_decode(&nrf52, bytes, &found));
    CHECK_EQUAL(7, found.sequence);
    other = nrf52;
    other.record_bytes = 79;
    kshot_store_header_encode(&other, &header, bytes);
    CHECK_EQUAL(KSHOT_STORE_HEADER_FOREIGN, kshot_store_header_decode(&nrf52, bytes, &found));
    kshot_store_header_encode(&nrf52, &header, bytes);
    bytes[4] = KSHOT_STORE_FORMAT_VERSION + 1;
    crc = kshot_crc32(0, bytes, 60);
    for (int i = 0; i < 4; i++) {
        bytes[60 + i] = (uint8_t)(crc >> 8 * i);
    }
    CHECK_EQUAL(KSHOT_STORE_HEADER_FOREIGN, kshot_store_header_decode(&nrf52, bytes, &found));
}

/* A slot counts in its own place of its own bank, and nowhere else. */
TEST(a_slot_counts_in_one_place)
{
    const kshot_store_header header = {.crc = 0x12345678, .snapshot_count = 2}, other = {.crc = 0x12345679};
    const kshot_store_slot slot = {KSHOT_STORE_PUT, 300, 5, 0xabcdef01, 1, 0};
    kshot_store_layout layout;
    kshot_store_slot found;
    uint8_t bytes[100] = {0};
    CHECK_EQUAL(KSHOT_OK, kshot_store_layout_of(&nrf52, &layout));
    memset(kshot_store_slot_record(bytes), 0x5a, nrf52.record_bytes);
    kshot_store_slot_encode(&nrf52, &layout, header.crc, &slot, bytes);
    CHECK(kshot_store_slot_decode(&layout, &header, 1, bytes, &found));
    CHECK_EQUAL(300, found.class_id);
    CHECK_EQUAL(0xabcdef01, found.token);
    CHECK_EQUAL(5, found.log_sequence);
    CHECK_EQUAL(0x5a, bytes[16 + 79]);
    CHECK(!kshot_store_slot_decode(&layout, &header, 0, bytes, &found));
    CHECK(!kshot_store_slot_decode(&layout, &other, 1, bytes, &found));
    for (uint32_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(!kshot_store_slot_decode(&layout, &header, 1, bytes, &found));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* Each index has one type; snapshot and markers have no gap, and no put follows a slot before the last marker or behind
 * itself. With PURGE there is a marker more. */
TEST(types_and_chain_are_checked)
{
    kshot_store_layout layout;
    kshot_store_slot found;
    uint8_t bytes[100] = {0};
    CHECK_EQUAL(KSHOT_OK, kshot_store_layout_of(&nrf52, &layout));
    for (uint32_t trial = 0; trial < 2 * 9 * 7 * 11; trial++) {
        const bool purges = trial % 2 == 1;
        const uint16_t index = (uint16_t)(trial / 2 % 9);
        const uint8_t type = (uint8_t)(trial / 18 % 7);
        const uint32_t previous = trial / 126 == 10 ? KSHOT_STORE_NO_SLOT : trial / 126;
        const kshot_store_header header = {.snapshot_count = 2, .flags = purges ? KSHOT_STORE_FLAG_PURGE : 0};
        const kshot_store_slot slot = {type, 1, 0, 0, index, (uint16_t)previous};
        const uint16_t last = purges ? 5 : 4;
        const bool right_type = type == (index < 2 || index > last ? KSHOT_STORE_PUT : index);
        const bool follows = index == 0      ? previous == KSHOT_STORE_NO_SLOT
                             : index <= last ? previous == index - 1u
                                             : previous >= last && previous < index;
        kshot_store_slot_encode(&nrf52, &layout, 0, &slot, bytes);
        CHECK_EQUAL(right_type && follows, kshot_store_slot_decode(&layout, &header, index, bytes, &found));
    }
}

CHECK_MAIN(ENTRY(the_crc_is_the_usual_one), ENTRY(the_layout_of_a_page_of_an_nrf52), ENTRY(large_program_units_pad),
           ENTRY(impossible_geometries_are_refused), ENTRY(more_classes_than_slots_are_refused),
           ENTRY(costs_follow_from_the_layout), ENTRY(headers_are_read_back), ENTRY(headers_of_others_are_foreign),
           ENTRY(a_slot_counts_in_one_place), ENTRY(types_and_chain_are_checked))
