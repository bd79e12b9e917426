/* SPDX-License-Identifier: Apache-2.0 */
/* The DSP instructions that the kernels use, by their mnemonics; in C where the processor has none, so that the kernels
 * can be tested on a host. A "pair" is a word of two signed 16-bit lanes, the low one first. */
#ifndef KSHOT_DSP_INSTRUCTIONS_H
#define KSHOT_DSP_INSTRUCTIONS_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Four int8 values as one word, from any address. */
static inline uint32_t kshot_load_4(const int8_t *values)
{
    uint32_t word;
    memcpy(&word, values, sizeof word);
    return word;
}

static inline void kshot_store_4(int8_t *values, uint32_t word)
{
    memcpy(values, &word, sizeof word);
}

/* (low of a, low of b) and (high of a, high of b). */
static inline uint32_t kshot_pack_low(uint32_t a, uint32_t b)
{
    return (a & 0xFFFFu) | b << 16;
}

static inline uint32_t kshot_pack_high(uint32_t a, uint32_t b)
{
    return a >> 16 | (b & 0xFFFF0000u);
}

#if defined(__ARM_FEATURE_DSP)

#define KSHOT_DSP_2(name, mnemonic)                                                                                    \
    static inline int32_t name(uint32_t a, uint32_t b, int32_t sum)                                                    \
    {                                                                                                                  \
        int32_t result;                                                                                                \
        __asm__(mnemonic " %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));                                 \
        return result;                                                                                                 \
    }

KSHOT_DSP_2(kshot_smlad, "smlad")
KSHOT_DSP_2(kshot_smlabt, "smlabt")
KSHOT_DSP_2(kshot_smlatb, "smlatb")
#undef KSHOT_DSP_2

static inline uint32_t kshot_sxtb16(uint32_t word)
{
    uint32_t pair;
    __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(word));
    return pair;
}

static inline uint32_t kshot_sxtb16_ror8(uint32_t word)
{
    uint32_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}

static inline int32_t kshot_smmulr(int32_t a, int32_t b)
{
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(a), "r"(b));
    return high;
}

/* The larger of each two int8 values of a word. */
static inline uint32_t kshot_max_4(uint32_t a, uint32_t b)
{
    uint32_t larger;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(larger) : "r"(a), "r"(b) : "cc");
    return larger;
}

/* value / 2, limited to int8. */
static inline int32_t kshot_ssat8_asr1(int32_t value)
{
    int32_t limited;
    __asm__("ssat %0, #8, %1, asr #1" : "=r"(limited) : "r"(value));
    return limited;
}

#else

static inline int32_t kshot_low(uint32_t pair)
{
    return (int16_t)(uint16_t)pair;
}

static inline int32_t kshot_high(uint32_t pair)
{
    return (int16_t)(uint16_t)(pair >> 16);
}

/* Sums wrap, as they do in the processor. */
static inline int32_t kshot_wrapped_sum(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t kshot_smlad(uint32_t a, uint32_t b, int32_t sum)
{
    sum = kshot_wrapped_sum(sum, kshot_low(a) * kshot_low(b));
    return kshot_wrapped_sum(sum, kshot_high(a) * kshot_high(b));
}

static inline int32_t kshot_smlabt(uint32_t a, uint32_t b, int32_t sum)
{
    return kshot_wrapped_sum(sum, kshot_low(a) * kshot_high(b));
}

static inline int32_t kshot_smlatb(uint32_t a, uint32_t b, int32_t sum)
{
    return kshot_wrapped_sum(sum, kshot_high(a) * kshot_low(b));
}

static inline uint32_t kshot_sxtb16(uint32_t word)
{
    const int32_t low = (int8_t)(uint8_t)word, high = (int8_t)(uint8_t)(word >> 16);
    return ((uint32_t)low & 0xFFFFu) | (uint32_t)high << 16;
}

static inline uint32_t kshot_sxtb16_ror8(uint32_t word)
{
    return kshot_sxtb16(word >> 8);
}

static inline int32_t kshot_smmulr(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + INT64_C(0x80000000)) >> 32);
}

static inline uint32_t kshot_max_4(uint32_t a, uint32_t b)
{
    uint32_t larger = 0;
    for (uint32_t bit = 0; bit < 32; bit += 8) {
        const int8_t first = (int8_t)(uint8_t)(a >> bit), second = (int8_t)(uint8_t)(b >> bit);
        larger |= (uint32_t)(uint8_t)(first > second ? first : second) << bit;
    }
    return larger;
}

static inline int32_t kshot_ssat8_asr1(int32_t value)
{
    value >>= 1;
    return value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value;
}

#endif

/* A sum, doubled, to the output's scale: the high multiplication and the division by a power of two of
 * kshot_fixed_point.h with the output's zero point added, limited to int8. Right where the sum is below 2^30. `shift`
 * is one less than the power, `rounding` is (2 * zero point + 1) << shift. */
static inline int32_t kshot_dsp_requantize(int32_t doubled, int32_t multiplier, int32_t rounding, uint32_t shift)
{
    int32_t value = kshot_smmulr(doubled, multiplier);
    value += value >> 31;
    value += rounding;
    return kshot_ssat8_asr1(value >> shift);
}

#ifdef __cplusplus
}
#endif
#endif
