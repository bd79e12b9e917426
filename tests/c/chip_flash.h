/* SPDX-License-Identifier: Apache-2.0 */
/* What the models of flash controllers share: the cells of the region that a driver may touch, and rules of the
 * manuals that end the test when the driver breaks them. Include it in one source only, before the driver. */
#ifndef CHIP_FLASH_H
#define CHIP_FLASH_H

#define REGISTER_MODEL

#include "../../firmware_gen/boards/board_flash.h"
#include "../../firmware_gen/boards/registers.h"
#include "check.h"

enum { CHIP_FLASH_MAX_BYTES = 3 * 131072 };

typedef struct chip_flash {
    uint8_t cells[CHIP_FLASH_MAX_BYTES];
    uint8_t writes[CHIP_FLASH_MAX_BYTES]; /* since the erase, counted at each unit's first byte */
    uint32_t start;                       /* address of the region */
    uint32_t bytes;
    long progs, erases;
    int busy;    /* status reads until the operation ends */
    bool stuck;  /* an operation never ends */
    bool refuse; /* an operation ends with an error and changes nothing */
    bool torn;   /* reading meets what ECC cannot mend */
} chip_flash;

static chip_flash chip;

/* A rule of the manual. */
#define RULE(condition) CHECK(condition)

static inline void chip_flash_init(uint32_t start, uint32_t bytes)
{
    memset(&chip, 0, sizeof chip);
    memset(chip.cells, 0x5A, sizeof chip.cells);
    chip.start = start;
    chip.bytes = bytes;
}

static inline bool chip_flash_holds(uint32_t address, uint32_t len)
{
    return address >= chip.start && address + len <= chip.start + chip.bytes;
}

/* Programs a unit: bits go from one to zero, at most `max_writes` times between two erases. */
static inline void chip_flash_program(uint32_t address, const uint8_t *data, uint32_t unit, int max_writes)
{
    const uint32_t at = address - chip.start;

    RULE(chip_flash_holds(address, unit));
    RULE(address % unit == 0);
    RULE(chip.writes[at] < max_writes);
    chip.writes[at]++;
    chip.progs++;
    for (uint32_t i = 0; i < unit; i++) {
        chip.cells[at + i] &= data[i];
    }
}

static inline void chip_flash_erase_unit(uint32_t address, uint32_t unit)
{
    const uint32_t at = address - chip.start;

    RULE(chip_flash_holds(address, unit));
    RULE(address % unit == 0);
    chip.erases++;
    memset(chip.cells + at, 0xFF, unit);
    memset(chip.writes + at, 0, unit);
}

/* One read of a status: whether the operation is still under way. */
static inline bool chip_flash_is_busy(void)
{
    if (chip.busy > 0 && !chip.stuck) {
        chip.busy--;
    }
    return chip.busy > 0;
}

static inline void *chip_flash_start(void)
{
    return (void *)(uintptr_t)chip.start;
}

/* Erases the second unit of three: it alone reads erased. */
static inline void check_erase_keeps_neighbours(void)
{
    const uint32_t unit = board_flash_geometry.erase_unit_bytes;

    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_erase(chip_flash_start(), unit));
    CHECK_EQUAL(1, chip.erases);
    for (uint32_t i = 0; i < 3 * unit; i++) {
        CHECK_EQUAL(i / unit == 1 ? 0xFF : 0x5A, chip.cells[i]);
    }
}

/* Programs three units inside an erased one: they hold the bytes, in order, and nothing else changes. */
static inline void check_program_writes_the_bytes(void)
{
    const uint32_t unit = board_flash_geometry.program_unit_bytes;
    uint8_t data[3 * 256], back[3 * 256];

    for (uint32_t i = 0; i < 3 * unit; i++) {
        data[i] = (uint8_t)(i * 7 + 1);
    }
    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_erase(chip_flash_start(), 0));
    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_prog(chip_flash_start(), unit, data, 3 * unit));
    CHECK_EQUAL(3, chip.progs);
    CHECK_EQUAL(0xFF, chip.cells[unit - 1]);
    CHECK_EQUAL(0xFF, chip.cells[4 * unit]);
    CHECK(memcmp(chip.cells + unit, data, 3 * unit) == 0);
    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_read(chip_flash_start(), unit, back, 3 * unit));
    CHECK(memcmp(back, data, 3 * unit) == 0);
}

