/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the boot ROM that change the flash: RP2040 Datasheet section 2.8.3, RP2350 Datasheet section 5.4. */
#ifndef RP2_ROM_H
#define RP2_ROM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rp2_rom {
    void (*connect_internal_flash)(void);
    void (*exit_xip)(void); /* from here until xip_setup, flash cannot be read in place */
    void (*range_erase)(uint32_t offset, size_t len, uint32_t block_bytes, uint8_t block_command);
    void (*range_program)(uint32_t offset, const uint8_t *data, size_t len);
    void (*flush_cache)(void);
    void (*xip_setup)(void); /* in RAM */
} rp2_rom;

/* false where the ROM has not all of them. */
bool rp2_rom_find(rp2_rom *rom);

#endif
