/* SPDX-License-Identifier: Apache-2.0 */
/* Flash of STM32H743, 2 MB in two banks with registers of their own: RM0433 chapter 4. 32 bytes with their ECC are
 * programmed at a time and once only; a sector has 128 KB. Reading what ECC cannot mend is a bus fault: the store's is
 * read with faults ignored, and the flash's own flag tells. */
#include "../board_flash.h"
#include "flash_control.h"

#define FLASH_REGISTERS 0x52002000u
#define BANK_REGISTERS_BYTES 0x100u
#define KEYR 0x04u
#define CR 0x0Cu
#define SR 0x10u
#define CCR 0x14u
#define CR_LOCK (1u << 0)
#define CR_PG (1u << 1)
#define CR_SER (1u << 2)
#define CR_PSIZE_64_BITS (3u << 4)
#define CR_START (1u << 7)
#define CR_SNB(sector) ((sector) << 8)
#define SR_BUSY_OR_QUEUED 7u  /* BSY, WBNE, QW */
#define SR_ERRORS 0x05EE0000u /* DBECCERR, RDSERR, RDPERR, OPERR, INCERR, STRBERR, PGSERR, WRPERR */
#define SR_DBECCERR (1u << 26)

#define FLASH_START 0x08000000u
#define BANK_BYTES 0x100000u
#define SECTOR_BYTES 0x20000u

enum { FLASH_WORD_BYTES = 32 };

const kshot_store_geometry board_flash_geometry = {
    .erase_unit_bytes = SECTOR_BYTES,
    .program_unit_bytes = FLASH_WORD_BYTES,
    .erase_units_per_bank = 1,
    .bank_count = 3,
    .erased_value = 0xFF,
};

#ifndef REGISTER_MODEL

#define SCB_CCR 0xE000ED14u
#define CCR_BFHFNMIGN (1u << 8)

/* At the priority that FAULTMASK gives, bus faults of loads are ignored: Armv7-M B1.4.3 and B3.2.8. */
static uint32_t bus_faults_ignore(void)
{
    uint32_t before;

    __asm__ volatile("mrs %0, faultmask\n\tcpsid f" : "=r"(before)::"memory");
    register_set(SCB_CCR, CCR_BFHFNMIGN);
    memory_barrier();
    return before;
}

static void bus_faults_restore(uint32_t before)
{
    memory_barrier();
    register_clear(SCB_CCR, CCR_BFHFNMIGN);
    __asm__ volatile("msr faultmask, %0" ::"r"(before) : "memory");
}

#else

uint32_t bus_faults_ignore(void);
void bus_faults_restore(uint32_t before);

#endif

static uint32_t bank_registers(uint32_t address)
{
    return FLASH_REGISTERS + (address - FLASH_START) / BANK_BYTES * BANK_REGISTERS_BYTES;
}

static flash_control control_registers(uint32_t bank)
{
    const flash_control registers = {
        .key = bank + KEYR,
        .control = bank + CR,
        .status = bank + SR,
        .clear = bank + CCR,
        .lock = CR_LOCK,
        .busy = SR_BUSY_OR_QUEUED,
        .errors = SR_ERRORS,
    };
    return registers;
}

kshot_flash_result chip_flash_read(void *start, uint32_t address, uint8_t *data, uint32_t len)
{
    const uint32_t first = (uint32_t)(uintptr_t)start + address;
    const uint32_t bank = bank_registers(first);
    const uint32_t before = bus_faults_ignore();

    register_write(bank + CCR, SR_DBECCERR);
    memory_read(first, data, len);
    memory_barrier();
    const bool damaged = register_read(bank + SR) & SR_DBECCERR;
    register_write(bank + CCR, SR_DBECCERR);
    bus_faults_restore(before);
    return damaged ? KSHOT_FLASH_UNREADABLE : KSHOT_FLASH_OK;
}

kshot_flash_result chip_flash_prog(void *start, uint32_t address, const uint8_t *data, uint32_t len)
{
    const uint32_t first = (uint32_t)(uintptr_t)start + address;
    const uint32_t bank = bank_registers(first);
    const flash_control registers = control_registers(bank);
    bool done = flash_begin(&registers);

    if (!done) {
        return KSHOT_FLASH_FAILED;
    }
    register_write(bank + CR, CR_PG | CR_PSIZE_64_BITS);
    for (uint32_t i = 0; done && i < len; i += FLASH_WORD_BYTES) {
        uint32_t words[FLASH_WORD_BYTES / 4];
        memcpy(words, data + i, sizeof words);
        memory_barrier();
        for (uint32_t w = 0; w < FLASH_WORD_BYTES / 4; w++) {
            register_write(first + i + 4 * w, words[w]);
        }
        memory_barrier();
        done = flash_wait_until_done(&registers);
    }
    register_write(bank + CR, CR_LOCK);
    return done ? KSHOT_FLASH_OK : KSHOT_FLASH_FAILED;
}

kshot_flash_result chip_flash_erase(void *start, uint32_t address)
{
    const uint32_t first = (uint32_t)(uintptr_t)start + address;
    const uint32_t bank = bank_registers(first);
    const uint32_t sector = (first - FLASH_START) % BANK_BYTES / SECTOR_BYTES;
    const flash_control registers = control_registers(bank);
    bool done = flash_begin(&registers);

    if (!done) {
        return KSHOT_FLASH_FAILED;
    }
    done = flash_erase_unit(&registers, CR_SER | CR_PSIZE_64_BITS | CR_SNB(sector), CR_START);
    register_write(bank + CR, CR_LOCK);
    return done ? KSHOT_FLASH_OK : KSHOT_FLASH_FAILED;
}
