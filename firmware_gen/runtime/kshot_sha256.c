/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_sha256.h"

#include <string.h>

#include "kshot_learner.h"

#define BLOCK_BYTES 64u
#define LENGTH_AT 56u

/* Fractions of the cube roots of the first 64 primes: FIPS 180-4, 4.2.2. */
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotated(uint32_t x, uint32_t bits)
{
    return x >> bits | x << (32 - bits);
}

static uint32_t load_big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store_big_endian(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

/* The message schedule in a ring of 16 words, so that the stack stays small. */
static uint32_t next_word(uint32_t *ring, uint32_t i)
{
    const uint32_t before2 = ring[(i + 14) & 15], before15 = ring[(i + 1) & 15];
    const uint32_t small1 = rotated(before2, 17) ^ rotated(before2, 19) ^ before2 >> 10;
    const uint32_t small0 = rotated(before15, 7) ^ rotated(before15, 18) ^ before15 >> 3;

    ring[i & 15] += small1 + ring[(i + 9) & 15] + small0;
    return ring[i & 15];
}

static void compress(kshot_sha256 *hash)
{
    uint32_t ring[16], v[8];

    for (uint32_t i = 0; i < 16; i++) {
        ring[i] = load_big_endian(hash->block + 4 * i);
    }
    memcpy(v, hash->state, sizeof v);
    for (uint32_t i = 0; i < 64; i++) {
        const uint32_t word = i < 16 ? ring[i] : next_word(ring, i);
        const uint32_t big1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25);
        const uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        const uint32_t first = v[7] + big1 + choice + round_constants[i] + word;
        const uint32_t big0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22);
        const uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + big0 + majority;
    }
    for (uint32_t i = 0; i < 8; i++) {
        hash->state[i] += v[i];
    }
}

void kshot_sha256_begin(kshot_sha256 *hash)
{
    /* fractions of the square roots of the first eight primes: FIPS 180-4, 5.3.3 */
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memcpy(hash->state, initial, sizeof initial);
    hash->len = 0;
}

void kshot_sha256_add(kshot_sha256 *hash, const uint8_t *data, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        hash->block[hash->len++ % BLOCK_BYTES] = data[i];
        if (hash->len % BLOCK_BYTES == 0) {
            compress(hash);
        }
    }
}

void kshot_sha256_end(kshot_sha256 *hash, uint8_t *digest)
{
    static const uint8_t one = 0x80, zero = 0;
    const uint32_t bits = hash->len * 8u;

    kshot_sha256_add(hash, &one, 1);
    while (hash->len % BLOCK_BYTES != LENGTH_AT) {
        kshot_sha256_add(hash, &zero, 1);
    }
    store_big_endian(hash->block + LENGTH_AT, 0);
    store_big_endian(hash->block + LENGTH_AT + 4, bits);
    compress(hash);
    for (uint32_t i = 0; i < 8; i++) {
        store_big_endian(digest + 4 * i, hash->state[i]);
    }
    kshot_learner_wipe_bytes(hash, sizeof *hash);
}

static void add_padded_key(kshot_sha256 *hash, const uint8_t *key, uint32_t key_len, uint8_t pad)
{
    for (uint32_t i = 0; i < BLOCK_BYTES; i++) {
        const uint8_t byte = (uint8_t)((i < key_len ? key[i] : 0) ^ pad);
        kshot_sha256_add(hash, &byte, 1);
    }
}

void kshot_hmac_sha256(const uint8_t *key, uint32_t key_len, const uint8_t *message, uint32_t len, uint8_t *tag)
{
    kshot_sha256 hash;

    kshot_sha256_begin(&hash);
    add_padded_key(&hash, key, key_len, 0x36);
    kshot_sha256_add(&hash, message, len);
    kshot_sha256_end(&hash, tag);
    kshot_sha256_begin(&hash);
    add_padded_key(&hash, key, key_len, 0x5c);
    kshot_sha256_add(&hash, tag, KSHOT_SHA256_BYTES);
    kshot_sha256_end(&hash, tag);
}
