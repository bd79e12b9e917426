/* SPDX-License-Identifier: Apache-2.0 */
/* Flash as strict as a device's: bits only go from 1 to 0, by whole words, and whole pages are erased. */
#include <errno.h>
#include <string.h>
#include <zephyr/drivers/flash.h>
#include <zephyr/storage/flash_map.h>

#define PROGRAM_BYTES 65536
#define PAGE_BYTES 4096
#define PAGES 8
#define WORD_BYTES 4

static const struct device device = {"flash"};
static const struct flash_area area = {FIXED_PARTITION_ID(storage_partition), PROGRAM_BYTES, PAGES *PAGE_BYTES,
                                       &device};
static uint8_t cells[PAGES * PAGE_BYTES];

bool device_is_ready(const struct device *asked)
{
    return asked == &device;
}

int flash_get_page_info_by_offs(const struct device *asked, off_t offset, struct flash_pages_info *info)
{
    if (asked != &device || offset < 0 || offset >= PROGRAM_BYTES + PAGES * PAGE_BYTES) {
        return -EINVAL;
    }
    info->index = (uint32_t)(offset / PAGE_BYTES);
    info->start_offset = (off_t)info->index * PAGE_BYTES;
    info->size = PAGE_BYTES;
    return 0;
}

int flash_area_open(uint8_t id, const struct flash_area **opened)
{
    *opened = &area;
    return id == area.fa_id ? 0 : -ENOENT;
}

const struct device *flash_area_get_device(const struct flash_area *asked)
{
    return asked->fa_dev;
}

uint32_t flash_area_align(const struct flash_area *asked)
{
    (void)asked;
    return WORD_BYTES;
}

uint8_t flash_area_erased_val(const struct flash_area *asked)
{
    (void)asked;
    return 0xFF;
}

static int is_outside(off_t offset, size_t len)
{
    return offset < 0 || len > sizeof cells || (size_t)offset > sizeof cells - len;
}

int flash_area_read(const struct flash_area *asked, off_t offset, void *data, size_t len)
{
    (void)asked;
    if (is_outside(offset, len)) {
        return -EINVAL;
    }
    memcpy(data, cells + offset, len);
    return 0;
}

int flash_area_write(const struct flash_area *asked, off_t offset, const void *data, size_t len)
{
    const uint8_t *const bytes = data;

    (void)asked;
    if (is_outside(offset, len) || offset % WORD_BYTES != 0 || len % WORD_BYTES != 0) {
        return -EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        cells[(size_t)offset + i] = (uint8_t)(cells[(size_t)offset + i] & bytes[i]);
    }
    return 0;
}

int flash_area_erase(const struct flash_area *asked, off_t offset, size_t len)
{
    (void)asked;
    if (is_outside(offset, len) || offset % PAGE_BYTES != 0 || len % PAGE_BYTES != 0) {
        return -EINVAL;
    }
    memset(cells + offset, 0xFF, len);
    return 0;
}
