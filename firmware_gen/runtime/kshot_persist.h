/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * @brief Classes that survive a reset: a kshot, and the store in flash that holds the same.
 *
 *     static kshot k;                                     // memory, config: see the header of the generated model
 *     static kshot_persist p;
 *     glyphs_init(&k, &memory);
 *     status = kshot_persist_open(&p, &k, &glyphs_persist_config, &flash, &glyphs_persist_memory);
 *     if (status == KSHOT_ERROR_UNFORMATTED) {            // a new device; the product decides
 *         status = kshot_persist_format(&p, 0);
 *     }
 *     kshot_enroll_begin(&k, "wave");
 *     kshot_enroll_add(&k, input);
 *     kshot_persist_commit(&p, &id, token);               // on KSHOT_OK it is there for good
 *
 * A call that changes something does it in flash and in memory, or in neither. KSHOT_ERROR_FLASH means that it was not
 * acknowledged: memory then is as the store says, and kshot_store_token_status(&p->store, token) tells whether it
 * happened. Enrollments begin, take shots, give them back and are aborted as kshot.h has it, in memory alone, until
 * kshot_persist_commit(). What kshot.h changes without these calls is not kept. token: the host's number of the
 * operation, 0 for none.
 *
 * Besides what a call names, those that change something answer KSHOT_ERROR_ARGUMENT for a null pointer,
 * KSHOT_ERROR_STATE before kshot_persist_open(), #KSHOT_ERROR_LOCKED behind a closed lock, and what the store answers:
 * #KSHOT_ERROR_FLASH, #KSHOT_ERROR_CORRUPT where a record that must be copied cannot be read. Cost: one operation of
 * the store, of which kshot_store_costs_of() gives the erases and program units at most, beside the call of kshot.h.
 *
 * `store` answers for itself: kshot_store_state_of(), _stats_of(), _token_status(). */
#ifndef KSHOT_PERSIST_H
#define KSHOT_PERSIST_H

#include "kshot.h"
#include "kshot_lock.h"
#include "kshot_record.h"
#include "kshot_store.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Fixed at generation. The store has room for a record a class and, where the model rejects, for the negatives and one
 * with the settings. */
typedef struct kshot_persist_config {
    kshot_store_config store;          /**< geometry, room and fingerprint */
    const kshot_record_format *format; /**< of the model's learner */
} kshot_persist_config;

/** State; the fields are the runtime's own. */
typedef struct kshot_persist {
    kshot *k;                          /**< @private */
    const kshot_record_format *format; /**< @private */
    kshot_store store;                 /**< answers for itself; only to be read */
    const kshot_lock *lock;            /**< @private null for none */
    uint32_t rate_before;              /**< @private that k had when this was opened */
} kshot_persist;

/** @brief How many negatives one record takes.
 * @param[in] p  opened
 * @return at least 1 */
static inline uint32_t kshot_persist_negatives_of_record(const kshot_persist *p)
{
    return p->format->state_bytes(&p->k->slots) / p->k->slots.embedding_len;
}

/** @brief Mounts the store and teaches k all that it holds. Reads all of the flash and writes nothing.
 * @param[out]    p
 * @param[in,out] k       that kshot_init() has just prepared
 * @param[in]     config  the generated one; it and the next two must stay
 * @param[in]     flash   the board's
 * @param[in]     memory  the store's working memory
 * @return #KSHOT_ERROR_CORRUPT, and what can be read is there (DEGRADED, or a record that is none of this model's);
 * #KSHOT_ERROR_UNFORMATTED or #KSHOT_ERROR_INCOMPATIBLE, and only kshot_persist_format() works. Or, and nothing works:
 * #KSHOT_ERROR_ARGUMENT, #KSHOT_ERROR_STATE, #KSHOT_ERROR_MODEL (config and k do not belong together),
 * #KSHOT_ERROR_GEOMETRY, #KSHOT_ERROR_FLASH. */
