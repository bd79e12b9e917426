/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of STM32F4 on a model of its flash interface, after RM0390 rev 6, sections 3.5 to 3.8. */
#include "chip_flash.h"

#define FLASH_WAIT_READS 1000u

#include "../../firmware_gen/boards/stm32/flash_f4.c"

#define ACR_DCEN (1u << 10)
#define ACR_DCRST (1u << 12)

enum { READS_UNTIL_DONE = 5 };

static uint32_t control, status, access;
static int keys;         /* of the two, in order */
static bool cache_stale; /* the data cache may hold what the flash held before */

static void start_operation(void)
{
    RULE(chip.busy == 0);
    RULE(!(control & CR_LOCK));
    RULE(!(status & SR_ERRORS)); /* a write with an error pending is refused */
    chip.busy = READS_UNTIL_DONE;
    cache_stale = true;
}

static void write_control(uint32_t value)
{
    RULE(chip.busy == 0 || chip.stuck);
    if (control & CR_LOCK) {
        RULE(value == CR_LOCK); /* closed: nothing changes */
        return;
    }
    control = value;
    if (value & CR_STRT) {
        const uint32_t sector = value >> 3 & 15;

        RULE((value & CR_SER) && !(value & CR_PG));
        RULE((value >> 8 & 3) == 2); /* words: the widest that 2.7 to 3.6 V allow */
        control &= ~CR_STRT;
        start_operation();
        if (chip.refuse) {
            status |= 1u << 4;
        } else {
            RULE(sector >= 1 && sector <= 3);
            chip_flash_erase_unit(0x08000000 + 0x4000 * sector, 0x4000);
        }
    }
    if (value & CR_LOCK) {
        keys = 0;
    }
}

uint32_t register_read(uint32_t address)
{
    if (address == FLASH_SR) {
        return status | (chip_flash_is_busy() ? SR_BSY : 0);
    }
    RULE(address == FLASH_CR || address == FLASH_ACR);
    return address == FLASH_CR ? control : access;
}

void register_write(uint32_t address, uint32_t value)
{
    uint8_t word[4];

    switch (address) {
    case FLASH_KEYR:
        RULE(value == (keys == 0 ? 0x45670123u : 0xCDEF89ABu));
        keys++;
        RULE(keys <= 2);
        control &= keys == 2 ? ~CR_LOCK : ~0u;
        break;
    case FLASH_SR:
        status &= ~value;
        break;
    case FLASH_CR:
        write_control(value);
        break;
    case FLASH_ACR:
        RULE(!(value & ACR_DCRST) || !(value & ACR_DCEN)); /* emptied only while it is off */
        cache_stale = cache_stale && !(value & ACR_DCRST);
        access = value;
        break;
    default:
        RULE((control & CR_PG) && (control >> 8 & 3) == 2);
        start_operation();
        if (chip.refuse) {
            status |= 1u << 7;
        } else {
            memcpy(word, &value, sizeof word);
            chip_flash_program(address, word, 4, 1);
        }
    }
}

void memory_read(uint32_t address, uint8_t *data, uint32_t len)
{
    RULE(chip.busy == 0);
    RULE(!cache_stale);
    RULE(chip_flash_holds(address, len));
    memcpy(data, chip.cells + (address - chip.start), len);
}

void memory_barrier(void) {}

static void setup(void)
{
    control = CR_LOCK;
    status = 1u << 7; /* left by a debugger: PGSERR */
    access = ACR_DCEN;
    keys = 0;
    chip_flash_init(0x08004000, 49152);
}

static void check_closed(void)
{
    CHECK_EQUAL(CR_LOCK, control);
    CHECK_EQUAL(ACR_DCEN, access);
}

/* A sector is erased by its number, after the keys, and the control register is closed again. */
TEST(erase_keeps_neighbours)
{
    setup();
    check_erase_keeps_neighbours();
    check_closed();
}

/* Words are programmed one at a time, and what is read back comes from no stale cache. */
TEST(program_writes_the_bytes)
{
    setup();
    check_program_writes_the_bytes();
    check_closed();
}

/* Write protection or a wrong sequence is reported. */
TEST(a_refused_operation_is_reported)
{
    setup();
    check_a_refused_operation_is_reported();
    check_closed();
}

/* A flag BSY that never falls is reported. */
TEST(a_stuck_controller_is_reported)
{
    setup();
    check_a_stuck_controller_is_reported();
}

/* Every address has the sector of RM0390, table 4. */
TEST(sectors_are_those_of_the_manual)
{
    const uint32_t starts[] = {0x08000000, 0x08004000, 0x08008000, 0x0800C000,
                               0x08010000, 0x08020000, 0x08040000, 0x08060000};

    for (uint32_t i = 0; i < 8; i++) {
        CHECK_EQUAL(i, sector_of(starts[i]));
        CHECK_EQUAL(i, sector_of((i < 7 ? starts[i + 1] : 0x08080000) - 1));
    }
}

/* The store works on the driver, with each word written once an erase. */
TEST(the_store_lives_on_it)
{
    setup();
    check_the_store_lives_on_it();
    check_closed();
}

CHECK_MAIN(ENTRY(erase_keeps_neighbours), ENTRY(program_writes_the_bytes), ENTRY(a_refused_operation_is_reported),
           ENTRY(a_stuck_controller_is_reported), ENTRY(sectors_are_those_of_the_manual), ENTRY(the_store_lives_on_it))
