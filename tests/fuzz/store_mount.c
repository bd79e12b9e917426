/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzing of the store on flash that holds anything: it mounts, and each call that follows does what it says or
 * nothing, as a second mount sees it, even where flash fails.
 *
 * An input is CONTROL bytes, which choose geometry, failure and calls, and then the image. The mutator leaves one in
 * four as libFuzzer made it; in the others it puts CRCs right, so that what is behind them is reached. */
#include "image_flash.h"

#include <stddef.h>

enum { CONTROL = 10, CALLS_AT = 6, CLASSES = 4, MAX_RECORD = 30, WORKSPACE = 256, CONFIGS = 7 };

static const kshot_store_config configs[CONFIGS] = {
    {.geometry = {128, 4, 3, 3, 0xff}, .record_bytes = 12, .max_classes = CLASSES, .fingerprint = {1}},
    {.geometry = {256, 1, 1, 2, 0xff}, .record_bytes = 1, .max_classes = 2, .fingerprint = {2}},
    {.geometry = {256, 8, 2, 3, 0xff}, .record_bytes = 28, .max_classes = CLASSES, .fingerprint = {3}},
    {.geometry = {512, 32, 1, 2, 0xff}, .record_bytes = 12, .max_classes = CLASSES, .fingerprint = {4}},
    {.geometry = {128, 2, 3, 3, KSHOT_STORE_ERASED_UNDEFINED}, .record_bytes = 3, .max_classes = 3},
    {.geometry = {256, 16, 2, 4, 0x00}, .record_bytes = 20, .max_classes = CLASSES, .fingerprint = {6}},
    {.geometry = {1024, 128, 1, 2, 0xff}, .record_bytes = 30, .max_classes = 2, .fingerprint = {7}},
};

typedef enum call_kind { PUT, FORGET, WIPE, FORMAT, PURGE, ACCEPT_LOSS, ASK_TOKEN, MOUNT, CALL_KINDS } call_kind;

typedef struct call {
    call_kind kind;
    uint16_t class_id;
    uint8_t record[MAX_RECORD];
} call;

/* What a store says that it holds, by rising id; bytes that are not used are zero. */
typedef struct contents {
    kshot_store_state state;
    uint16_t count;
    uint16_t ids[CLASSES];
    uint8_t records[CLASSES][MAX_RECORD];
} contents;

static const kshot_store_config *config;
static kshot_store_layout layout;
static image_flash image;
static const kshot_flash flash = {&image, image_flash_read, image_flash_prog, image_flash_erase};

static kshot_store live;
static kshot_store_entry live_entries[CLASSES];
static uint8_t live_workspace[WORKSPACE];

static kshot_status mount(kshot_store *store, kshot_store_entry *entries, uint8_t *workspace)
{
    const kshot_store_memory memory = {entries, workspace};
    const uint32_t changes = image.changes;
    kshot_store_costs costs;
    kshot_status status;

    memset(workspace, 0xa5, WORKSPACE);
    image.read_bytes = 0;
    status = kshot_store_mount(store, config, &flash, &memory);
    MUST(kshot_store_costs_of(config, 1, &costs) == KSHOT_OK);
    MUST(image.read_bytes <= costs.mount_read_bytes);
    MUST(image.changes == changes);
    MUST(status == KSHOT_OK || status == KSHOT_ERROR_CORRUPT || status == KSHOT_ERROR_INCOMPATIBLE ||
         status == KSHOT_ERROR_UNFORMATTED || (status == KSHOT_ERROR_FLASH && !image.healthy));
    return status;
}

/* What a store says now, with flash that does not fail. */
static contents ask(kshot_store *store)
{
    const bool healthy = image.healthy;
    kshot_store_stats stats;
    contents said;

    memset(&said, 0, sizeof said);
    image.healthy = true;
    said.state = kshot_store_state_of(store);
    said.count = kshot_store_class_count(store);
    MUST(said.count <= config->max_classes);
    for (uint16_t i = 0; i < said.count; i++) {
        MUST(kshot_store_class_at(store, i, &said.ids[i]) == KSHOT_OK);
        MUST(said.ids[i] > (i == 0 ? 0 : said.ids[i - 1]));
        MUST(kshot_store_get(store, said.ids[i], said.records[i]) == KSHOT_OK);
    }
    if (kshot_store_stats_of(store, &stats) == KSHOT_OK) {
        MUST(stats.classes == said.count && stats.free_slots <= layout.slot_count);
    }
    image.healthy = healthy;
    return said;
}

/* What the next boot would find, on flash that does not fail. */
static contents ask_flash(void)
{
    const bool healthy = image.healthy;
    kshot_store_entry entries[CLASSES];
    uint8_t workspace[WORKSPACE];
    kshot_store store;
    contents said;

    image.healthy = true;
    (void)mount(&store, entries, workspace);
    said = ask(&store);
    image.healthy = healthy;
    return said;
}

