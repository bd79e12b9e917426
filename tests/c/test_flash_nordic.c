/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of nRF51 and nRF52 on a model of the NVMC, after the nRF52840 Product Specification 1.7, section 4.3. */
#include "chip_flash.h"

#define NVMC_WAIT_READS 1000u

#include "../../firmware_gen/boards/nordic/nvmc.c"

enum { WRITES_A_WORD = 2, READS_UNTIL_READY = 5 };

static uint32_t config;

static void start_operation(void)
{
    RULE(chip.busy == 0);
    chip.busy = READS_UNTIL_READY;
}

uint32_t register_read(uint32_t address)
{
    RULE(address == NVMC_READY);
    return chip_flash_is_busy() ? 0 : 1;
}

void register_write(uint32_t address, uint32_t value)
{
    uint8_t word[4];

    if (address == NVMC_CONFIG) {
        RULE(chip.busy == 0 || chip.stuck);
        RULE(value <= 2);
        config = value;
    } else if (address == NVMC_ERASEPAGE) {
        RULE(config == 2);
        start_operation();
        chip_flash_erase_unit(value, 4096);
    } else {
        RULE(config == 1);
        start_operation();
        memcpy(word, &value, sizeof word);
        chip_flash_program(address, word, 4, WRITES_A_WORD);
    }
}

void memory_read(uint32_t address, uint8_t *data, uint32_t len)
{
    RULE(chip.busy == 0);
    RULE(chip_flash_holds(address, len));
    memcpy(data, chip.cells + (address - chip.start), len);
}

void memory_barrier(void) {}

static void setup(void)
{
    config = 0;
    chip_flash_init(0x000FA000, 24576);
}

/* A page is erased by its address with erasing enabled, and the controller is left read-only. */
TEST(erase_keeps_neighbours)
{
    setup();
    check_erase_keeps_neighbours();
    CHECK_EQUAL(0, config);
}

/* Words are programmed one at a time with writing enabled, and the controller is left read-only. */
TEST(program_writes_the_bytes)
{
    setup();
    check_program_writes_the_bytes();
    CHECK_EQUAL(0, config);
}

/* The controller that never becomes ready is reported, and left read-only. */
TEST(a_stuck_controller_is_reported)
{
    setup();
    check_a_stuck_controller_is_reported();
    CHECK_EQUAL(0, config);
}

/* The store works on the driver, with each word written once an erase though the chip would allow two. */
TEST(the_store_lives_on_it)
{
    setup();
    check_the_store_lives_on_it();
    for (uint32_t i = 0; i < chip.bytes; i += 4) {
        CHECK(chip.writes[i] <= 1);
    }
}

CHECK_MAIN(ENTRY(erase_keeps_neighbours), ENTRY(program_writes_the_bytes), ENTRY(a_stuck_controller_is_reported),
           ENTRY(the_store_lives_on_it))
