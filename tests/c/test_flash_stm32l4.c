/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of STM32L4 on a model of its flash interface, after RM0351 rev 9, sections 3.3 and 3.7. */
#include "chip_flash.h"

#define FLASH_WAIT_READS 1000u

#include "../../firmware_gen/boards/stm32/flash_l4.c"

#include <setjmp.h>

#define ACR_DCEN (1u << 10)
#define ACR_DCRST (1u << 12)

enum { READS_UNTIL_DONE = 5 };

static uint32_t control, status, access, ecc;
static int keys;
static bool cache_stale;
static uint8_t double_word[8];
static uint32_t double_word_at; /* of a first half that waits for its second; 0 for none */
static jmp_buf fault;

void board_exit(int exit_status)
{
    CHECK_EQUAL(BOARD_EXIT_FAULT, exit_status);
    longjmp(fault, 1);
}

static void start_operation(void)
{
    RULE(chip.busy == 0);
    RULE(!(control & CR_LOCK));
    RULE(!(status & SR_ERRORS)); /* RM0351 3.3.6: errors of before must be cleared first */
    chip.busy = READS_UNTIL_DONE;
    cache_stale = true;
}

static void write_control(uint32_t value)
{
    RULE(chip.busy == 0 || chip.stuck);
    if (control & CR_LOCK) {
        RULE(value == CR_LOCK);
        return;
    }
    control = value;
    if (value & CR_START) {
        RULE((value & CR_PER) && !(value & CR_PG));
        control &= ~CR_START;
        start_operation();
        if (chip.refuse) {
            status |= 1u << 4;
        } else {
            chip_flash_erase_unit(0x08000000 + (value & CR_BKER ? 0x80000u : 0u) + (value >> 3 & 255) * 2048, 2048);
        }
    }
    if (value & CR_LOCK) {
        keys = 0;
    }
}

/* The two halves come in order, one right after the other. */
static void write_half(uint32_t address, uint32_t value)
{
    RULE(control & CR_PG);
    RULE(chip_flash_holds(address, 4));
    if (double_word_at == 0) {
        RULE(address % 8 == 0);
        double_word_at = address;
        memcpy(double_word, &value, 4);
        return;
    }
    RULE(address == double_word_at + 4);
    memcpy(double_word + 4, &value, 4);
    start_operation();
    if (chip.refuse) {
        status |= 1u << 3;
    } else {
        chip_flash_program(double_word_at, double_word, 8, 1);
    }
    double_word_at = 0;
}

uint32_t register_read(uint32_t address)
{
    RULE(double_word_at == 0);
    switch (address) {
    case FLASH_SR:
        return status | (chip_flash_is_busy() ? SR_BSY : 0);
    case FLASH_CR:
        return control;
    case FLASH_ACR:
        return access;
    default:
        RULE(address == FLASH_ECCR);
        return ecc;
    }
}

void register_write(uint32_t address, uint32_t value)
{
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
        RULE(!(value & ACR_DCRST) || !(value & ACR_DCEN));
        cache_stale = cache_stale && !(value & ACR_DCRST);
        access = value;
        break;
    case FLASH_ECCR:
        ecc &= ~(value & ECCR_ECCD);
        break;
    default:
        write_half(address, value);
    }
}

void memory_read(uint32_t address, uint8_t *data, uint32_t len)
{
    RULE(chip.busy == 0);
    RULE(!cache_stale);
    RULE(chip_flash_holds(address, len));
    memcpy(data, chip.cells + (address - chip.start), len);
    if (chip.torn) {
        ecc |= ECCR_ECCD;
        NMI_Handler();
        RULE(!(ecc & ECCR_ECCD)); /* else it would come again at once, for ever */
    }
}

void memory_barrier(void) {}

static void setup(void)
{
    control = CR_LOCK;
    status = 1u << 7;
    access = ACR_DCEN;
    keys = 0;
    ecc = 0;
    chip_flash_init(0x080FA000, 24576);
}

static void check_closed(void)
{
    CHECK_EQUAL(CR_LOCK, control);
    CHECK_EQUAL(ACR_DCEN, access);
}

/* A page is erased by its bank and its number there, after the keys, and the control register is closed again. */
TEST(erase_keeps_neighbours)
{
    setup();
    check_erase_keeps_neighbours();
    check_closed();
}

/* Double words are programmed whole, and what is read back comes from no stale cache. */
TEST(program_writes_the_bytes)
{
    setup();
    check_program_writes_the_bytes();
    check_closed();
}

/* A page of the first bank is erased there. */
TEST(the_first_bank_is_erased_by_its_own_numbers)
{
    setup();
    chip.start = 0x0807E800;
    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_erase(chip_flash_start(), 2048));
    CHECK_EQUAL(0xFF, chip.cells[2048]);
    CHECK_EQUAL(KSHOT_FLASH_OK, chip_flash_erase(chip_flash_start(), 4096));
    CHECK_EQUAL(0xFF, chip.cells[4096]);
}

/* Write protection or a unit that is not blank is reported. */
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

/* The interrupt that a torn double word raises becomes an answer. */
TEST(torn_units_are_unreadable)
{
    setup();
    check_torn_units_are_unreadable();
}

/* The same interrupt while the driver reads nothing is a fault: it is the program that is damaged. */
TEST(damage_elsewhere_is_a_fault)
{
    setup();
    if (setjmp(fault) == 0) {
        ecc = ECCR_ECCD;
        NMI_Handler();
        CHECK(false);
    }
}

/* The store works on the driver, with each double word written once an erase. */
TEST(the_store_lives_on_it)
{
    setup();
    check_the_store_lives_on_it();
    check_closed();
}

CHECK_MAIN(ENTRY(erase_keeps_neighbours), ENTRY(program_writes_the_bytes),
           ENTRY(the_first_bank_is_erased_by_its_own_numbers), ENTRY(a_refused_operation_is_reported),
           ENTRY(a_stuck_controller_is_reported), ENTRY(torn_units_are_unreadable), ENTRY(damage_elsewhere_is_a_fault),
           ENTRY(the_store_lives_on_it))
