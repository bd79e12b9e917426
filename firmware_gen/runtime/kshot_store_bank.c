/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_store_bank.h"

#include <string.h>

#define CHUNK_BYTES 32u

static uint32_t bank_address(const kshot_store *store, uint32_t bank)
{
    return bank * store->layout.bank_bytes;
}

static uint32_t slot_address(const kshot_store *store, uint32_t bank, uint32_t index)
{
    return bank_address(store, bank) + 2 * store->layout.header_bytes + index * store->layout.slot_bytes;
}

/* KSHOT_ERROR_CORRUPT for bytes that are damaged, KSHOT_ERROR_FLASH for flash that does not work. */
static kshot_status read_flash(const kshot_store *store, uint32_t address, uint8_t *data, uint32_t len)
{
    const kshot_flash_result result = store->flash->read(store->flash->context, address, data, len);

    if (result == KSHOT_FLASH_OK) {
        return KSHOT_OK;
    }
    return result == KSHOT_FLASH_UNREADABLE ? KSHOT_ERROR_CORRUPT : KSHOT_ERROR_FLASH;
}

/* Programs the first `len` bytes of the workspace and compares them with what can be read afterwards. */
static kshot_status write_workspace(const kshot_store *store, uint32_t address, uint32_t len)
{
    const uint8_t *const data = store->workspace;
    uint8_t chunk[CHUNK_BYTES];

    if (store->flash->prog(store->flash->context, address, data, len) != KSHOT_FLASH_OK) {
        return KSHOT_ERROR_FLASH;
    }
    for (uint32_t done = 0; done < len; done += CHUNK_BYTES) {
        const uint32_t part = len - done < CHUNK_BYTES ? len - done : CHUNK_BYTES;
        if (read_flash(store, address + done, chunk, part) != KSHOT_OK || memcmp(chunk, data + done, part) != 0) {
            return KSHOT_ERROR_FLASH;
        }
    }
    return KSHOT_OK;
}

static kshot_status load_header(kshot_store *store, uint32_t index)
{
    kshot_store_bank *const bank = &store->banks[index];

    bank->kind = KSHOT_STORE_HEADER_NONE;
    for (uint32_t copy = 0; copy < 2; copy++) {
        kshot_store_header header;
        const uint32_t address = bank_address(store, index) + copy * store->layout.header_bytes;
        const kshot_status status = read_flash(store, address, store->workspace, KSHOT_STORE_HEADER_BYTES);
        kshot_store_header_kind kind = KSHOT_STORE_HEADER_NONE;
        if (status == KSHOT_ERROR_FLASH) {
            return status;
        }
        if (status == KSHOT_OK) {
            kind = kshot_store_header_decode(store->config, store->workspace, &header);
        }
        if (kind == KSHOT_STORE_HEADER_NONE) {
            bank->header_damaged = true;
        } else if (bank->kind == KSHOT_STORE_HEADER_NONE) {
            bank->kind = (uint8_t)kind;
            /* cppcheck-suppress uninitStructMember ; kshot_store_header_decode() sets them all */
            bank->header = header;
            bank->erases = header.erase_count;
        }
    }
    return KSHOT_OK;
}

kshot_status kshot_store_bank_load(kshot_store *store, uint32_t index)
{
    kshot_store_bank *const bank = &store->banks[index];
    kshot_store_walk walk = kshot_store_walk_begin(store);
    kshot_store_slot slot;
    kshot_status status;

    memset(bank, 0, sizeof *bank);
    bank->newest = KSHOT_STORE_NO_SLOT;
    status = load_header(store, index);
    if (status != KSHOT_OK || bank->kind != KSHOT_STORE_HEADER_OURS) {
        return status;
    }
    do {
        status = kshot_store_walk_next(store, index, &walk, &slot);
        if (status == KSHOT_OK && bank->newest == KSHOT_STORE_NO_SLOT) {
            bank->newest = slot.index;
        }
    } while (status == KSHOT_OK);
    bank->whole = walk.begun && !walk.broken;
    return status == KSHOT_ERROR_EMPTY ? KSHOT_OK : status;
}

kshot_store_stage kshot_store_bank_stage(const kshot_store_bank *bank)
{
    if (bank->kind != KSHOT_STORE_HEADER_OURS || bank->newest == KSHOT_STORE_NO_SLOT) {
        return KSHOT_STORE_UNCOMMITTED;
    }
    if (bank->newest >= bank->header.snapshot_count + KSHOT_STORE_SETTLED - KSHOT_STORE_COMMIT) {
        return KSHOT_STORE_ACKNOWLEDGED;
    }
    if (!bank->whole) {
        return KSHOT_STORE_UNCOMMITTED;
    }
    return bank->newest > bank->header.snapshot_count ? KSHOT_STORE_ATTESTED : KSHOT_STORE_COMMITTED;
}

