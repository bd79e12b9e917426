/* SPDX-License-Identifier: Apache-2.0 */
#include "flash_model.h"

#include <stddef.h>
#include <string.h>

typedef enum flash_reading {
    STEADY,      /* as in `now` */
    OLD_OR_NEW,  /* at each boot, either as a whole */
    TOGETHER,    /* the same, and all of the erase unit's alike */
    BIT_BY_BIT,  /* at each boot, each bit from either */
    FAULT,       /* an ECC fault */
    FAULT_OR_NEW /* at each boot, either */
} flash_reading;

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint32_t flash_model_random(flash_model *model, uint32_t below)
{
    model->random++;
    return (uint32_t)(mix(model->random) % below);
}

static uint8_t erased_byte(const flash_model *model)
{
    const int16_t value = model->geometry->erased_value;
    return (uint8_t)(value == KSHOT_STORE_ERASED_UNDEFINED ? 0xff : value);
}

void flash_model_init(flash_model *model, const kshot_store_geometry *geometry, const kshot_store_layout *layout,
                      uint64_t seed)
{
    memset(model, 0, offsetof(flash_model, now));
    model->geometry = geometry;
    model->layout = layout;
    model->bytes = layout->bank_bytes * geometry->bank_count;
    model->random = mix(seed);
    model->outcome = -1;
    memset(model->now, erased_byte(model), model->bytes);
    memset(model->old, erased_byte(model), model->bytes);
    for (uint32_t i = 0; i < model->bytes / geometry->program_unit_bytes; i++) {
        model->units[i] = (flash_unit){.clean = 1, .reads = STEADY};
    }
    flash_model_boot(model);
}

void flash_model_boot(flash_model *model)
{
    model->boot = mix(model->random++);
}

bool flash_model_bank_is_clean(const flash_model *model, uint32_t bank)
{
    const uint32_t count = model->layout->bank_bytes / model->geometry->program_unit_bytes;
    for (uint32_t i = bank * count; i < (bank + 1) * count; i++) {
        if (!model->units[i].clean) {
            return false;
        }
    }
    return true;
}

static kshot_flash_result read_model(void *context, uint32_t address, uint8_t *data, uint32_t len)
{
    flash_model *const model = (flash_model *)context;
    const uint32_t size = model->geometry->program_unit_bytes;
    const bool undefined = model->geometry->erased_value == KSHOT_STORE_ERASED_UNDEFINED;
    bool fault = false;

    model->read_bytes += len;
    memcpy(data, model->now + address, len);
    for (uint32_t u = address / size; u <= (address + len - 1) / size; u++) {
        const flash_unit unit = model->units[u];
        const uint64_t group = unit.reads == TOGETHER ? u * size / model->geometry->erase_unit_bytes : u;
        const uint64_t chance = mix(model->boot ^ group << 20 ^ unit.reads);
        const uint32_t first = u * size > address ? u * size : address;
        const uint32_t end = (u + 1) * size < address + len ? (u + 1) * size : address + len;
        if (unit.reads == STEADY && !(unit.clean && undefined)) {
            continue;
        }
        fault = fault || unit.reads == FAULT || (unit.reads == FAULT_OR_NEW && (chance & 1) == 0);
        for (uint32_t i = first; i < end; i++) {
            const uint8_t noise = (uint8_t)mix(chance + i);
            if (unit.clean && undefined) {
                data[i - address] = noise;
            } else if ((unit.reads == OLD_OR_NEW || unit.reads == TOGETHER) && (chance & 1) == 0) {
                data[i - address] = model->old[i];
            } else if (unit.reads == BIT_BY_BIT) {
                data[i - address] = (uint8_t)((model->now[i] & noise) | (model->old[i] & ~noise));
            }
        }
    }
    return fault ? KSHOT_FLASH_UNREADABLE : KSHOT_FLASH_OK;
}

/* What is left of a unit whose program was cut: the nine outcomes. */
static void tear_program(flash_model *model, uint32_t u, const uint8_t *data, int outcome)
{
    const uint32_t size = model->geometry->program_unit_bytes;
    uint8_t *const now = model->now + u * size;
    const uint32_t part = flash_model_random(model, size + 1);

    memcpy(model->old + u * size, now, size);
    model->units[u] = (flash_unit){.clean = 0, .reads = STEADY};
    switch (outcome) {
    case 0: /* reads as if it had not begun; it may not be programmed all the same */
        break;
    case 1: /* complete */
        memcpy(now, data, size);
        break;
    case 2: /* complete at some boots */
        memcpy(now, data, size);
        model->units[u].reads = model->metastable ? OLD_OR_NEW : STEADY;
        break;
    case 3: /* its beginning */
        memcpy(now, data, part);
        break;
    case 4: /* its end */
        memcpy(now + part, data + part, size - part);
        break;
    case 5: /* some of its bits */
        for (uint32_t i = 0; i < size; i++) {
            const uint8_t mask = (uint8_t)flash_model_random(model, 256);
            now[i] = (uint8_t)((data[i] & mask) | (now[i] & ~mask));
        }
        break;
    case 6: /* other bits at each boot */
        memcpy(now, data, size);
        model->units[u].reads = model->metastable ? BIT_BY_BIT : STEADY;
        break;
    case 7: /* anything */
        for (uint32_t i = 0; i < size; i++) {
            now[i] = (uint8_t)flash_model_random(model, 256);
        }
        break;
    default: /* an ECC fault, or complete; where there is no ECC, inverted */
        for (uint32_t i = 0; i < size; i++) {
            now[i] = (uint8_t)(model->ecc ? data[i] : ~data[i]);
        }
        if (model->ecc) {
            model->units[u].reads = model->metastable && flash_model_random(model, 2) ? FAULT_OR_NEW : FAULT;
        }
    }
}

