/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a board's flash that its linker script sets aside for the store of enrolled classes (region STORE).
 * Boards with a flash driver have it. It writes to that region and to no other. */
#ifndef BOARD_FLASH_H
#define BOARD_FLASH_H

#include "kshot_store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Banks and units; their product is the region's size. */
extern const kshot_store_geometry board_flash_geometry;

/* What kshot_store_mount takes; address 0 is the region's first byte. */
const kshot_flash *board_flash(void);

/* The driver of the chip's flash controller. `start` is the address of the region. */
kshot_flash_result chip_flash_read(void *start, uint32_t address, uint8_t *data, uint32_t len);
kshot_flash_result chip_flash_prog(void *start, uint32_t address, const uint8_t *data, uint32_t len);
kshot_flash_result chip_flash_erase(void *start, uint32_t address);

#ifdef __cplusplus
}
#endif
#endif