/* An operation that never ends is reported; the driver does not wait for ever. */
static inline void check_a_stuck_controller_is_reported(void)
{
    const uint8_t data[256] = {0};

    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_erase(chip_flash_start(), 0));
    chip.stuck = true;
    CHECK_EQUAL(KSHOT_FLASH_FAILED,
                chip_flash_prog(chip_flash_start(), 0, data, board_flash_geometry.program_unit_bytes));
    CHECK_EQUAL(KSHOT_FLASH_FAILED, chip_flash_erase(chip_flash_start(), 0));
}

/* An error flag of the controller is reported; it does not spoil the next operation. */
static inline void check_a_refused_operation_is_reported(void)
{
    const uint8_t data[256] = {0};
    const uint32_t unit = board_flash_geometry.program_unit_bytes;

    chip.refuse = true;
    CHECK_EQUAL(KSHOT_FLASH_FAILED, chip_flash_erase(chip_flash_start(), 0));
    chip.refuse = false;
    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_erase(chip_flash_start(), 0));
    chip.refuse = true;
    CHECK_EQUAL(KSHOT_FLASH_FAILED, chip_flash_prog(chip_flash_start(), 0, data, unit));
    chip.refuse = false;
    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_prog(chip_flash_start(), unit, data, unit));
}

/* Damage that ECC cannot mend is UNREADABLE, and forgotten by the next read. */
static inline void check_torn_units_are_unreadable(void)
{
    uint8_t data[32];

    chip.torn = true;
    CHECK_EQUAL(KSHOT_FLASH_UNREADABLE, chip_flash_read(chip_flash_start(), 64, data, sizeof data));
    chip.torn = false;
    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_read(chip_flash_start(), 64, data, sizeof data));
}

/* The store itself on the driver: formatted, written, mounted again, a class forgotten. */
static inline void check_the_store_lives_on_it(void)
{
    static kshot_store store;
    static kshot_store_entry entries[5];
    static uint8_t workspace[1024];
    const kshot_flash flash = {chip_flash_start(), chip_flash_read, chip_flash_prog, chip_flash_erase};
    const kshot_store_memory memory = {entries, workspace};
    kshot_store_config config = {.record_bytes = 77, .max_classes = 5, .fingerprint = {1, 2, 3}};
    kshot_store_layout layout;
    uint8_t record[77], back[77];

    config.geometry = board_flash_geometry;
    CHECK_EQUAL(KSHOT_OK, kshot_store_layout_of(&config, &layout));
    CHECK(layout.workspace_bytes <= sizeof workspace);
    CHECK_EQUAL(chip.bytes, layout.bank_bytes * config.geometry.bank_count);
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, kshot_store_mount(&store, &config, &flash, &memory));
    CHECK_EQUAL(KSHOT_OK, kshot_store_format(&store, 1));
    for (uint16_t id = 1; id <= 4; id++) {
        memset(record, id, sizeof record);
        CHECK_EQUAL(KSHOT_OK, kshot_store_put(&store, id, record, 0));
    }
    CHECK_EQUAL(KSHOT_OK, kshot_store_mount(&store, &config, &flash, &memory));
    CHECK_EQUAL(KSHOT_OK, kshot_store_forget(&store, 2, 0));
    CHECK_EQUAL(KSHOT_OK, kshot_store_mount(&store, &config, &flash, &memory));
    CHECK_EQUAL(3, kshot_store_class_count(&store));
    CHECK_EQUAL(KSHOT_OK, kshot_store_get(&store, 4, back));
    memset(record, 4, sizeof record);
    CHECK(memcmp(record, back, sizeof record) == 0);
}

#endif
