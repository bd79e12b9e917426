/* SPDX-License-Identifier: Apache-2.0 */
/* One axis of an image under a window of three taps; a step is the distance of neighbours in memory. */
#ifndef KSHOT_AXIS_H
#define KSHOT_AXIS_H

#include <stdint.h>

typedef struct kshot_axis {
    uint16_t input_len, output_len;
    uint32_t input_step, output_step;
    uint8_t stride, pad;
} kshot_axis;

#endif
