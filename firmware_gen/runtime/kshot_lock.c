/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_lock.h"

#include <stddef.h>
#include <string.h>

#include "kshot_sha256.h"

#define PURPOSE_BYTES 12u

/* The tag that opens the lock, or with another purpose the nonce that comes next. */
static void make_tag(const kshot_lock *lock, const char *purpose, uint8_t *tag)
{
    uint8_t message[PURPOSE_BYTES + KSHOT_LOCK_NONCE_BYTES];

    memcpy(message, purpose, PURPOSE_BYTES);
    memcpy(message + PURPOSE_BYTES, lock->nonce, KSHOT_LOCK_NONCE_BYTES);
    kshot_hmac_sha256(lock->key, KSHOT_LOCK_KEY_BYTES, message, sizeof message, tag);
}

kshot_status kshot_lock_init(kshot_lock *lock, const uint8_t *key, const uint8_t *random)
{
    if (lock == NULL || key == NULL || random == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    memset(lock, 0, sizeof *lock);
    lock->key = key;
    memcpy(lock->nonce, random, KSHOT_LOCK_NONCE_BYTES);
    return KSHOT_OK;
}

kshot_status kshot_lock_open(kshot_lock *lock, const uint8_t *tag)
{
    uint8_t expected[KSHOT_SHA256_BYTES], difference = 0;

    if (lock == NULL || tag == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (lock->key == NULL) {
        return KSHOT_ERROR_STATE;
    }
    lock->is_open = false;
    if (lock->failures == KSHOT_LOCK_ATTEMPTS) {
        return KSHOT_ERROR_LOCKED;
    }
    make_tag(lock, "kshot unlock", expected);
    for (uint32_t i = 0; i < KSHOT_LOCK_TAG_BYTES; i++) { /* all of them, so that time tells nothing */
        difference = (uint8_t)(difference | (expected[i] ^ tag[i]));
    }
    make_tag(lock, "kshot renew ", expected);
    memcpy(lock->nonce, expected, KSHOT_LOCK_NONCE_BYTES);
    if (difference != 0) {
        lock->failures++;
        return KSHOT_ERROR_LOCKED;
    }
    lock->is_open = true;
    return KSHOT_OK;
}

kshot_status kshot_lock_close(kshot_lock *lock)
{
    if (lock == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    lock->is_open = false;
    return KSHOT_OK;
}
