/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of Helium, as far as the kernels use them; in C where the processor has none, so that the kernels can be
 * tested on a host. `bytes` are 16 int8 values, `words` 4 int32 values. A `len` counts the first lanes that are loaded
 * or stored; it may be larger than there are lanes, and what is not loaded is 0. */
#ifndef KSHOT_HELIUM_VECTORS_H
#define KSHOT_HELIUM_VECTORS_H

#include <stdint.h>

#if defined(__ARM_FEATURE_MVE)

#include <arm_mve.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int8x16_t kshot_bytes;
typedef int32x4_t kshot_words;

static inline kshot_bytes kshot_bytes_load(const int8_t *from)
{
    return vldrbq_s8(from);
}

static inline kshot_bytes kshot_bytes_load_first(const int8_t *from, uint32_t len)
{
    return vldrbq_z_s8(from, vctp8q(len));
}

/* The bytes at `offsets`; those whose bit of `mask` is 0 are 0 and not read. */
static inline kshot_bytes kshot_bytes_gather(const int8_t *from, const uint8_t *offsets, uint16_t mask)
{
    return vldrbq_gather_offset_z_s8(from, vldrbq_u8(offsets), mask);
}

static inline kshot_bytes kshot_bytes_fill(int8_t value)
{
    return vdupq_n_s8(value);
}

static inline kshot_bytes kshot_bytes_max(kshot_bytes a, kshot_bytes b)
{
    return vmaxq_s8(a, b);
}

static inline kshot_bytes kshot_bytes_min(kshot_bytes a, kshot_bytes b)
{
    return vminq_s8(a, b);
}

/* The sum of the products. */
static inline int32_t kshot_bytes_dot(kshot_bytes a, kshot_bytes b)
{
    return vmladavq_s8(a, b);
}

static inline int32_t kshot_bytes_add_dot(int32_t sum, kshot_bytes a, kshot_bytes b)
{
    return vmladavaq_s8(sum, a, b);
}

static inline void kshot_bytes_store(int8_t *to, kshot_bytes values)
{
    vstrbq_s8(to, values);
}

static inline void kshot_bytes_store_first(int8_t *to, kshot_bytes values, uint32_t len)
{
    vstrbq_p_s8(to, values, vctp8q(len));
}

static inline kshot_words kshot_words_of(int32_t a, int32_t b, int32_t c, int32_t d)
{
#if defined(__GNUC__) && !defined(__clang__)
    kshot_words words; /* the compiler would move one lane at a time */
    __asm__("vmov %q0[2], %q0[0], %1, %3\n\tvmov %q0[3], %q0[1], %2, %4"
            : "=&w"(words)
            : "r"(a), "r"(b), "r"(c), "r"(d));
    return words;
#else
    const int32_t lanes[4] = {a, b, c, d};
    return vldrwq_s32(lanes);
#endif
}

static inline kshot_words kshot_words_fill(int32_t value)
{
    return vdupq_n_s32(value);
}

static inline kshot_words kshot_words_load(const int32_t *from)
{
    return vldrwq_s32(from);
}

static inline void kshot_words_store(int32_t *to, kshot_words values)
{
    vstrwq_s32(to, values);
}

/* Four bytes, widened. */
static inline kshot_words kshot_words_widen(const int8_t *from)
{
    return vldrbq_s32(from);
}

static inline kshot_words kshot_words_widen_first(const int8_t *from, uint32_t len)
{
    return vldrbq_z_s32(from, vctp32q(len));
}

/* The bytes at `offsets`, widened; as many as `len`. */
static inline kshot_words kshot_words_gather_first(const int8_t *from, kshot_words offsets, uint32_t len)
{
    return vldrbq_gather_offset_z_s32(from, vreinterpretq_u32_s32(offsets), vctp32q(len));
}

static inline kshot_words kshot_words_add(kshot_words a, kshot_words b)
{
    return vaddq_s32(a, b);
}

static inline kshot_words kshot_words_add_each(kshot_words a, int32_t b)
{
    return vaddq_n_s32(a, b);
}

/* Products without their high halves. */
static inline kshot_words kshot_words_multiply(kshot_words a, kshot_words b)
{
    return vmulq_s32(a, b);
}

static inline kshot_words kshot_words_max(kshot_words a, kshot_words b)
{
    return vmaxq_s32(a, b);
}

static inline kshot_words kshot_words_min(kshot_words a, kshot_words b)
{
    return vminq_s32(a, b);
}

/* kshot_multiply_high() of each lane. */
static inline kshot_words kshot_words_multiply_high(kshot_words a, kshot_words b)
{
    return vqrdmulhq_s32(a, b);
}

static inline kshot_words kshot_words_multiply_high_each(kshot_words a, int32_t b)
{
    return vqrdmulhq_n_s32(a, b);
}

/* -1 for values below 0, 0 for others. */
static inline kshot_words kshot_words_sign(kshot_words a)
{
    return vshrq_n_s32(a, 31);
}

static inline kshot_words kshot_words_and(kshot_words a, kshot_words b)
{
    return vandq_s32(a, b);
}

/* a * 2^exponent; for negative exponents, rounded with halves upwards. */
static inline kshot_words kshot_words_shift(kshot_words a, kshot_words exponent)
{
    return vrshlq_s32(a, exponent);
}

static inline kshot_words kshot_words_shift_each(kshot_words a, int32_t exponent)
{
    return vrshlq_n_s32(a, exponent);
}

/* Stores the low bytes. */
static inline void kshot_words_narrow(int8_t *to, kshot_words values)
{
    vstrbq_s32(to, values);
}

static inline void kshot_words_narrow_first(int8_t *to, kshot_words values, uint32_t len)
{
    vstrbq_p_s32(to, values, vctp32q(len));
}

/* Stores the low bytes `step` apart. */
static inline void kshot_words_scatter(int8_t *to, uint32_t step, kshot_words values)
{
    vstrbq_scatter_offset_s32(to, vmulq_n_u32(vidupq_n_u32(0, 1), step), values);
}

static inline void kshot_words_scatter_first(int8_t *to, uint32_t step, kshot_words values, uint32_t len)
{
    vstrbq_scatter_offset_p_s32(to, vmulq_n_u32(vidupq_n_u32(0, 1), step), values, vctp32q(len));
}

/* Copies eight neighbouring bytes to places `step` apart; 7 * step is below 2^16. */
static inline void kshot_spread_8(const int8_t *from, int8_t *to, uint32_t step)
{
    const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)step);
    vstrbq_scatter_offset_s16(to, offsets, vldrbq_s16(from));
}

static inline void kshot_spread_first_8(const int8_t *from, int8_t *to, uint32_t step, uint32_t len)
{
    const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)step);
    const mve_pred16_t first = vctp16q(len);
    vstrbq_scatter_offset_p_s16(to, offsets, vldrbq_z_s16(from, first), first);
}

#ifdef __cplusplus
}
#endif

#else

#include "kshot_helium_vectors_in_c.h"

#endif
#endif
