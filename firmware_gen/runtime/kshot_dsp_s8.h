/* SPDX-License-Identifier: Apache-2.0 */
/* int8 operators for processors with DSP instructions. They compute what those of kshot_kernels_s8.h compute, from
 * constants that the generator prepared (firmware_gen/lowering/dsp.py), and only where it proved that
 * no sum outgrows their arithmetic. `scratch` is 4-byte aligned memory that a call may overwrite. */
#ifndef KSHOT_DSP_S8_H
#define KSHOT_DSP_S8_H

#include "kshot_axis.h"
#include "kshot_kernels_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Four output channels. `start` is what their sums begin with: the bias less input_zero_point times the sum of the
 * weights. Channels 0 and 2 share words with 1 and 3 and begin with 256 times their own start plus the other's. `shift`
 * is the right shift of kshot_requantization less 1. */
typedef struct kshot_dsp_channels {
    int32_t start[4], multiplier[4];
    uint8_t shift[4];
} kshot_dsp_channels;

/* Convolution, pointwise too. The inputs under a window, in the order of the
 * weights, filled up to a multiple of four, are its `quads`.
 *
 * `weights` holds for each four output channels and each quad four words: inputs 0 and 2 of channels 0 and 1, of
 * channels 2 and 3; inputs 1 and 3 likewise. A 16-bit lane is 256 * weight of the even channel + weight of the odd one.
 * One SMLAD on such a word sums both, one on its sign-extended low bytes the odd channel alone. */
typedef struct kshot_dsp_conv_s8 {
    kshot_shape input, output;
    kshot_window window;
    uint16_t quads;
    int8_t input_zero_point, activation_min, activation_max;
    int16_t rounding; /* 2 * output zero point + 1 */
    const uint32_t *weights;
    const kshot_dsp_channels *channels;
} kshot_dsp_conv_s8;

/* Scratch: 16 bytes a quad, and 4 more where the input's channels are no multiple of four. */
void kshot_dsp_conv2d_s8(const kshot_dsp_conv_s8 *conv, const int8_t *input, int8_t *output, void *scratch);

/* Fully connected; weights and channels as those of a convolution. */
typedef struct kshot_dsp_dense_s8 {
    uint32_t input_len, output_len;
    int8_t activation_min, activation_max;
    int16_t rounding; /* 2 * output zero point + 1 */
    const uint32_t *weights;
    const kshot_dsp_channels *channels;
} kshot_dsp_dense_s8;

void kshot_dsp_fully_connected_s8(const kshot_dsp_dense_s8 *dense, const int8_t *input, int8_t *output);

/* Depthwise convolution, 3 x 3, with as many output as input channels, a multiple of four. Lines run along `inner`,
 * which may be either axis of the image and whose stride is 1 or 2. */
typedef struct kshot_dsp_depthwise_s8 {
    uint16_t channels;
    kshot_axis outer, inner;
    int8_t input_zero_point, activation_min, activation_max;
    int16_t rounding;                 /* 2 * output zero point + 1 */
    const int8_t *weights;            /* [channels][outer tap][inner tap] */
    const kshot_dsp_channels *groups; /* here every channel begins with its own start */
} kshot_dsp_depthwise_s8;

/* Scratch: 160 bytes and 48 for each pair of inputs in a line; a line with padding has one pair more than it has steps,
 * which are its outputs, or half as many, rounded up, where its stride is 1. The output may begin where the input does,
 * if it is no longer along either axis. */
void kshot_dsp_depthwise3x3_s8(const kshot_dsp_depthwise_s8 *depthwise, const int8_t *input, int8_t *output,
                               void *scratch);

/* Where the channels are a multiple of four and each output covers some of the image. */
void kshot_dsp_max_pool2d_s8(const kshot_pool_s8 *pool, const int8_t *input, int8_t *output);

/* Where left_shift is 20, no input is shifted to the left beside it, and output_shift is at least 1. */
void kshot_dsp_elementwise_add_s8(const kshot_add_s8 *add, const int8_t *input1, const int8_t *input2, int8_t *output);

#ifdef __cplusplus
}
#endif
#endif