kshot_status kshot_persist_open(kshot_persist *p, kshot *k, const kshot_persist_config *config,
                                const kshot_flash *flash, const kshot_store_memory *memory);

/** @brief From here on, calls below answer #KSHOT_ERROR_LOCKED unless the lock is open; also kshot_export() and
 * kshot_import().
 * @param[in,out] p
 * @param[in]     lock  must stay
 * @return #KSHOT_OK, or as every call. */
kshot_status kshot_persist_guard(kshot_persist *p, const kshot_lock *lock);

/** @brief An empty store in place of whatever is there; k forgets its classes, too.
 * @param[in,out] p
 * @param[in]     token  the host's number of the operation, 0 for none
 * @return #KSHOT_ERROR_STATE while an enrollment is open. */
kshot_status kshot_persist_format(kshot_persist *p, uint32_t token);

/** @brief kshot_enroll_commit(), for good: a new class, more or fewer shots of one, or other ones after
 * kshot_enroll_begin_anew(). The enrollment stays open where nothing happened.
 * @param[in,out] p
 * @param[out]    class_id  may be null
 * @param[in]     token
 * @return as kshot_enroll_commit() */
kshot_status kshot_persist_commit(kshot_persist *p, uint16_t *class_id, uint32_t token);

/** @brief kshot_rename(), for good.
 * @param[in,out] p
 * @param[in]     class_id
 * @param[in]     label
 * @param[in]     token
 * @return as kshot_rename() */
kshot_status kshot_persist_rename(kshot_persist *p, uint16_t class_id, const char *label, uint32_t token);

/** @brief Removes a class; on #KSHOT_OK no byte of what it learned is left in memory or flash.
 * @param[in,out] p
 * @param[in]     class_id
 * @param[in]     token
 * @return as kshot_forget() */
kshot_status kshot_persist_forget(kshot_persist *p, uint16_t class_id, uint32_t token);

/** @brief The same for all classes and negatives; the rate for false accepts is again what it was before
 * kshot_persist_open().
 * @param[in,out] p
 * @param[in]     token
 * @return as kshot_wipe() */
kshot_status kshot_persist_wipe(kshot_persist *p, uint32_t token);

/** @brief kshot_negative_add(), for good.
 * @param[in,out] p
 * @param[in]     input
 * @param[in]     token
 * @return as kshot_negative_add() */
kshot_status kshot_persist_negative_add(kshot_persist *p, const int8_t *input, uint32_t token);

/** @brief kshot_negative_add_embedding(), for good.
 * @param[in,out] p
 * @param[in]     embedding
 * @param[in]     token
 * @return as kshot_negative_add() */
kshot_status kshot_persist_negative_add_embedding(kshot_persist *p, const int8_t *embedding, uint32_t token);

/** @brief kshot_negatives_forget(), for good.
 * @param[in,out] p
 * @param[in]     token
 * @return as kshot_negatives_forget() */
kshot_status kshot_persist_negatives_forget(kshot_persist *p, uint32_t token);

/** @brief kshot_set_false_accepts(), for good.
 * @param[in,out] p
 * @param[in]     per_mille
 * @param[in]     token
 * @return as kshot_set_false_accepts() */
kshot_status kshot_persist_set_false_accepts(kshot_persist *p, uint16_t per_mille, uint32_t token);

/** @brief Removes from flash what classes were before they changed, as kshot_store_purge().
 * @param[in,out] p
 * @return #KSHOT_OK, or as every call. */
kshot_status kshot_persist_purge(kshot_persist *p);

/** @brief From DEGRADED to OK, as kshot_store_accept_loss().
 * @param[in,out] p
 * @return #KSHOT_OK, or as every call. */
kshot_status kshot_persist_accept_loss(kshot_persist *p);

/** @brief Whether classes may be changed and exported, as far as p and its lock go. For the runtime's own use.
 * @param[in] p
 * @return #KSHOT_OK where they may */
kshot_status kshot_persist_check(const kshot_persist *p);

#ifdef __cplusplus
}
#endif
#endif
