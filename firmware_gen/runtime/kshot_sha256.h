/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) and HMAC-SHA-256 (FIPS 198-1) for messages that lie in memory; small rather than fast. */
#ifndef KSHOT_SHA256_H
#define KSHOT_SHA256_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KSHOT_SHA256_BYTES 32

typedef struct kshot_sha256 {
    uint32_t state[8];
    uint32_t len; /* bytes so far, less than 2^29 */
    uint8_t block[64];
} kshot_sha256;

void kshot_sha256_begin(kshot_sha256 *hash);
void kshot_sha256_add(kshot_sha256 *hash, const uint8_t *data, uint32_t len);
void kshot_sha256_end(kshot_sha256 *hash, uint8_t *digest);

/* With a key of up to 64 bytes. */
void kshot_hmac_sha256(const uint8_t *key, uint32_t key_len, const uint8_t *message, uint32_t len, uint8_t *tag);

#ifdef __cplusplus
}
#endif
#endif