/* What is left of an erase unit whose erase was cut: the six outcomes. */
static void tear_erase(flash_model *model, uint32_t address, int outcome)
{
    const uint32_t size = model->geometry->program_unit_bytes;
    const uint32_t first = address / size, count = model->geometry->erase_unit_bytes / size;
    const uint8_t flickers = flash_model_random(model, 2) ? TOGETHER : OLD_OR_NEW;

    for (uint32_t u = first; u < first + count; u++) {
        uint8_t *const now = model->now + u * size;
        flash_unit *const unit = &model->units[u];
        uint8_t reading = unit->reads;
        if (outcome == 4 && model->metastable) {
            memcpy(model->old + u * size, now, size);
            memset(now, erased_byte(model), size);
            reading = flickers;
        } else if (outcome == 1 || outcome == 4 || (outcome == 2 && flash_model_random(model, 2))) {
            memset(now, erased_byte(model), size);
            reading = STEADY;
        } else if (outcome == 3) {
            for (uint32_t i = 0; i < size; i++) {
                const uint8_t mask = (uint8_t)flash_model_random(model, 256);
                now[i] = (uint8_t)((erased_byte(model) & mask) | (now[i] & ~mask));
            }
            reading = STEADY;
        } else if (outcome == 5) {
            for (uint32_t i = 0; i < size; i++) {
                now[i] = (uint8_t)flash_model_random(model, 256);
            }
            reading = model->ecc ? FAULT : STEADY;
        } /* else, and always for outcome 0: it reads as it did */
        *unit = (flash_unit){.clean = 0, .reads = reading};
    }
}

static bool event_is(const flash_model *model, cut_kind kind)
{
    return model->cut_at == kind || model->cut_at == CUT_ANY;
}

/* Whether power goes now. */
static bool is_cut(flash_model *model, cut_kind kind)
{
    return event_is(model, kind) && model->cut_in > 0 && --model->cut_in == 0;
}

static void cut(flash_model *model)
{
    model->cut_at = CUT_NONE;
    model->cuts++;
    longjmp(*model->power, 1);
}

static int outcome_of(flash_model *model, int count)
{
    return model->outcome >= 0 ? model->outcome % count : (int)flash_model_random(model, (uint32_t)count);
}

static cut_kind kind_of(const flash_model *model, uint32_t address, const uint8_t *data)
{
    if (address % model->layout->bank_bytes < 2 * model->layout->header_bytes) {
        return CUT_HEADER;
    }
    return (cut_kind)(CUT_PUT + data[0] - KSHOT_STORE_PUT);
}

static kshot_flash_result prog_model(void *context, uint32_t address, const uint8_t *data, uint32_t len)
{
    flash_model *const model = (flash_model *)context;
    const uint32_t size = model->geometry->program_unit_bytes;
    const uint32_t count = len / size;
    const cut_kind kind = kind_of(model, address, data);
    const bool fails = model->fault_permille > 0 && flash_model_random(model, 1000) < (uint32_t)model->fault_permille;
    const uint32_t failing = fails ? flash_model_random(model, count) : count;
    /* a cut that waits for a kind of slot takes it at its last unit or anywhere */
    const uint32_t cut_unit = flash_model_random(model, 2) ? count - 1 : flash_model_random(model, count);

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t u = address / size + i;
        model->events++;
        model->written_twice += !model->units[u].clean;
        if (model->cut_at == CUT_ANY ? is_cut(model, CUT_ANY) : (i == cut_unit && is_cut(model, kind))) {
            tear_program(model, u, data + i * size, outcome_of(model, TORN_PROGRAMS));
            cut(model);
        }
        if (i == failing) {
            tear_program(model, u, data + i * size, outcome_of(model, TORN_PROGRAMS));
            return KSHOT_FLASH_FAILED;
        }
        memcpy(model->now + u * size, data + i * size, size);
        model->units[u] = (flash_unit){.clean = 0, .reads = STEADY};
    }
    return KSHOT_FLASH_OK;
}

static kshot_flash_result erase_model(void *context, uint32_t address)
{
    flash_model *const model = (flash_model *)context;
    const uint32_t size = model->geometry->program_unit_bytes, len = model->geometry->erase_unit_bytes;

    model->events++;
    model->erases[address / len % 16384]++;
    if (is_cut(model, model->cut_at == CUT_ANY ? CUT_ANY : CUT_ERASE)) {
        tear_erase(model, address, outcome_of(model, TORN_ERASES));
        cut(model);
    }
    if (model->fault_permille > 0 && flash_model_random(model, 1000) < (uint32_t)model->fault_permille) {
        tear_erase(model, address, outcome_of(model, TORN_ERASES));
        return KSHOT_FLASH_FAILED;
    }
    memset(model->now + address, erased_byte(model), len);
    for (uint32_t u = address / size; u < (address + len) / size; u++) {
        model->units[u] = (flash_unit){.clean = 1, .reads = STEADY};
    }
    return KSHOT_FLASH_OK;
}

kshot_flash flash_model_callbacks(flash_model *model)
{
    const kshot_flash callbacks = {model, read_model, prog_model, erase_model};
    return callbacks;
}
