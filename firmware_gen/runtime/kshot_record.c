/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_record.h"

#include <string.h>

#include "kshot_bytes.h"
#include "kshot_label.h"

#define SHOTS_AT KSHOT_LABEL_BYTES

uint16_t kshot_record_shot_count(const uint8_t *record)
{
    return kshot_get_u16(record + SHOTS_AT);
}

void kshot_record_set_shot_count(uint8_t *record, uint32_t shots)
{
    kshot_put_u16(record + SHOTS_AT, shots);
}

void kshot_record_save(const kshot_record_format *format, const kshot_slots *slots, uint32_t slot, uint8_t *record)
{
    memcpy(record, slots->classes[slot].label, KSHOT_LABEL_BYTES);
    kshot_record_set_shot_count(record, slots->classes[slot].shots);
    format->save(slots, slot, record + KSHOT_RECORD_HEAD_BYTES);
}

/* Zeros behind the label, so that two records of a class are the same bytes. */
static bool is_label(const uint8_t *record)
{
    uint32_t len = kshot_label_len((const char *)record);
    const bool found = len > 0;

    while (len < KSHOT_LABEL_BYTES && record[len] == 0) {
        len++;
    }
    return found && len == KSHOT_LABEL_BYTES;
}

bool kshot_record_load(const kshot_record_format *format, const kshot_learner *learner, const kshot_slots *slots,
                       uint32_t slot, const uint8_t *record)
{
    kshot_class *const loaded = &slots->classes[slot];
    const uint16_t shots = kshot_record_shot_count(record);

    learner->wipe(slots, slot);
    kshot_learner_wipe_bytes(loaded, sizeof *loaded);
    if (!is_label(record) || !format->load(learner, slots, slot, shots, record + KSHOT_RECORD_HEAD_BYTES)) {
        return false;
    }
    memcpy(loaded->label, record, KSHOT_LABEL_BYTES);
    return true;
}
