/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of kshot_helium_vectors.h in plain C, where they are described. */
#ifndef KSHOT_HELIUM_VECTORS_IN_C_H
#define KSHOT_HELIUM_VECTORS_IN_C_H

#include "kshot_fixed_point.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kshot_bytes {
    int8_t lane[16];
} kshot_bytes;

typedef struct kshot_words {
    int32_t lane[4];
} kshot_words;

static inline kshot_bytes kshot_bytes_load_first(const int8_t *from, uint32_t len)
{
    kshot_bytes bytes = {{0}};
    for (uint32_t i = 0; i < 16 && i < len; i++) {
        bytes.lane[i] = from[i];
    }
    return bytes;
}

static inline kshot_bytes kshot_bytes_load(const int8_t *from)
{
    return kshot_bytes_load_first(from, 16);
}

static inline kshot_bytes kshot_bytes_gather(const int8_t *from, const uint8_t *offsets, uint16_t mask)
{
    kshot_bytes bytes = {{0}};
    for (uint32_t i = 0; i < 16; i++) {
        if (((uint32_t)mask >> i & 1u) != 0) {
            bytes.lane[i] = from[offsets[i]];
        }
    }
    return bytes;
}

static inline kshot_bytes kshot_bytes_fill(int8_t value)
{
    kshot_bytes bytes;
    for (uint32_t i = 0; i < 16; i++) {
        bytes.lane[i] = value;
    }
    return bytes;
}

static inline kshot_bytes kshot_bytes_max(kshot_bytes a, kshot_bytes b)
{
    for (uint32_t i = 0; i < 16; i++) {
        a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
    }
    return a;
}

static inline kshot_bytes kshot_bytes_min(kshot_bytes a, kshot_bytes b)
{
    for (uint32_t i = 0; i < 16; i++) {
        a.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
    }
    return a;
}

static inline int32_t kshot_bytes_add_dot(int32_t sum, kshot_bytes a, kshot_bytes b)
{
    for (uint32_t i = 0; i < 16; i++) {
        sum += a.lane[i] * b.lane[i];
    }
    return sum;
}

static inline int32_t kshot_bytes_dot(kshot_bytes a, kshot_bytes b)
{
    return kshot_bytes_add_dot(0, a, b);
}

static inline void kshot_bytes_store_first(int8_t *to, kshot_bytes values, uint32_t len)
{
    for (uint32_t i = 0; i < 16 && i < len; i++) {
        to[i] = values.lane[i];
    }
}

static inline void kshot_bytes_store(int8_t *to, kshot_bytes values)
{
    kshot_bytes_store_first(to, values, 16);
}

static inline kshot_words kshot_words_of(int32_t a, int32_t b, int32_t c, int32_t d)
{
    const kshot_words words = {{a, b, c, d}};
    return words;
}

static inline kshot_words kshot_words_fill(int32_t value)
{
    return kshot_words_of(value, value, value, value);
}

static inline kshot_words kshot_words_load(const int32_t *from)
{
    return kshot_words_of(from[0], from[1], from[2], from[3]);
}

static inline void kshot_words_store(int32_t *to, kshot_words values)
{
    for (uint32_t i = 0; i < 4; i++) {
        to[i] = values.lane[i];
    }
}

static inline kshot_words kshot_words_widen_first(const int8_t *from, uint32_t len)
{
    kshot_words words = {{0}};
    for (uint32_t i = 0; i < 4 && i < len; i++) {
        words.lane[i] = from[i];
    }
    return words;
}

static inline kshot_words kshot_words_widen(const int8_t *from)
{
    return kshot_words_widen_first(from, 4);
}

static inline kshot_words kshot_words_gather_first(const int8_t *from, kshot_words offsets, uint32_t len)
{
    kshot_words words = {{0}};
    for (uint32_t i = 0; i < 4 && i < len; i++) {
        words.lane[i] = from[offsets.lane[i]];
    }
    return words;
}

#define KSHOT_WORDS_2(name, expression)                                                                                \
    static inline kshot_words name(kshot_words a, kshot_words b)                                                       \
    {                                                                                                                  \
        for (uint32_t i = 0; i < 4; i++) {                                                                             \
            const int32_t x = a.lane[i], y = b.lane[i];                                                                \
            a.lane[i] = expression;                                                                                    \
        }                                                                                                              \
        return a;                                                                                                      \
    }                                                                                                                  \
    static inline kshot_words name##_each(kshot_words a, int32_t b)                                                    \
    {                                                                                                                  \
        return name(a, kshot_words_fill(b));                                                                           \
    }

static inline int32_t kshot_shift_rounded(int32_t value, int32_t exponent)
{
    return exponent >= 0 ? kshot_shift_left(value, exponent)
                         : (int32_t)(((int64_t)value + ((int64_t)1 << (-exponent - 1))) >> -exponent);
}

KSHOT_WORDS_2(kshot_words_add, x + y)
KSHOT_WORDS_2(kshot_words_multiply, x *y)
KSHOT_WORDS_2(kshot_words_max, kshot_max(x, y))
KSHOT_WORDS_2(kshot_words_min, kshot_min(x, y))
KSHOT_WORDS_2(kshot_words_multiply_high, kshot_multiply_high(x, y))
KSHOT_WORDS_2(kshot_words_and, (int32_t)((uint32_t)x &(uint32_t)y))
KSHOT_WORDS_2(kshot_words_shift, kshot_shift_rounded(x, y))
#undef KSHOT_WORDS_2

static inline kshot_words kshot_words_sign(kshot_words a)
{
    for (uint32_t i = 0; i < 4; i++) {
        a.lane[i] >>= 31;
    }
    return a;
}

static inline void kshot_words_scatter_first(int8_t *to, uint32_t step, kshot_words values, uint32_t len)
{
    for (uint32_t i = 0; i < 4 && i < len; i++) {
        to[i * step] = (int8_t)(uint8_t)(uint32_t)values.lane[i];
    }
}

static inline void kshot_words_scatter(int8_t *to, uint32_t step, kshot_words values)
{
    kshot_words_scatter_first(to, step, values, 4);
}

static inline void kshot_words_narrow_first(int8_t *to, kshot_words values, uint32_t len)
{
    kshot_words_scatter_first(to, 1, values, len);
}

static inline void kshot_words_narrow(int8_t *to, kshot_words values)
{
    kshot_words_scatter_first(to, 1, values, 4);
}

static inline void kshot_spread_first_8(const int8_t *from, int8_t *to, uint32_t step, uint32_t len)
{
    for (uint32_t i = 0; i < 8 && i < len; i++) {
        to[i * step] = from[i];
    }
}

static inline void kshot_spread_8(const int8_t *from, int8_t *to, uint32_t step)
{
    kshot_spread_first_8(from, to, step, 8);
}

#ifdef __cplusplus
}
#endif
#endif
