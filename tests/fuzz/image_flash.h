/* SPDX-License-Identifier: Apache-2.0 */
/* Flash in memory that holds what a fuzzer made up, and fails where the fuzzer says. What a driver must never be asked
 * for ends the program: an address that is not the store's, a program unit that is programmed twice. */
#ifndef IMAGE_FLASH_H
#define IMAGE_FLASH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kshot_store.h"

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { IMAGE_FLASH_BYTES = 2048 };

typedef enum failing_call { NO_CALL, READ_CALL, PROG_CALL, ERASE_CALL, FAILING_CALLS } failing_call;

typedef struct image_flash {
    const kshot_store_geometry *geometry;
    uint32_t size;
    uint32_t unreadable; /* address in the program unit that is an ECC fault until it is erased; or size */
    failing_call fails;
    uint32_t fails_in; /* calls of that kind until one fails, from 1 on; 0 for none */
    bool sticks;       /* all later ones fail, too */
    uint8_t part;      /* how much of a call that fails has happened, in 255ths */
    bool healthy;      /* for now nothing fails */
    uint32_t read_bytes;
    uint32_t changes;
    uint8_t bytes[IMAGE_FLASH_BYTES];
    bool programmed[IMAGE_FLASH_BYTES];
} image_flash;

static inline bool image_flash_fails(image_flash *flash, failing_call call)
{
    if (flash->healthy || flash->fails != call || flash->fails_in == 0) {
        return false;
    }
    if (flash->fails_in > 1) {
        flash->fails_in--;
        return false;
    }
    flash->fails_in = flash->sticks ? 1 : 0;
    return true;
}

static inline kshot_flash_result image_flash_read(void *context, uint32_t address, uint8_t *data, uint32_t len)
{
    image_flash *const flash = (image_flash *)context;
    const uint32_t unit = flash->geometry->program_unit_bytes;
    const uint32_t fault = flash->unreadable & ~(unit - 1);

    MUST(len <= flash->size && address <= flash->size - len);
    flash->read_bytes += len;
    if (image_flash_fails(flash, READ_CALL)) {
        return KSHOT_FLASH_FAILED;
    }
    memcpy(data, flash->bytes + address, len);
    return fault < flash->size && fault < address + len && address < fault + unit ? KSHOT_FLASH_UNREADABLE
                                                                                  : KSHOT_FLASH_OK;
}

static inline kshot_flash_result image_flash_prog(void *context, uint32_t address, const uint8_t *data, uint32_t len)
{
    image_flash *const flash = (image_flash *)context;
    const uint32_t unit = flash->geometry->program_unit_bytes;

    MUST(len <= flash->size && address <= flash->size - len);
    MUST(address % unit == 0 && len % unit == 0);
    flash->changes++;
    for (uint32_t i = address; i < address + len; i++) {
        MUST(!flash->programmed[i]);
        flash->programmed[i] = true;
    }
    if (image_flash_fails(flash, PROG_CALL)) {
        memcpy(flash->bytes + address, data, len * flash->part / 255);
        return KSHOT_FLASH_FAILED;
    }
    memcpy(flash->bytes + address, data, len);
    return KSHOT_FLASH_OK;
}

static inline kshot_flash_result image_flash_erase(void *context, uint32_t address)
{
    image_flash *const flash = (image_flash *)context;
    const uint32_t len = flash->geometry->erase_unit_bytes;
    const int16_t value = flash->geometry->erased_value;
    const bool fails = image_flash_fails(flash, ERASE_CALL);

    MUST(address < flash->size && address % len == 0);
    flash->changes++;
    memset(flash->bytes + address, value == KSHOT_STORE_ERASED_UNDEFINED ? 0x5a : value,
           fails ? len * flash->part / 255 : len);
    if (fails) {
        return KSHOT_FLASH_FAILED;
    }
    memset(flash->programmed + address, 0, len * sizeof *flash->programmed);
    if (flash->unreadable / len == address / len) {
        flash->unreadable = flash->size;
    }
    return KSHOT_FLASH_OK;
}

#endif