static bool same(const contents *a, const contents *b)
{
    return a->state == b->state && a->count == b->count && memcmp(a->ids, b->ids, sizeof a->ids) == 0 &&
           memcmp(a->records, b->records, sizeof a->records) == 0;
}

static contents without(const contents *before, uint16_t class_id)
{
    contents then;

    memset(&then, 0, sizeof then);
    then.state = before->state;
    for (uint16_t i = 0; i < before->count; i++) {
        if (before->ids[i] != class_id) {
            then.ids[then.count] = before->ids[i];
            memcpy(then.records[then.count++], before->records[i], MAX_RECORD);
        }
    }
    return then;
}

static contents with(const contents *before, const call *made)
{
    contents then = without(before, made->class_id);
    uint16_t at = then.count;

    if (then.count == CLASSES) {
        return *before; /* refused */
    }
    for (; at > 0 && then.ids[at - 1] > made->class_id; at--) {
        then.ids[at] = then.ids[at - 1];
        memcpy(then.records[at], then.records[at - 1], MAX_RECORD);
    }
    then.ids[at] = made->class_id;
    memcpy(then.records[at], made->record, MAX_RECORD);
    then.count++;
    return then;
}

static contents after(const contents *before, const call *made)
{
    contents then = *before;

    switch (made->kind) {
    case PUT:
        return with(before, made);
    case FORGET:
        return without(before, made->class_id);
    case WIPE:
    case FORMAT:
        memset(&then, 0, sizeof then);
        then.state = KSHOT_STORE_OK;
        return then;
    case ACCEPT_LOSS:
        then.state = KSHOT_STORE_OK;
        return then;
    case PURGE:
    case ASK_TOKEN:
    case MOUNT:
    case CALL_KINDS:
        break;
    }
    return then;
}

static kshot_status perform(const call *made)
{
    kshot_store_token found;

    switch (made->kind) {
    case PUT:
        return kshot_store_put(&live, made->class_id, made->record, made->class_id);
    case FORGET:
        return kshot_store_forget(&live, made->class_id, 9);
    case WIPE:
        return kshot_store_wipe(&live, 10);
    case FORMAT:
        return kshot_store_format(&live, 11);
    case PURGE:
        return kshot_store_purge(&live);
    case ACCEPT_LOSS:
        return kshot_store_accept_loss(&live);
    case ASK_TOKEN:
        return kshot_store_token_status(&live, made->class_id, &found);
    case MOUNT:
    case CALL_KINDS:
        break;
    }
    return mount(&live, live_entries, live_workspace);
}

static bool removes(call_kind kind)
{
    return kind == FORGET || kind == WIPE || kind == FORMAT || kind == PURGE;
}

/* R9: only the active bank holds anything. */
static void check_no_trace(void)
{
    const int16_t value = config->geometry.erased_value;

    for (uint32_t i = 0; value != KSHOT_STORE_ERASED_UNDEFINED && i < image.size; i++) {
        MUST(i / layout.bank_bytes == live.active || image.bytes[i] == value);
    }
}

