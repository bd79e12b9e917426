/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_store_format.h"

#include <stddef.h>
#include <string.h>

#include "kshot_bytes.h"
#include "kshot_crc32.h"

#define RECORD_AT 16u
#define HEADER_CRC_AT (KSHOT_STORE_HEADER_BYTES - 4u)

static const uint8_t magic[4] = {'k', 'S', 'T', 'O'};

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static uint32_t round_up(uint32_t value, uint32_t unit)
{
    return (value + unit - 1) & ~(unit - 1);
}

static bool is_usable(const kshot_store_geometry *geometry)
{
    return is_power_of_two(geometry->erase_unit_bytes) && geometry->erase_unit_bytes >= 128 &&
           geometry->erase_unit_bytes <= 131072 && is_power_of_two(geometry->program_unit_bytes) &&
           geometry->program_unit_bytes <= 256 && geometry->program_unit_bytes <= geometry->erase_unit_bytes &&
           geometry->erase_units_per_bank > 0 && geometry->bank_count >= KSHOT_STORE_MIN_BANKS &&
           geometry->bank_count <= KSHOT_STORE_MAX_BANKS &&
           geometry->erase_units_per_bank <= UINT32_MAX / (2 * KSHOT_STORE_MAX_BANKS) / geometry->erase_unit_bytes &&
           geometry->erased_value >= KSHOT_STORE_ERASED_UNDEFINED && geometry->erased_value <= 255;
}

