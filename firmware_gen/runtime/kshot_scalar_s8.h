/* SPDX-License-Identifier: Apache-2.0 */
/* int8 operators for small processors without DSP instructions. They compute what those of kshot_kernels_s8.h compute,
 * from constants that the generator prepared (firmware_gen/lowering/scalar.py), and only where it proved that no sum
 * outgrows their arithmetic. `scratch` is 4-byte aligned memory that a call may overwrite.
 *
 * Inputs and weights are raised by 128 to be loaded without a sign, which the smallest processors do in one instruction
 * from an address with a constant offset. */
#ifndef KSHOT_SCALAR_S8_H
#define KSHOT_SCALAR_S8_H

#include "kshot_axis.h"
#include "kshot_kernels_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Four output channels. `start` is what their sums begin with: the bias less (input_zero_point + 128) times the sum of
 * the weights. `shift` is the right shift of kshot_requantization. */
typedef struct kshot_scalar_channels {
    int32_t start[4], multiplier[4];
    uint8_t shift[4];
} kshot_scalar_channels;

/* Convolution, pointwise and fully connected (an image of one pixel). The inputs under a window, in the order of the
 * weights, filled up to a multiple of four, are its `quads`. */
typedef struct kshot_scalar_conv_s8 {
    kshot_shape input, output;
    kshot_window window;
    uint16_t quads;
    int8_t input_zero_point, activation_min, activation_max;
    int16_t rounding;       /* 2 * output zero point + 1 */
    const uint8_t *weights; /* [output channels / 4][quads][4 inputs][4 channels], raised by 128 */
    const kshot_scalar_channels *channels;
} kshot_scalar_conv_s8;

/* Scratch: 4 bytes a quad. */
void kshot_scalar_conv2d_s8(const kshot_scalar_conv_s8 *conv, const int8_t *input, int8_t *output, void *scratch);

/* Depthwise convolution, 3 x 3, with as many output as input channels, a multiple of four. Lines run along `inner`,
 * which may be either axis of the image and whose stride is 1 or 2. */
typedef struct kshot_scalar_depthwise_s8 {
    uint16_t channels;
    kshot_axis outer, inner;
    int8_t input_zero_point, activation_min, activation_max;
    int16_t rounding;      /* 2 * output zero point + 1 */
    const int8_t *weights; /* [channels][outer tap][inner tap] */
    const kshot_scalar_channels *groups;
} kshot_scalar_depthwise_s8;

/* Scratch: 240 bytes and 32 for each pair of inputs in a line, as for kshot_dsp_depthwise3x3_s8(). The output may begin
 * where the input does under the same conditions. */
void kshot_scalar_depthwise3x3_s8(const kshot_scalar_depthwise_s8 *depthwise, const int8_t *input, int8_t *output,
                                  void *scratch);

#ifdef __cplusplus
}
#endif
#endif
