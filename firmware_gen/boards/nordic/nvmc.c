/* SPDX-License-Identifier: Apache-2.0 */
/* Flash of nRF51 and nRF52 through the NVMC: nRF51 Series Reference Manual 3.0, chapter 6; nRF52840 Product
 * Specification 1.7, section 4.3. A word is programmed at a time, a page is erased by its address; the processor halts
 * meanwhile when it runs from flash. */
#include "../board_flash.h"
#include "../registers.h"

#ifndef NVMC_PAGE_BYTES
#define NVMC_PAGE_BYTES 4096 /* of nRF52; nRF51 has 1024 */
#endif
#ifndef BOARD_STORE_PAGES_PER_BANK
#define BOARD_STORE_PAGES_PER_BANK 2
#endif

#define NVMC_READY 0x4001E400u
#define NVMC_CONFIG 0x4001E504u
#define NVMC_ERASEPAGE 0x4001E508u
#define READY 1u

enum { READ_ONLY = 0, WRITE_ENABLED = 1, ERASE_ENABLED = 2 };

/* Far longer than any operation: an nRF52 erases a page in 85 ms at most, an nRF51 in 21 ms. */
#ifndef NVMC_WAIT_READS
#define NVMC_WAIT_READS 0x1000000u
#endif

const kshot_store_geometry board_flash_geometry = {
    .erase_unit_bytes = NVMC_PAGE_BYTES,
    .program_unit_bytes = 4,
    .erase_units_per_bank = BOARD_STORE_PAGES_PER_BANK,
    .bank_count = 3,
    .erased_value = 0xFF,
};

static bool wait_until_ready(void)
{
    return register_wait(NVMC_READY, READY, READY, NVMC_WAIT_READS);
}

kshot_flash_result chip_flash_read(void *start, uint32_t address, uint8_t *data, uint32_t len)
{
    memory_read((uint32_t)(uintptr_t)start + address, data, len);
    return KSHOT_FLASH_OK;
}

kshot_flash_result chip_flash_prog(void *start, uint32_t address, const uint8_t *data, uint32_t len)
{
    const uint32_t first = (uint32_t)(uintptr_t)start + address;
    bool ready = wait_until_ready();

    if (!ready) {
        return KSHOT_FLASH_FAILED;
    }
    register_write(NVMC_CONFIG, WRITE_ENABLED);
    for (uint32_t i = 0; ready && i < len; i += 4) {
        uint32_t word;
        memcpy(&word, data + i, sizeof word);
        register_write(first + i, word);
        ready = wait_until_ready();
    }
    register_write(NVMC_CONFIG, READ_ONLY);
    return ready ? KSHOT_FLASH_OK : KSHOT_FLASH_FAILED;
}

kshot_flash_result chip_flash_erase(void *start, uint32_t address)
{
    bool ready = wait_until_ready();

    if (!ready) {
        return KSHOT_FLASH_FAILED;
    }
    register_write(NVMC_CONFIG, ERASE_ENABLED);
    register_write(NVMC_ERASEPAGE, (uint32_t)(uintptr_t)start + address);
    ready = wait_until_ready();
    register_write(NVMC_CONFIG, READ_ONLY);
    return ready ? KSHOT_FLASH_OK : KSHOT_FLASH_FAILED;
}
