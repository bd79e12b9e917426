/* SPDX-License-Identifier: Apache-2.0 */
/* Flash of STM32L47x and L48x, 1 MB in two banks: RM0351 chapter 3. Eight bytes with their ECC are programmed at a time
 * and once only; a page has 2 KB. What ECC cannot mend raises the non-maskable interrupt, which this file takes. */
#include "../board_flash.h"
#include "../board.h"
#include "flash_control.h"

#define FLASH_ACR 0x40022000u
#define FLASH_KEYR 0x40022008u
#define FLASH_SR 0x40022010u
#define FLASH_CR 0x40022014u
#define FLASH_ECCR 0x40022018u
#define SR_ERRORS 0xC3FAu /* OPTVERR, RDERR, FASTERR, MISERR, PGSERR, SIZERR, PGAERR, WRPERR, PROGERR, OPERR */
#define SR_BSY (1u << 16)
#define CR_PG (1u << 0)
#define CR_PER (1u << 1)
#define CR_PNB(page) ((page) << 3)
#define CR_BKER (1u << 11)
#define CR_START (1u << 16)
#define CR_LOCK (1u << 31)
#define ECCR_ECCD (1u << 31)

#define FLASH_START 0x08000000u

enum { PAGE_BYTES = 2048, PAGES_A_BANK = 256 };

const kshot_store_geometry board_flash_geometry = {
    .erase_unit_bytes = PAGE_BYTES,
    .program_unit_bytes = 8,
    .erase_units_per_bank = 4,
    .bank_count = 3,
    .erased_value = 0xFF,
};

static volatile bool reading, damaged;

void NMI_Handler(void);

/* A torn double word of the store is an answer; damage anywhere else is a fault like others. */
void NMI_Handler(void)
{
    if (!reading || !(register_read(FLASH_ECCR) & ECCR_ECCD)) {
        board_exit(BOARD_EXIT_FAULT);
    }
    register_set(FLASH_ECCR, ECCR_ECCD); /* cleared by a one */
    damaged = true;
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
    damaged = false;
    reading = true;
    memory_read((uint32_t)(uintptr_t)start + address, data, len);
    memory_barrier();
    reading = false;
    return damaged ? KSHOT_FLASH_UNREADABLE : KSHOT_FLASH_OK;
}

kshot_flash_result chip_flash_prog(void *start, uint32_t address, const uint8_t *data, uint32_t len)
{
    const uint32_t first = (uint32_t)(uintptr_t)start + address;
    bool done = flash_begin(&control_registers);

    if (!done) {
        return KSHOT_FLASH_FAILED;
    }
    register_write(FLASH_CR, CR_PG);
    for (uint32_t i = 0; done && i < len; i += 8) {
        uint32_t words[2];
        memcpy(words, data + i, sizeof words);
        register_write(first + i, words[0]);
        register_write(first + i + 4, words[1]);
        memory_barrier();
        done = flash_wait_until_done(&control_registers);
    }
    end();
    return done ? KSHOT_FLASH_OK : KSHOT_FLASH_FAILED;
}

kshot_flash_result chip_flash_erase(void *start, uint32_t address)
{
    const uint32_t page = ((uint32_t)(uintptr_t)start + address - FLASH_START) / PAGE_BYTES;
    const uint32_t which = CR_PER | CR_PNB(page % PAGES_A_BANK) | (page < PAGES_A_BANK ? 0 : CR_BKER);
    bool done = flash_begin(&control_registers);

    if (!done) {
        return KSHOT_FLASH_FAILED;
    }
    done = flash_erase_unit(&control_registers, which, CR_START);
    end();
    return done ? KSHOT_FLASH_OK : KSHOT_FLASH_FAILED;
}