kshot_status kshot_store_bank_erase(kshot_store *store, uint32_t index)
{
    kshot_store_bank *const bank = &store->banks[index];
    const kshot_store_geometry *const geometry = &store->config->geometry;

    bank->erases++;
    bank->kind = KSHOT_STORE_HEADER_NONE;
    bank->newest = KSHOT_STORE_NO_SLOT;
    bank->header_damaged = false;
    for (uint32_t unit = 0; unit < geometry->erase_units_per_bank; unit++) {
        const uint32_t address = bank_address(store, index) + unit * geometry->erase_unit_bytes;
        if (store->flash->erase(store->flash->context, address) != KSHOT_FLASH_OK) {
            return KSHOT_ERROR_FLASH;
        }
    }
    return KSHOT_OK;
}

static kshot_status check_blank(const kshot_store *store, uint32_t address, uint32_t len)
{
    const int16_t erased_value = store->config->geometry.erased_value;
    uint8_t chunk[CHUNK_BYTES];

    for (uint32_t done = 0; erased_value != KSHOT_STORE_ERASED_UNDEFINED && done < len; done += CHUNK_BYTES) {
        const uint32_t part = len - done < CHUNK_BYTES ? len - done : CHUNK_BYTES;
        const kshot_status status = read_flash(store, address + done, chunk, part);
        if (status != KSHOT_OK) {
            return status;
        }
        for (uint32_t i = 0; i < part; i++) {
            if (chunk[i] != erased_value) {
                return KSHOT_ERROR_CORRUPT;
            }
        }
    }
    return KSHOT_OK;
}

kshot_status kshot_store_bank_check_blank(const kshot_store *store, uint32_t bank)
{
    return check_blank(store, bank_address(store, bank), store->layout.bank_bytes);
}

kshot_status kshot_store_slot_check_blank(const kshot_store *store, uint32_t bank, uint16_t index)
{
    return check_blank(store, slot_address(store, bank, index), store->layout.slot_bytes);
}

kshot_status kshot_store_bank_write_header(kshot_store *store, uint32_t bank, kshot_store_header *header)
{
    const uint32_t len = store->layout.header_bytes;
    kshot_status status;

    memset(store->workspace, 0, len);
    kshot_store_header_encode(store->config, header, store->workspace);
    status = write_workspace(store, bank_address(store, bank), len);
    return status == KSHOT_OK ? write_workspace(store, bank_address(store, bank) + len, len) : status;
}

kshot_status kshot_store_slot_read(kshot_store *store, uint32_t bank, uint16_t index, kshot_store_slot *slot)
{
    const kshot_status status =
        read_flash(store, slot_address(store, bank, index), store->workspace, store->layout.slot_bytes);

    if (status == KSHOT_OK &&
        !kshot_store_slot_decode(&store->layout, &store->banks[bank].header, index, store->workspace, slot)) {
        return KSHOT_ERROR_CORRUPT;
    }
    return status;
}

kshot_status kshot_store_slot_write(kshot_store *store, uint32_t bank, const kshot_store_header *header,
                                    const kshot_store_slot *slot)
{
    kshot_store_slot_encode(store->config, &store->layout, header->crc, slot, store->workspace);
    return write_workspace(store, slot_address(store, bank, slot->index), store->layout.slot_bytes);
}

kshot_store_walk kshot_store_walk_begin(const kshot_store *store)
{
    const kshot_store_walk walk = {store->layout.slot_count, KSHOT_STORE_NO_SLOT, false, false};
    return walk;
}

kshot_status kshot_store_walk_next(kshot_store *store, uint32_t bank, kshot_store_walk *walk, kshot_store_slot *slot)
{
    const uint32_t snapshot_count = store->banks[bank].header.snapshot_count;

    while (walk->next > (walk->begun ? 0 : snapshot_count)) {
        const uint16_t index = (uint16_t)(walk->next - 1);
        kshot_status status;
        walk->next = index;
        if (walk->expected != KSHOT_STORE_NO_SLOT && index != walk->expected) {
            continue; /* a slot that failed when it was written */
        }
        status = kshot_store_slot_read(store, bank, index, slot);
        if (status == KSHOT_OK) {
            walk->begun = true;
            walk->expected = slot->previous;
            return KSHOT_OK;
        }
        if (status != KSHOT_ERROR_CORRUPT) {
            return status;
        }
        walk->broken = walk->begun;
        walk->expected = KSHOT_STORE_NO_SLOT; /* the chain goes on at the next slot that can be read */
    }
    return KSHOT_ERROR_EMPTY;
}
