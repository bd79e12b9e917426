/* SPDX-License-Identifier: Apache-2.0 */
/* What lies under a convolution's window, as a column for kshot_dsp_dot.h. Taps outside the image count as the zero
 * point, whose share the generator took off the bias. */
#ifndef KSHOT_DSP_COLUMNS_H
#define KSHOT_DSP_COLUMNS_H

#include <string.h>

#include "kshot_dsp_instructions.h"
#include "kshot_dsp_s8.h"
#include "kshot_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `quads` times four inputs, as one of `count` columns that alternate. Returns where the column goes on. */
static inline uint32_t *kshot_dsp_widen(const int8_t *inputs, uint32_t quads, uint32_t count, uint32_t *column)
{
    for (; quads > 0; quads--, inputs += 4, column += 2 * count) {
        const uint32_t word = kshot_load_4(inputs);
        column[0] = kshot_sxtb16(word);
        column[count] = kshot_sxtb16_ror8(word);
    }
    return column;
}

/* Two pixels at once. */
static inline void kshot_dsp_widen_2(const int8_t *p, const int8_t *q, uint32_t quads, uint32_t *columns)
{
    for (; quads > 0; quads--, p += 4, q += 4, columns += 4) {
        const uint32_t words[2] = {kshot_load_4(p), kshot_load_4(q)};
        columns[0] = kshot_sxtb16(words[0]);
        columns[1] = kshot_sxtb16(words[1]);
        columns[2] = kshot_sxtb16_ror8(words[0]);
        columns[3] = kshot_sxtb16_ror8(words[1]);
    }
}

static inline uint32_t *kshot_dsp_fill(uint32_t pair, uint32_t quads, uint32_t count, uint32_t *column)
{
    for (; quads > 0; quads--, column += 2 * count) {
        column[0] = column[count] = pair;
    }
    return column;
}

/* Copies by words, the last of which may overlap the one before: nothing outside is touched. */
static inline void kshot_dsp_copy(const int8_t *from, uint32_t len, int8_t *to)
{
    if (len >= 4) {
        const uint32_t last = len - 4;
        for (uint32_t i = 0; i < last; i += 4) {
            kshot_store_4(to + i, kshot_load_4(from + i));
        }
        kshot_store_4(to + last, kshot_load_4(from + last));
    } else {
        for (uint32_t i = 0; i < len; i++) {
            to[i] = from[i];
        }
    }
}

#ifdef __cplusplus
}
#endif
#endif
