/* SPDX-License-Identifier: Apache-2.0 */
/* Flash in memory for the tests of the store: programs a unit once after each erase, else ends the program. Counts its
 * calls, and can fail at one of them. */
#ifndef RAM_FLASH_H
#define RAM_FLASH_H

#include "check.h"
#include "kshot_store.h"

enum { RAM_FLASH_BYTES = 16384 };

typedef struct ram_flash {
    uint8_t bytes[RAM_FLASH_BYTES];
    bool programmed[RAM_FLASH_BYTES];
    bool unreadable[RAM_FLASH_BYTES];
    const kshot_store_geometry *geometry;
    long reads, progs, erases;
    long fail_read, fail_prog, fail_erase; /* the number of the call that fails, from 1 on; 0 for none */
    bool sticks;                           /* every call from that one on fails */
    bool lies;                             /* a prog that fails writes nothing and says that it did */
    bool completes;                        /* a prog that fails has written all the same */
    bool tears;                            /* a prog or an erase that fails has done the first half of it */
} ram_flash;

static inline bool ram_flash_fails(const ram_flash *flash, long call, long failing)
{
    return failing > 0 && (call == failing || (flash->sticks && call > failing));
}

static inline kshot_flash_result ram_flash_read(void *context, uint32_t address, uint8_t *data, uint32_t len)
{
    ram_flash *const flash = (ram_flash *)context;
    CHECK(address + len <= RAM_FLASH_BYTES);
    if (ram_flash_fails(flash, ++flash->reads, flash->fail_read)) {
        return KSHOT_FLASH_FAILED;
    }
    for (uint32_t i = 0; i < len; i++) {
        if (flash->unreadable[address + i]) {
            return KSHOT_FLASH_UNREADABLE;
        }
    }
    memcpy(data, flash->bytes + address, len);
    return KSHOT_FLASH_OK;
}

static inline kshot_flash_result ram_flash_prog(void *context, uint32_t address, const uint8_t *data, uint32_t len)
{
    ram_flash *const flash = (ram_flash *)context;
    CHECK(address + len <= RAM_FLASH_BYTES);
    CHECK_EQUAL(0, address % flash->geometry->program_unit_bytes);
    CHECK_EQUAL(0, len % flash->geometry->program_unit_bytes);
    for (uint32_t i = 0; i < len; i++) {
        CHECK(!flash->programmed[address + i]);
        flash->programmed[address + i] = true;
    }
    if (ram_flash_fails(flash, ++flash->progs, flash->fail_prog)) {
        memcpy(flash->bytes + address, data, flash->completes ? len : flash->tears ? len / 2 : 0);
        return flash->lies ? KSHOT_FLASH_OK : KSHOT_FLASH_FAILED;
    }
    memcpy(flash->bytes + address, data, len);
    return KSHOT_FLASH_OK;
}

static inline kshot_flash_result ram_flash_erase(void *context, uint32_t address)
{
    ram_flash *const flash = (ram_flash *)context;
    const uint32_t len = flash->geometry->erase_unit_bytes;
    CHECK(address + len <= RAM_FLASH_BYTES);
    CHECK_EQUAL(0, address % len);
    if (ram_flash_fails(flash, ++flash->erases, flash->fail_erase)) {
        memset(flash->bytes + address, flash->geometry->erased_value, flash->tears ? len / 2 : 0);
        return KSHOT_FLASH_FAILED;
    }
    memset(flash->bytes + address, flash->geometry->erased_value, len);
    memset(flash->programmed + address, 0, len * sizeof *flash->programmed);
    memset(flash->unreadable + address, 0, len * sizeof *flash->unreadable);
    return KSHOT_FLASH_OK;
}

#endif
