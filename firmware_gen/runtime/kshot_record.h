/* SPDX-License-Identifier: Apache-2.0 */
/* What the store keeps of a class as bytes: docs/store_format.md, "Records". Layouts are little-endian and have one
 * spelling: bytes that are not used are zero.
 *
 * A model names the format of its learner, so that a linker leaves the other out. */
#ifndef KSHOT_RECORD_H
#define KSHOT_RECORD_H

#include "kshot_learner.h"
#include "kshot_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KSHOT_RECORD_VERSION 1
#define KSHOT_RECORD_HEAD_BYTES 26u /* label and number of shots; what was learned comes behind them */

#define KSHOT_NEGATIVES_ID 65280u /* of the first record of negatives; KSHOT_SETTINGS_ID is no such */
#define KSHOT_SETTINGS_ID 65535u

typedef struct kshot_record_format {
    /* Bytes of what a class has learned. */
    uint32_t (*state_bytes)(const kshot_slots *slots);
    void (*save)(const kshot_slots *slots, uint32_t slot, uint8_t *state);
    /* Teaches an empty slot what a class of so many shots had learned. False, and it stays empty, where no class can
     * have learned that, or there is no room for so many shots. */
    bool (*load)(const kshot_learner *learner, const kshot_slots *slots, uint32_t slot, uint32_t shots,
                 const uint8_t *state);
    /* Adds the same to what a slot has learned already. KSHOT_ERROR_FULL where it has no room for all shots;
     * KSHOT_ERROR_CORRUPT where `load` would be false. Nothing is changed then. */
    kshot_status (*merge)(const kshot_learner *learner, const kshot_slots *slots, uint32_t slot, uint32_t shots,
                          const uint8_t *state);
} kshot_record_format;

/* Of the prototypical learner: sums and squares. */
extern const kshot_record_format kshot_record_sums;
/* Of the learners that keep their shots. */
extern const kshot_record_format kshot_record_shots;

static inline uint32_t kshot_record_bytes(const kshot_record_format *format, const kshot_slots *slots)
{
    return KSHOT_RECORD_HEAD_BYTES + format->state_bytes(slots);
}

/* The class of a slot into record [kshot_record_bytes]. */
void kshot_record_save(const kshot_record_format *format, const kshot_slots *slots, uint32_t slot, uint8_t *record);

/* The other way about, into an empty slot; the class keeps the id 0. False, and the slot is empty, where
 * kshot_record_save() cannot have written the record. */
bool kshot_record_load(const kshot_record_format *format, const kshot_learner *learner, const kshot_slots *slots,
                       uint32_t slot, const uint8_t *record);

/* A record's number of shots; in records of negatives their number, in that of the settings the rate in Q16. */
uint16_t kshot_record_shot_count(const uint8_t *record);
void kshot_record_set_shot_count(uint8_t *record, uint32_t shots);

#ifdef __cplusplus
}
#endif
#endif
