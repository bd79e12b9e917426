/* SPDX-License-Identifier: Apache-2.0 */
/* The serial flash beside an RP2040 or RP2350, through the boot ROM (rom.h). While it is changed nothing can be read
 * from it, so the code that does it, its data and whatever might interrupt it must be in RAM; the second core must not
 * run. */
#include "../board_flash.h"
#include "../registers.h"
#include "rom.h"

#define FLASH_START 0x10000000u
#define BLOCK_ERASE_COMMAND 0xD8u

enum { PAGE_BYTES = 256, SECTOR_BYTES = 4096, BLOCK_BYTES = 65536 };

#ifdef REGISTER_MODEL
#define IN_RAM
#else
#define IN_RAM __attribute__((section(".ram_code"), noinline, long_call))
#endif

const kshot_store_geometry board_flash_geometry = {
    .erase_unit_bytes = SECTOR_BYTES,
    .program_unit_bytes = PAGE_BYTES,
    .erase_units_per_bank = 4,
    .bank_count = 3,
    .erased_value = 0xFF,
};

/* Programs one page, or erases one sector where `page` is null. */
IN_RAM static void change(const rp2_rom *rom, uint32_t offset, const uint8_t *page)
{
    const uint32_t interrupts = interrupts_disable();

    rom->connect_internal_flash();
    rom->exit_xip();
    if (page) {
        rom->range_program(offset, page, PAGE_BYTES);
    } else {
        rom->range_erase(offset, SECTOR_BYTES, BLOCK_BYTES, BLOCK_ERASE_COMMAND);
    }
    rom->flush_cache();
    rom->xip_setup();
    interrupts_restore(interrupts);
}

kshot_flash_result chip_flash_read(void *start, uint32_t address, uint8_t *data, uint32_t len)
{
    memory_read((uint32_t)(uintptr_t)start + address, data, len);
    return KSHOT_FLASH_OK;
}

kshot_flash_result chip_flash_prog(void *start, uint32_t address, const uint8_t *data, uint32_t len)
{
    const uint32_t offset = (uint32_t)(uintptr_t)start - FLASH_START + address;
    uint8_t page[PAGE_BYTES]; /* in RAM, wherever `data` may be */
    rp2_rom rom;

    if (!rp2_rom_find(&rom)) {
        return KSHOT_FLASH_FAILED;
    }
    for (uint32_t i = 0; i < len; i += PAGE_BYTES) {
        memcpy(page, data + i, PAGE_BYTES);
        change(&rom, offset + i, page);
    }
    return KSHOT_FLASH_OK;
}

kshot_flash_result chip_flash_erase(void *start, uint32_t address)
{
    rp2_rom rom;

    if (!rp2_rom_find(&rom)) {
        return KSHOT_FLASH_FAILED;
    }
    change(&rom, (uint32_t)(uintptr_t)start - FLASH_START + address, NULL);
    return KSHOT_FLASH_OK;
}
