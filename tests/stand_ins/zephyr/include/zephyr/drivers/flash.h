/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZEPHYR_FLASH_STAND_IN_H
#define ZEPHYR_FLASH_STAND_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct device {
    const char *name;
};

struct flash_pages_info {
    off_t start_offset;
    size_t size;
    uint32_t index;
};

bool device_is_ready(const struct device *device);
int flash_get_page_info_by_offs(const struct device *device, off_t offset, struct flash_pages_info *info);

#endif
