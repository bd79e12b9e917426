/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_exchange.h"
#include "kshot_lock.h"
#include "kshot_sha256.h"
#include "persist_fixture.h"

static const uint8_t key[KSHOT_LOCK_KEY_BYTES] = "a key of thirty-two bytes";
static const uint8_t drawn[KSHOT_LOCK_NONCE_BYTES] = "sixteen drawn!!";
static kshot_lock lock;

static kshot_status answer_with(const uint8_t *with)
{
    uint8_t message[12 + KSHOT_LOCK_NONCE_BYTES] = "kshot unlock", tag[KSHOT_LOCK_TAG_BYTES];
    memcpy(message + 12, lock.nonce, sizeof lock.nonce);
    kshot_hmac_sha256(with, KSHOT_LOCK_KEY_BYTES, message, sizeof message, tag);
    return kshot_lock_open(&lock, tag);
}

static bool discard(void *context, const uint8_t *bytes, uint32_t len)
{
    (void)context;
    (void)bytes;
    return len > 0;
}

/* The key opens the lock; a tag that was seen does not open it again, nor any other. */
TEST(only_the_key_opens_it)
{
    uint8_t message[12 + KSHOT_LOCK_NONCE_BYTES] = "kshot unlock", tag[KSHOT_LOCK_TAG_BYTES];
    CHECK_EQUAL(KSHOT_OK, kshot_lock_init(&lock, key, drawn));
    CHECK(!lock.is_open);
    memcpy(message + 12, lock.nonce, sizeof lock.nonce);
    kshot_hmac_sha256(key, sizeof key, message, sizeof message, tag);
    tag[31] ^= 1;
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_lock_open(&lock, tag));
    CHECK(memcmp(lock.nonce, drawn, sizeof drawn) != 0);
    CHECK_EQUAL(KSHOT_OK, answer_with(key));
    CHECK(lock.is_open);
    tag[31] ^= 1; /* the right one for the first nonce */
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_lock_open(&lock, tag));
    CHECK(!lock.is_open);
    CHECK_EQUAL(KSHOT_OK, answer_with(key));
    CHECK_EQUAL(KSHOT_OK, kshot_lock_close(&lock));
    CHECK(!lock.is_open);
}

/* After so many wrong tags no right one helps until the next boot. */
TEST(guessing_ends)
{
    const uint8_t wrong[KSHOT_LOCK_KEY_BYTES] = {0};
    CHECK_EQUAL(KSHOT_OK, kshot_lock_init(&lock, key, drawn));
    for (int i = 0; i < KSHOT_LOCK_ATTEMPTS; i++) {
        CHECK_EQUAL(KSHOT_ERROR_LOCKED, answer_with(wrong));
    }
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, answer_with(key));
    CHECK_EQUAL(KSHOT_OK, kshot_lock_init(&lock, key, drawn));
    CHECK_EQUAL(KSHOT_OK, answer_with(key));
}

/* Behind a lock that is closed nothing is changed, in memory or flash, and nothing leaves the device. */
TEST(a_closed_lock_keeps_everything)
{
    uint16_t work[2 * MAX_CLASSES];
    const kshot_export_sink sink = {NULL, discard};
    const kshot_import_order order = {drawn, sizeof drawn, KSHOT_IMPORT_MERGE, work, 1};
    uint64_t before;
    long written;
    uint16_t id;
    start(PROTOTYPES);
    id = enroll("wave", 0);
    CHECK_EQUAL(KSHOT_OK, kshot_lock_init(&lock, key, drawn));
    CHECK_EQUAL(KSHOT_OK, kshot_persist_guard(&d.p, &lock));
    before = answers();
    written = ram.progs + ram.erases;
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_rename(&d.p, id, "w", 1));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_forget(&d.p, id, 1));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_wipe(&d.p, 1));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_format(&d.p, 1));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_negative_add(&d.p, shot(3), 1));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_negative_add_embedding(&d.p, shot(3), 1));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_negatives_forget(&d.p, 1));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_set_false_accepts(&d.p, 10, 1));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_purge(&d.p));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_accept_loss(&d.p));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_export(&d.p, 0, &sink));
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_import(&d.p, &order));
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&d.k, "clap"));
    add(10);
    CHECK_EQUAL(KSHOT_ERROR_LOCKED, kshot_persist_commit(&d.p, NULL, 1));
    CHECK(answers() == before);
    CHECK_EQUAL(written, ram.progs + ram.erases);
    CHECK_EQUAL(KSHOT_OK, answer_with(key));
    CHECK_EQUAL(KSHOT_OK, kshot_persist_commit(&d.p, NULL, 1));
    CHECK_EQUAL(KSHOT_OK, kshot_export(&d.p, 0, &sink));
}

/* Null pointers, and a lock that was never set up. */
TEST(misuse_is_refused)
{
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_lock_open(&lock, key));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_lock_init(NULL, key, drawn));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_lock_init(&lock, NULL, drawn));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_lock_init(&lock, key, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_lock_open(NULL, key));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_lock_open(&lock, NULL));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_lock_close(NULL));
    CHECK_EQUAL(KSHOT_ERROR_STATE, kshot_persist_guard(&d.p, &lock));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_persist_guard(NULL, &lock));
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, kshot_persist_guard(&d.p, NULL));
}

CHECK_MAIN(ENTRY(only_the_key_opens_it), ENTRY(guessing_ends), ENTRY(a_closed_lock_keeps_everything),
           ENTRY(misuse_is_refused))
