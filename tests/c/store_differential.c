/* SPDX-License-Identifier: Apache-2.0 */
/* The store over flash in memory as a library, for comparison with its Python twin. */
#include "ram_flash.h"

enum { MAX_CLASSES = 64, MAX_WORKSPACE = 4096 };

static kshot_store_config config;
static ram_flash ram;
static const kshot_flash flash = {&ram, ram_flash_read, ram_flash_prog, ram_flash_erase};
static kshot_store_entry index_entries[MAX_CLASSES];
static uint8_t workspace[MAX_WORKSPACE];
static kshot_store store;

void differential_begin(const kshot_store_config *chosen, const uint8_t *image, uint32_t len);
void differential_fail(int erases, long failing, int sticks, int lies);
void differential_image(uint8_t *image, uint32_t len);
int differential_mount(void);
int differential_state(void);
int differential_call(int call, uint16_t class_id, const uint8_t *record, uint32_t token);
int differential_get(uint16_t class_id, uint8_t *record);
int differential_classes(uint16_t *ids);
int differential_token(uint32_t token, kshot_store_token *found);
int differential_stats(kshot_store_stats *stats);

void differential_begin(const kshot_store_config *chosen, const uint8_t *image, uint32_t len)
{
    CHECK(chosen->max_classes <= MAX_CLASSES && len <= RAM_FLASH_BYTES);
    config = *chosen;
    memset(&ram, 0, sizeof ram);
    memset(&store, 0, sizeof store);
    ram.geometry = &config.geometry;
    memcpy(ram.bytes, image, len);
}

/* The erase or program that is `failing` calls ahead fails, and if it sticks, every later one; 0 ends that. */
void differential_fail(int erases, long failing, int sticks, int lies)
{
    ram.fail_erase = erases && failing > 0 ? ram.erases + failing : 0;
    ram.fail_prog = !erases && failing > 0 ? ram.progs + failing : 0;
    ram.sticks = sticks != 0;
    ram.lies = lies != 0;
}

void differential_image(uint8_t *image, uint32_t len)
{
    memcpy(image, ram.bytes, len);
}

int differential_mount(void)
{
    const kshot_store_memory memory = {index_entries, workspace};
    kshot_store_layout layout;
    const kshot_status status = kshot_store_layout_of(&config, &layout);
    CHECK(status != KSHOT_OK || layout.workspace_bytes <= MAX_WORKSPACE);
    return kshot_store_mount(&store, &config, &flash, &memory);
}

int differential_state(void)
{
    return kshot_store_state_of(&store);
}

static void same_record(void *context, uint16_t index, uint8_t *record)
{
    (void)index;
    memcpy(record, context, config.record_bytes);
}

/* Three classes at a time, in steps of two ids, with the same record. */
static kshot_status put_all(uint16_t class_id, const uint8_t *record, uint32_t token)
{
    const uint16_t ids[] = {class_id, (uint16_t)(class_id + 2), (uint16_t)(class_id + 4)};
    uint8_t copy[MAX_WORKSPACE];
    const kshot_store_batch batch = {ids, 3, same_record, copy};

    memcpy(copy, record, config.record_bytes);
    return kshot_store_put_all(&store, &batch, token);
}

int differential_call(int call, uint16_t class_id, const uint8_t *record, uint32_t token)
{
    switch (call) {
    case 0:
        return kshot_store_put(&store, class_id, record, token);
    case 1:
        return kshot_store_forget(&store, class_id, token);
    case 2:
        return kshot_store_wipe(&store, token);
    case 3:
        return kshot_store_format(&store, token);
    case 4:
        return kshot_store_purge(&store);
    case 5:
        return kshot_store_accept_loss(&store);
    case 6:
        return put_all(class_id, record, token);
    default:
        return kshot_store_forget_range(&store, class_id, (uint16_t)(class_id + 2), token);
    }
}

int differential_get(uint16_t class_id, uint8_t *record)
{
    return kshot_store_get(&store, class_id, record);
}

int differential_classes(uint16_t *ids)
{
    const int count = kshot_store_class_count(&store);
    for (int i = 0; i < count; i++) {
        CHECK_EQUAL(KSHOT_OK, kshot_store_class_at(&store, (uint16_t)i, &ids[i]));
    }
    return count;
}

int differential_token(uint32_t token, kshot_store_token *found)
{
    return kshot_store_token_status(&store, token, found);
}

int differential_stats(kshot_store_stats *stats)
{
    return kshot_store_stats_of(&store, stats);
}