/* Makes a call and compares; `in_flash` is what the next boot would find, before and then after. */
static void check_call(const call *made, contents *in_flash)
{
    const contents live_before = ask(&live), flash_before = *in_flash;
    const contents then = after(&live_before, made);
    const kshot_status status = perform(made);
    const contents live_after = ask(&live), flash_after = ask_flash();
    const bool found = same(&flash_after, &then);
    /* a format where there is no store of this model spoils what is there, even if it fails */
    const bool spoilt =
        made->kind == FORMAT && live_before.state > KSHOT_STORE_DEGRADED && flash_after.state > KSHOT_STORE_DEGRADED;

    if (made->kind == MOUNT) {
        MUST(same(&flash_after, &flash_before));
        MUST(status == KSHOT_ERROR_FLASH || same(&live_after, &flash_after));
    } else if (status == KSHOT_OK) {
        MUST(same(&live_after, &then) && (made->kind == ASK_TOKEN || found));
        if (removes(made->kind)) {
            check_no_trace();
        }
    } else if (status == KSHOT_ERROR_FLASH && !image.healthy) {
        MUST(found || spoilt || same(&flash_after, &flash_before) || same(&flash_after, &live_before));
    } else {
        MUST(same(&live_after, &live_before) && same(&flash_after, &flash_before));
    }
    *in_flash = flash_after;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    contents in_flash;
    size_t len;

    if (size < CONTROL) {
        return 0;
    }
    config = &configs[data[0] % CONFIGS];
    MUST(kshot_store_layout_of(config, &layout) == KSHOT_OK);
    memset(&image, 0, offsetof(image_flash, bytes));
    image.geometry = &config->geometry;
    image.size = layout.bank_bytes * config->geometry.bank_count;
    len = size - CONTROL < image.size ? size - CONTROL : image.size;
    memset(image.bytes, config->geometry.erased_value & 0xff, image.size);
    memcpy(image.bytes, data + CONTROL, len);
    memset(image.programmed, 1, sizeof image.programmed);
    image.unreadable = data[1] == 0 ? image.size : image.size * data[1] / 256;
    image.fails = (failing_call)(data[2] % FAILING_CALLS);
    image.fails_in = data[3];
    image.sticks = (data[4] & 1) != 0;
    image.part = data[5];
    image.healthy = image.fails == NO_CALL || image.fails_in == 0;

    (void)mount(&live, live_entries, live_workspace);
    in_flash = ask_flash();
    for (size_t i = CALLS_AT; i < CONTROL && kshot_store_state_of(&live) != KSHOT_STORE_UNMOUNTED; i++) {
        call made = {.kind = (call_kind)(data[i] % CALL_KINDS), .class_id = (uint16_t)(1 + (data[i] / CALL_KINDS) % 8)};
        memset(made.record, (int)i, config->record_bytes);
        if (data[i] == 0xff) {
            break;
        }
        check_call(&made, &in_flash);
    }
    return 0;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static uint32_t chance; /* state of a linear congruential generator */

static uint32_t below(uint32_t limit)
{
    chance = chance * 1664525u + 1013904223u;
    return (chance >> 8) % limit;
}

/* Both copies of a header with a CRC that is right; its fields stay as they are, or become likely ones. */
static uint32_t repair_header(const kshot_store_config *own, const kshot_store_layout *room, uint8_t *bank)
{
    kshot_store_header header = {.sequence = bank[8], .erase_count = bank[12], .snapshot_count = bank[36]};

    memcpy(&header.sequence, bank + 8, below(8) == 0 ? 4 : 1);
    memcpy(&header.erase_count, bank + 12, below(8) == 0 ? 4 : 1);
    memcpy(&header.wear, bank + 28, 4);
    header.snapshot_count = (uint16_t)(bank[36] % (own->max_classes + (below(16) == 0 ? 2u : 1u)));
    header.flags = bank[38] % 4;
    header.log_sequence = bank[40];
    memset(bank, 0, 2 * room->header_bytes);
    kshot_store_header_encode(own, &header, bank);
    kshot_store_header_encode(own, &header, bank + room->header_bytes);
    return header.crc;
}

static void repair_slot(const kshot_store_config *own, const kshot_store_layout *room, const uint8_t *bank,
                        uint32_t seed, uint16_t index)
{
    uint8_t *const at = (uint8_t *)(uintptr_t)bank + 2 * room->header_bytes + index * room->slot_bytes;
    const uint32_t snapshot = bank[36], first_put = snapshot + 3 + (bank[38] & 1u);
    kshot_store_slot slot = {.type = KSHOT_STORE_PUT, .class_id = (uint16_t)(at[2] % 8 + 1), .index = index};

    if (index >= snapshot && index < first_put) {
        slot.type = (uint8_t)(KSHOT_STORE_COMMIT + index - snapshot);
    } else if (below(32) == 0) {
        slot.type = at[0];
    }
    slot.log_sequence = at[4];
    slot.token = at[8];
    slot.previous = (uint16_t)(index - 1 - (index > first_put ? below(3) / 2 : 0));
    if (below(32) == 0) {
        slot.previous = (uint16_t)(at[14] | at[15] << 8);
    }
    kshot_store_slot_encode(own, room, seed, &slot, at);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    const kshot_store_config *own;
    kshot_store_layout room;
    size_t len;

    chance = seed;
    size = LLVMFuzzerMutate(data, size, max_size);
    if (size < CONTROL || below(4) == 0) {
        return size;
    }
    own = &configs[data[0] % CONFIGS];
    (void)kshot_store_layout_of(own, &room);
    len = CONTROL + room.bank_bytes * own->geometry.bank_count;
    if (len > max_size) {
        return size;
    }
    if (size < len) {
        memset(data + size, own->geometry.erased_value & 0xff, len - size);
    }
    for (uint32_t i = 0; i < own->geometry.bank_count; i++) {
        uint8_t *const bank = data + CONTROL + i * room.bank_bytes;
        const uint32_t crc = below(4) == 0 ? (uint32_t)bank[60] | (uint32_t)bank[61] << 8 | (uint32_t)bank[62] << 16 |
                                                 (uint32_t)bank[63] << 24
                                           : repair_header(own, &room, bank);
        const uint32_t whole = below(room.slot_count + 1u);
        for (uint16_t index = 0; index < room.slot_count; index++) {
            if (index < whole || below(4) == 0) {
                repair_slot(own, &room, bank, crc, index);
            }
        }
    }
    return len;
}
