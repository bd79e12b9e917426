/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of STM32H743 on a model of its flash interface, after RM0433 rev 8, sections 4.3 and 4.9. */
#include "chip_flash.h"

#define FLASH_WAIT_READS 1000u

#include "../../firmware_gen/boards/stm32/flash_h7.c"

enum { READS_UNTIL_DONE = 5, BANK_2 = 0x52002100 };

static uint32_t control, status;
static int keys;
static bool faults_ignored;
static uint8_t flash_word[32];
static uint32_t flash_word_at, flash_word_len;

static void start_operation(void)
{
    RULE(chip.busy == 0);
    RULE(!(control & CR_LOCK));
    RULE(!(status & SR_ERRORS));
    chip.busy = READS_UNTIL_DONE;
}

static void write_control(uint32_t value)
{
    RULE(chip.busy == 0 || chip.stuck);
    RULE(flash_word_len == 0); /* a write buffer that is filled in part would be lost */
    if (control & CR_LOCK) {
        RULE(value == CR_LOCK);
        return;
    }
    control = value;
    if (value & CR_START) {
        RULE((value & CR_SER) && !(value & CR_PG));
        control &= ~CR_START;
        start_operation();
        if (chip.refuse) {
            status |= 1u << 17;
        } else {
            chip_flash_erase_unit(0x08100000 + (value >> 8 & 7) * 0x20000, 0x20000);
        }
    }
    if (value & CR_LOCK) {
        keys = 0;
    }
}

/* Eight words fill the write buffer, in order; the last one starts the operation. */
static void write_word(uint32_t address, uint32_t value)
{
    RULE(control & CR_PG);
    RULE(chip_flash_holds(address, 4));
    if (flash_word_len == 0) {
        RULE(address % 32 == 0);
        flash_word_at = address;
    }
    RULE(address == flash_word_at + flash_word_len);
    memcpy(flash_word + flash_word_len, &value, 4);
    flash_word_len += 4;
    if (flash_word_len == 32) {
        flash_word_len = 0;
        start_operation();
        if (chip.refuse) {
            status |= 1u << 18;
        } else {
            chip_flash_program(flash_word_at, flash_word, 32, 1);
        }
    }
}

uint32_t register_read(uint32_t address)
{
    if (address == BANK_2 + SR) {
        return status | (chip_flash_is_busy() ? 5 : 0);
    }
    RULE(address == BANK_2 + CR);
    return control;
}

void register_write(uint32_t address, uint32_t value)
{
    switch (address) {
    case BANK_2 + KEYR:
        RULE(value == (keys == 0 ? 0x45670123u : 0xCDEF89ABu));
        keys++;
        RULE(keys <= 2);
        control &= keys == 2 ? ~CR_LOCK : ~0u;
        break;
    case BANK_2 + CCR:
        RULE(!(value & SR_BUSY_OR_QUEUED));
        status &= ~value;
        break;
    case BANK_2 + CR:
        write_control(value);
        break;
    default:
        write_word(address, value);
    }
}

void memory_read(uint32_t address, uint8_t *data, uint32_t len)
{
    RULE(chip.busy == 0);
    RULE(chip_flash_holds(address, len));
    memcpy(data, chip.cells + (address - chip.start), len);
    if (chip.torn) {
        RULE(faults_ignored); /* else a bus fault */
        status |= SR_DBECCERR;
    }
}

uint32_t bus_faults_ignore(void)
{
    const uint32_t before = faults_ignored;

    faults_ignored = true;
    return before;
}

void bus_faults_restore(uint32_t before)
{
    faults_ignored = before;
}

void memory_barrier(void) {}

static void setup(void)
{
    control = CR_LOCK;
    status = 1u << 18;
    keys = 0;
    flash_word_len = 0;
    faults_ignored = false;
    chip_flash_init(0x081A0000, 393216);
}

static void check_closed(void)
{
    CHECK_EQUAL(CR_LOCK, control);
    CHECK(!faults_ignored);
}

/* A sector is erased through its bank's registers, after the keys, and the control register is closed again. */
TEST(erase_keeps_neighbours)
{
    setup();
    check_erase_keeps_neighbours();
    check_closed();
}

/* Flash words of 32 bytes are programmed whole. */
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

/* A queue that never empties is reported. */
TEST(a_stuck_controller_is_reported)
{
    setup();
    check_a_stuck_controller_is_reported();
}

/* A torn flash word is read without a fault and becomes an answer; faults count again afterwards. */
TEST(torn_units_are_unreadable)
{
    setup();
    check_torn_units_are_unreadable();
    CHECK(!faults_ignored);
}

/* Each bank has registers of its own. */
TEST(addresses_have_the_registers_of_their_bank)
{
    CHECK_EQUAL(0x52002000, bank_registers(0x080FFFFF));
    CHECK_EQUAL(BANK_2, bank_registers(0x08100000));
}

/* The store works on the driver, with each flash word written once an erase. */
TEST(the_store_lives_on_it)
{
    setup();
    check_the_store_lives_on_it();
    check_closed();
}

CHECK_MAIN(ENTRY(erase_keeps_neighbours), ENTRY(program_writes_the_bytes), ENTRY(a_refused_operation_is_reported),
           ENTRY(a_stuck_controller_is_reported), ENTRY(torn_units_are_unreadable),
           ENTRY(addresses_have_the_registers_of_their_bank), ENTRY(the_store_lives_on_it))
