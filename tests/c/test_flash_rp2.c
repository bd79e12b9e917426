/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of RP2040 and RP2350 on a model of the boot ROM's functions, after RP2040 Datasheet, section 2.8.3.1.3:
 * their order, what may be read meanwhile, and what their arguments must be. */
#include "chip_flash.h"

#include "../../firmware_gen/boards/rp2/flash.c"

enum { FLASH_OFFSET = 0x001F4000 };

static enum { IN_PLACE, CONNECTED, COMMANDS, CHANGED, FLUSHED } state;
static bool interrupts_off, rom_is_whole;
static const uint8_t *page_given;

static void connect_internal_flash(void)
{
    RULE(state == IN_PLACE && interrupts_off);
    state = CONNECTED;
}

static void exit_xip(void)
{
    RULE(state == CONNECTED && interrupts_off);
    state = COMMANDS;
}

static void range_erase(uint32_t offset, size_t len, uint32_t block_bytes, uint8_t block_command)
{
    RULE(state == COMMANDS && interrupts_off);
    RULE(block_bytes == 65536 && block_command == 0xD8);
    RULE(len > 0 && len % 4096 == 0);
    for (uint32_t i = 0; i < len; i += 4096) {
        chip_flash_erase_unit(chip.start - FLASH_OFFSET + offset + i, 4096);
    }
    state = CHANGED;
}

static void range_program(uint32_t offset, const uint8_t *data, size_t len)
{
    RULE(state == COMMANDS && interrupts_off);
    RULE(len > 0 && len % 256 == 0);
    page_given = data;
    for (uint32_t i = 0; i < len; i += 256) {
        chip_flash_program(chip.start - FLASH_OFFSET + offset + i, data + i, 256, 1);
    }
    state = CHANGED;
}

static void flush_cache(void)
{
    RULE(state == CHANGED && interrupts_off);
    state = FLUSHED;
}

static void xip_setup(void)
{
    RULE(state == FLUSHED && interrupts_off);
    state = IN_PLACE;
}

bool rp2_rom_find(rp2_rom *rom)
{
    RULE(state == IN_PLACE); /* its code is in flash */
    *rom = (rp2_rom){connect_internal_flash, exit_xip, range_erase, range_program, flush_cache, xip_setup};
    return rom_is_whole;
}

uint32_t interrupts_disable(void)
{
    const uint32_t before = interrupts_off;

    interrupts_off = true;
    return before;
}

void interrupts_restore(uint32_t before)
{
    RULE(state == IN_PLACE);
    interrupts_off = before;
}

void memory_read(uint32_t address, uint8_t *data, uint32_t len)
{
    RULE(state == IN_PLACE);
    RULE(chip_flash_holds(address, len));
    memcpy(data, chip.cells + (address - chip.start), len);
}

static void setup(void)
{
    state = IN_PLACE;
    rom_is_whole = true;
    chip_flash_init(0x10000000 + FLASH_OFFSET, 49152);
}

/* One sector is erased, by its offset in the flash, and the flash is readable in place afterwards. */
TEST(erase_keeps_neighbours)
{
    setup();
    check_erase_keeps_neighbours();
    CHECK_EQUAL(IN_PLACE, state);
    CHECK(!interrupts_off);
}

/* Pages are programmed one at a time, from RAM, so that interrupts wait for no more than one. */
TEST(program_writes_the_bytes)
{
    static uint8_t in_flash[256];

    setup();
    check_program_writes_the_bytes();
    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_prog(chip_flash_start(), 1024, in_flash, sizeof in_flash));
    CHECK(page_given != in_flash);
    CHECK(!interrupts_off);
}

/* Interrupts that were off before stay off. */
TEST(interrupts_stay_as_they_were)
{
    setup();
    interrupts_off = true;
    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_erase(chip_flash_start(), 0));
    CHECK(interrupts_off);
}

/* A ROM without the functions is reported, and nothing is called. */
TEST(a_foreign_rom_is_reported)
{
    const uint8_t page[256] = {0};

    setup();
    rom_is_whole = false;
    CHECK_EQUAL(KSHOT_FLASH_FAILED, chip_flash_erase(chip_flash_start(), 0));
    CHECK_EQUAL(KSHOT_FLASH_FAILED, chip_flash_prog(chip_flash_start(), 0, page, sizeof page));
    CHECK_EQUAL(0, chip.erases + chip.progs);
}

/* The store works on the driver, with each page written once an erase. */
TEST(the_store_lives_on_it)
{
    setup();
    check_the_store_lives_on_it();
}

CHECK_MAIN(ENTRY(erase_keeps_neighbours), ENTRY(program_writes_the_bytes), ENTRY(interrupts_stay_as_they_were),
           ENTRY(a_foreign_rom_is_reported), ENTRY(the_store_lives_on_it))
