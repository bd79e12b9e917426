/* SPDX-License-Identifier: Apache-2.0 */
/* One partition, storage_partition: 8 pages of 4096 bytes behind 64 KiB of program, written by the word. */
#ifndef ZEPHYR_FLASH_MAP_STAND_IN_H
#define ZEPHYR_FLASH_MAP_STAND_IN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FIXED_PARTITION_ID(label) stand_in_##label
#define stand_in_storage_partition 3

struct device;

struct flash_area {
    uint8_t fa_id;
    off_t fa_off;
    size_t fa_size;
    const struct device *fa_dev;
};

int flash_area_open(uint8_t id, const struct flash_area **area);
const struct device *flash_area_get_device(const struct flash_area *area);
uint32_t flash_area_align(const struct flash_area *area);
uint8_t flash_area_erased_val(const struct flash_area *area);
int flash_area_read(const struct flash_area *area, off_t offset, void *data, size_t len);
int flash_area_write(const struct flash_area *area, off_t offset, const void *data, size_t len);
int flash_area_erase(const struct flash_area *area, off_t offset, size_t len);

#endif
