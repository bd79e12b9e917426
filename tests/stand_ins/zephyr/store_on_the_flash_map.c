/* SPDX-License-Identifier: Apache-2.0 */
/* An application with a store on the flash map: what was put is there after the store is mounted again, and a partition
 * that does not suit is refused. */
#include <stdbool.h>
#include <string.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "kshot_flash_area.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printk("line %d: does not hold: %s\n", __LINE__, #condition);                                              \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

static kshot_store_config config = {
    .geometry = {.erase_unit_bytes = 4096,
                 .program_unit_bytes = 4,
                 .erase_units_per_bank = 2,
                 .bank_count = 4,
                 .erased_value = 0xFF},
    .record_bytes = 100,
    .max_classes = 5,
};
static kshot_flash_area area;
static kshot_flash flash;
static kshot_store store;
static kshot_store_entry entries[5];
static uint8_t workspace[512];
static const kshot_store_memory memory = {.entries = entries, .workspace = workspace};

static kshot_status opened_with(kshot_store_geometry geometry)
{
    return kshot_flash_area_open(&area, FIXED_PARTITION_ID(storage_partition), &geometry, &flash);
}

static int refusals(void)
{
    kshot_store_geometry geometry = config.geometry;

    CHECK(kshot_flash_area_open(&area, 9, &geometry, &flash) == KSHOT_ERROR_FLASH);
    CHECK(kshot_flash_area_open(&area, FIXED_PARTITION_ID(storage_partition), NULL, &flash) == KSHOT_ERROR_ARGUMENT);
    geometry.bank_count = 5;
    CHECK(opened_with(geometry) == KSHOT_ERROR_GEOMETRY);
    geometry = config.geometry;
    geometry.erase_unit_bytes = 2048;
    CHECK(opened_with(geometry) == KSHOT_ERROR_GEOMETRY);
    geometry = config.geometry;
    geometry.program_unit_bytes = 2;
    CHECK(opened_with(geometry) == KSHOT_ERROR_GEOMETRY);
    geometry = config.geometry;
    geometry.erased_value = 0;
    CHECK(opened_with(geometry) == KSHOT_ERROR_GEOMETRY);
    return 0;
}

int main(void)
{
    uint8_t record[100] = {0};

    CHECK(refusals() == 0);
    CHECK(opened_with(config.geometry) == KSHOT_OK);
    CHECK(kshot_store_mount(&store, &config, &flash, &memory) == KSHOT_ERROR_UNFORMATTED);
    CHECK(kshot_store_format(&store, 0) == KSHOT_OK);
    for (uint8_t i = 0; i < 200; i++) { /* more than a bank holds */
        memset(record, i, sizeof record);
        CHECK(kshot_store_put(&store, (uint16_t)(1 + i % 5), record, 0) == KSHOT_OK);
    }
    CHECK(kshot_store_mount(&store, &config, &flash, &memory) == KSHOT_OK);
    CHECK(kshot_store_class_count(&store) == 5);
    CHECK(kshot_store_get(&store, 5, record) == KSHOT_OK && record[0] == 199 && record[99] == 199);
    printk("the store holds\n");
    return 0;
}
