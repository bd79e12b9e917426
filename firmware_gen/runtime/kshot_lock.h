/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * @brief A lock before what changes or exports enrolled classes. Whoever has the key proves it by an HMAC-SHA-256 over
 * a nonce of this boot; docs/security.md says what that keeps out and what not.
 *
 *     kshot_lock_init(&lock, key, random_bytes);       // closed; random_bytes are new at every boot
 *     kshot_persist_guard(&p, &lock);                  // nothing is changed from here on ...
 *     kshot_lock_open(&lock, tag);                     // ... until the host answers lock.nonce with the right tag
 *     kshot_lock_close(&lock);
 *
 * With -DKSHOT_REQUIRE_UNLOCK nothing is changed without a lock either. */
#ifndef KSHOT_LOCK_H
#define KSHOT_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "kshot_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KSHOT_LOCK_KEY_BYTES 32   /**< of the key */
#define KSHOT_LOCK_NONCE_BYTES 16 /**< of the nonce */
#define KSHOT_LOCK_TAG_BYTES 32   /**< of the answer */
#define KSHOT_LOCK_ATTEMPTS 8     /**< wrong tags until the next boot */

/** State; only to be read. */
typedef struct kshot_lock {
    const uint8_t *key;                    /**< [#KSHOT_LOCK_KEY_BYTES], kept by the caller */
    uint8_t nonce[KSHOT_LOCK_NONCE_BYTES]; /**< to be answered; another one after every attempt */
    uint8_t failures;                      /**< wrong tags since the boot */
    bool is_open;                          /**< whether classes may be changed */
} kshot_lock;

/** @brief Prepares a lock; it is closed. Cost: none to speak of.
 * @param[out] lock
 * @param[in]  key     [#KSHOT_LOCK_KEY_BYTES]; must stay
 * @param[in]  random  [#KSHOT_LOCK_NONCE_BYTES] that no one can foresee, new at every boot; copied
 * @return #KSHOT_ERROR_ARGUMENT for a null pointer. */
kshot_status kshot_lock_init(kshot_lock *lock, const uint8_t *key, const uint8_t *random);

/** @brief Opens the lock to whoever has the key. Cost: an HMAC-SHA-256.
 * @param[in,out] lock
 * @param[in]     tag  [#KSHOT_LOCK_TAG_BYTES]: HMAC-SHA-256 with the key over "kshot unlock" and lock->nonce
 * @return #KSHOT_ERROR_LOCKED, and the lock is closed, for any other tag, and for every tag after
 * #KSHOT_LOCK_ATTEMPTS wrong ones; #KSHOT_ERROR_STATE before kshot_lock_init(). */
kshot_status kshot_lock_open(kshot_lock *lock, const uint8_t *tag);

/** @brief Closes the lock.
 * @param[in,out] lock
 * @return #KSHOT_ERROR_ARGUMENT for null. */
kshot_status kshot_lock_close(kshot_lock *lock);

#ifdef __cplusplus
}
#endif
#endif
