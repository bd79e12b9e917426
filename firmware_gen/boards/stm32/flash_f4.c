/* SPDX-License-Identifier: Apache-2.0 */
/* Flash of STM32F4: RM0390 chapter 3. A word is programmed at a time (the supply is 2.7 to 3.6 V); sectors have 16, 64
 * and 128 KB, and the store's are of 16 KB. The processor waits for the flash meanwhile. */
#include "../board_flash.h"
#include "flash_control.h"

#define FLASH_ACR 0x40023C00u
#define FLASH_KEYR 0x40023C04u
#define FLASH_SR 0x40023C0Cu
#define FLASH_CR 0x40023C10u
#define SR_ERRORS 0x1F2u /* RDERR, PGSERR, PGPERR, PGAERR, WRPERR, OPERR; each is cleared by a one */
#define SR_BSY (1u << 16)
#define CR_PG (1u << 0)
#define CR_SER (1u << 1)
#define CR_SNB(sector) ((sector) << 3)
#define CR_PSIZE_WORD (2u << 8)
#define CR_STRT (1u << 16)
#define CR_LOCK (1u << 31)

#define FLASH_START 0x08000000u

const kshot_store_geometry board_flash_geometry = {
    .erase_unit_bytes = 16384,
    .program_unit_bytes = 4,
    .erase_units_per_bank = 1,
    .bank_count = 3,
    .erased_value = 0xFF,
};

/* Four sectors of 16 KB, one of 64, then those of 128 (RM0390 table 4). */
static uint32_t sector_of(uint32_t address)
{
    const uint32_t offset = address - FLASH_START;

    if (offset < 0x10000) {
        return offset / 0x4000;
    }
    return offset < 0x20000 ? 4 : 4 + offset / 0x20000;
}

static const flash_control control_registers = {
    .key = FLASH_KEYR,
    .control = FLASH_CR,
    .status = FLASH_SR,
    .clear = FLASH_SR,
    .lock = CR_LOCK,
    .busy = SR_BSY,
    .errors = SR_ERRORS,
};

static void end(void)
{
    register_write(FLASH_CR, CR_LOCK);
    flash_data_cache_empty(FLASH_ACR);
}

kshot_flash_result chip_flash_read(void *start, uint32_t address, uint8_t *data, uint32_t len)
{
    memory_read((uint32_t)(uintptr_t)start + address, data, len);
    return KSHOT_FLASH_OK;
}

kshot_flash_result chip_flash_prog(void *start, uint32_t address, const uint8_t *data, uint32_t len)
{
    const uint32_t first = (uint32_t)(uintptr_t)start + address;
    bool done = flash_begin(&control_registers);

    if (!done) {
        return KSHOT_FLASH_FAILED;
    }
    register_write(FLASH_CR, CR_PG | CR_PSIZE_WORD);
    for (uint32_t i = 0; done && i < len; i += 4) {
        uint32_t word;
        memcpy(&word, data + i, sizeof word);
        register_write(first + i, word);
        memory_barrier();
        done = flash_wait_until_done(&control_registers);
    }
    end();
    return done ? KSHOT_FLASH_OK : KSHOT_FLASH_FAILED;
}

kshot_flash_result chip_flash_erase(void *start, uint32_t address)
{
    const uint32_t sector = sector_of((uint32_t)(uintptr_t)start + address);
    bool done = flash_begin(&control_registers);

    if (!done) {
        return KSHOT_FLASH_FAILED;
    }
    done = flash_erase_unit(&control_registers, CR_SER | CR_PSIZE_WORD | CR_SNB(sector), CR_STRT);
    end();
    return done ? KSHOT_FLASH_OK : KSHOT_FLASH_FAILED;
}