kshot_status kshot_store_layout_of(const kshot_store_config *config, kshot_store_layout *layout)
{
    const kshot_store_geometry *geometry;
    uint32_t slots;

    if (config == NULL || layout == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    geometry = &config->geometry;
    if (!is_usable(geometry) || config->record_bytes == 0 || config->record_bytes > KSHOT_STORE_MAX_RECORD_BYTES) {
        return KSHOT_ERROR_GEOMETRY;
    }
    layout->bank_bytes = geometry->erase_unit_bytes * geometry->erase_units_per_bank;
    layout->header_bytes = round_up(KSHOT_STORE_HEADER_BYTES, geometry->program_unit_bytes);
    layout->slot_bytes =
        round_up(KSHOT_STORE_SLOT_OVERHEAD_BYTES + (uint32_t)config->record_bytes, geometry->program_unit_bytes);
    layout->workspace_bytes = layout->slot_bytes > layout->header_bytes ? layout->slot_bytes : layout->header_bytes;
    slots = layout->bank_bytes > 2 * layout->header_bytes
                ? (layout->bank_bytes - 2 * layout->header_bytes) / layout->slot_bytes
                : 0;
    layout->slot_count = (uint16_t)(slots < KSHOT_STORE_MAX_SLOTS ? slots : KSHOT_STORE_MAX_SLOTS);
    layout->capacity =
        (uint16_t)(layout->slot_count > KSHOT_STORE_MARKERS ? layout->slot_count - KSHOT_STORE_MARKERS : 0);
    return KSHOT_OK;
}

kshot_status kshot_store_costs_of(const kshot_store_config *config, uint32_t endurance, kshot_store_costs *costs)
{
    kshot_store_layout layout;
    uint32_t slots, banks, puts_a_bank;
    const kshot_status status = kshot_store_layout_of(config, &layout);

    if (status != KSHOT_OK) {
        return status;
    }
    if (costs == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (config->max_classes == 0 || config->max_classes > layout.capacity) {
        return KSHOT_ERROR_GEOMETRY;
    }
    banks = config->geometry.bank_count;
    slots = (uint32_t)config->max_classes + KSHOT_STORE_MARKERS;
    puts_a_bank = 2 + layout.slot_count - slots; /* without PURGED */
    costs->put_erases = config->geometry.erase_units_per_bank;
    costs->put_program_units =
        (2 * layout.header_bytes + slots * layout.slot_bytes) / config->geometry.program_unit_bytes;
    costs->forget_erases = costs->put_erases * banks;
    costs->mount_read_bytes = banks * (2 * KSHOT_STORE_HEADER_BYTES + layout.slot_count * layout.slot_bytes) +
                              layout.slot_count * layout.slot_bytes;
    costs->lifetime_sessions = (uint64_t)endurance * banks;
    costs->lifetime_puts_full = costs->lifetime_sessions * puts_a_bank;
    return KSHOT_OK;
}

/* The bytes that a header shares with every other of the same config. */
static void encode_config(const kshot_store_config *config, uint8_t *out)
{
    const kshot_store_geometry *const geometry = &config->geometry;
    kshot_store_layout layout;

    (void)kshot_store_layout_of(config, &layout);
    memcpy(out, magic, sizeof magic);
    kshot_put_u16(out + 4, KSHOT_STORE_FORMAT_VERSION);
    kshot_put_u16(out + 6, KSHOT_STORE_HEADER_BYTES);
    kshot_put_u32(out + 16, geometry->erase_unit_bytes);
    kshot_put_u16(out + 20, geometry->erase_units_per_bank);
    out[22] = 0;
    for (uint32_t unit = geometry->program_unit_bytes; unit > 1; unit /= 2) {
        out[22]++;
    }
    out[23] = (uint8_t)geometry->bank_count;
    kshot_put_u16(out + 24, config->max_classes);
    kshot_put_u16(out + 26, layout.slot_bytes);
    kshot_put_u16(out + 32, layout.slot_count);
    kshot_put_u16(out + 34, config->record_bytes);
    memcpy(out + 44, config->fingerprint, KSHOT_STORE_FINGERPRINT_BYTES);
}

void kshot_store_header_encode(const kshot_store_config *config, kshot_store_header *header, uint8_t *out)
{
    encode_config(config, out);
    kshot_put_u32(out + 8, header->sequence);
    kshot_put_u32(out + 12, header->erase_count);
    kshot_put_u32(out + 28, header->wear);
    kshot_put_u16(out + 36, header->snapshot_count);
    kshot_put_u16(out + 38, header->flags);
    kshot_put_u32(out + 40, header->log_sequence);
    header->crc = kshot_crc32(0, out, HEADER_CRC_AT);
    kshot_put_u32(out + HEADER_CRC_AT, header->crc);
}

kshot_store_header_kind kshot_store_header_decode(const kshot_store_config *config, const uint8_t *bytes,
                                                  kshot_store_header *header)
{
    uint8_t expected[KSHOT_STORE_HEADER_BYTES];

    memset(header, 0, sizeof *header);
    if (memcmp(bytes, magic, sizeof magic) != 0 ||
        kshot_get_u32(bytes + HEADER_CRC_AT) != kshot_crc32(0, bytes, HEADER_CRC_AT)) {
        return KSHOT_STORE_HEADER_NONE;
    }
    header->sequence = kshot_get_u32(bytes + 8);
    header->erase_count = kshot_get_u32(bytes + 12);
    header->wear = kshot_get_u32(bytes + 28);
    header->snapshot_count = kshot_get_u16(bytes + 36);
    header->flags = kshot_get_u16(bytes + 38);
    header->log_sequence = kshot_get_u32(bytes + 40);
    kshot_store_header_encode(config, header, expected);
    if (memcmp(bytes, expected, KSHOT_STORE_HEADER_BYTES) != 0 || header->snapshot_count > config->max_classes) {
        return KSHOT_STORE_HEADER_FOREIGN;
    }
    return KSHOT_STORE_HEADER_OURS;
}

/* The first slot behind the markers. */
static uint32_t first_put(const kshot_store_header *header)
{
    return header->snapshot_count + KSHOT_STORE_MARKERS - ((header->flags & KSHOT_STORE_FLAG_PURGE) == 0 ? 1u : 0u);
}

/* The only type that slot `index` can have. */
static uint8_t type_at(uint32_t index, const kshot_store_header *header)
{
    if (index < header->snapshot_count || index >= first_put(header)) {
        return KSHOT_STORE_PUT;
    }
    return (uint8_t)(KSHOT_STORE_COMMIT + index - header->snapshot_count);
}

/* Snapshot and markers follow each other without a gap; an operation may pass over slots that failed. */
static bool can_follow(uint32_t index, uint32_t previous, const kshot_store_header *header)
{
    if (index >= first_put(header)) {
        return previous < index && previous >= first_put(header) - 1;
    }
    return previous == (index == 0 ? KSHOT_STORE_NO_SLOT : index - 1);
}

void kshot_store_slot_encode(const kshot_store_config *config, const kshot_store_layout *layout, uint32_t seed,
                             const kshot_store_slot *slot, uint8_t *out)
{
    const uint32_t used = RECORD_AT + (slot->type == KSHOT_STORE_PUT ? config->record_bytes : 0u);

    out[0] = slot->type;
    out[1] = 0;
    kshot_put_u16(out + 2, slot->class_id);
    kshot_put_u32(out + 4, slot->log_sequence);
    kshot_put_u32(out + 8, slot->token);
    kshot_put_u16(out + 12, slot->index);
    kshot_put_u16(out + 14, slot->previous);
    memset(out + used, 0, layout->slot_bytes - used);
    kshot_put_u32(out + layout->slot_bytes - 4, kshot_crc32(seed, out, layout->slot_bytes - 4));
}

bool kshot_store_slot_decode(const kshot_store_layout *layout, const kshot_store_header *header, uint16_t index,
                             const uint8_t *bytes, kshot_store_slot *slot)
{
    const uint32_t crc_at = layout->slot_bytes - 4;

    slot->type = bytes[0];
    slot->class_id = kshot_get_u16(bytes + 2);
    slot->log_sequence = kshot_get_u32(bytes + 4);
    slot->token = kshot_get_u32(bytes + 8);
    slot->index = kshot_get_u16(bytes + 12);
    slot->previous = kshot_get_u16(bytes + 14);
    return slot->type == type_at(index, header) && bytes[1] == 0 && slot->index == index &&
           (slot->type != KSHOT_STORE_PUT || slot->class_id != 0) && can_follow(index, slot->previous, header) &&
           kshot_get_u32(bytes + crc_at) == kshot_crc32(header->crc, bytes, crc_at);
}

uint8_t *kshot_store_slot_record(uint8_t *slot)
{
    return slot + RECORD_AT;
}
