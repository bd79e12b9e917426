/* SPDX-License-Identifier: Apache-2.0 */
/* Exponential in IEEE binary32, the same bits on every machine: one rounding an operation, no fused multiply-add. */
#ifndef KSHOT_EXP32_H
#define KSHOT_EXP32_H

#include <stdint.h>
#include <string.h>

#if defined(__FAST_MATH__)
#error "kshot's binary32 arithmetic needs exact rounding: build without -ffast-math"
#endif

/* exp(x) for a softmax, x <= 0, within 4e-6 relatively; 0 below -17, where it is lost beside the largest power, 1.
 * x = k ln 2 + r, ln 2 in two parts (Cody and Waite 1980), a polynomial of fifth order in r, the exponent k by its
 * bits. */
static inline float kshot_exp32(float x)
{
    static const float coefficients[] = {0.00833333377f, 0.0416666679f, 0.166666672f, 0.5f, 1.0f, 1.0f};
    const float log2_e = 1.44269502f, ln2_high = 0.693359375f, ln2_low = -2.12194442e-4f;

    if (x < -17.0f) {
        return 0.0f;
    }
    const int32_t k = (int32_t)(x * log2_e - 0.5f);
    const float whole = (float)k;
    const float r = (x - whole * ln2_high) - whole * ln2_low;
    float power = coefficients[0];
    for (uint32_t i = 1; i < sizeof coefficients / sizeof *coefficients; i++) {
        power = power * r + coefficients[i];
    }
    const uint32_t bits = (uint32_t)(k + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return power * scale;
}

#endif
