/* SPDX-License-Identifier: Apache-2.0 */
/* From the sums of kshot_dsp_dot.h to outputs. */
#ifndef KSHOT_DSP_OUTPUTS_H
#define KSHOT_DSP_OUTPUTS_H

#include "kshot_dsp_dot.h"
#include "kshot_dsp_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline kshot_dsp_sums kshot_dsp_start(const kshot_dsp_channels *channels)
{
    const kshot_dsp_sums sums = {channels->start[0], channels->start[1], channels->start[2], channels->start[3]};
    return sums;
}

/* Four channels of one pixel, `len` of which exist. */
static inline void kshot_dsp_store(const kshot_dsp_channels *channels, const kshot_dsp_sums *sums, int32_t rounding,
                                   uint32_t len, int8_t *output)
{
    const int32_t doubled[4] = {
        kshot_dsp_doubled_even(sums->both01, sums->only1),
        sums->only1 * 2,
        kshot_dsp_doubled_even(sums->both23, sums->only3),
        sums->only3 * 2,
    };

    for (uint32_t i = 0; i < len; i++) {
        const uint32_t shift = channels->shift[i];
        const int32_t scaled_rounding = (int32_t)((uint32_t)rounding << shift);
        output[i] = (int8_t)kshot_dsp_requantize(doubled[i], channels->multiplier[i], scaled_rounding, shift);
    }
}

/* What a fused activation cuts off beyond the limits of int8. */
static inline void kshot_dsp_clamp(int8_t low, int8_t high, int8_t *output, uint32_t len)
{
    if (low == INT8_MIN && high == INT8_MAX) {
        return;
    }
    for (uint32_t i = 0; i < len; i++) {
        const int8_t raised = output[i] > low ? output[i] : low;
        output[i] = raised < high ? raised : high;
    }
}

#ifdef __cplusplus
}
#endif
#endif
