/* SPDX-License-Identifier: Apache-2.0 */
/* int8 operators for processors with Helium. They compute what those of kshot_kernels_s8.h compute, from constants that
 * the generator prepared (firmware_gen/lowering/helium.py), and only where it proved that no sum outgrows 31 bits and
 * that every channel is scaled down. `scratch` is 4-byte aligned memory that a call may overwrite. */
#ifndef KSHOT_HELIUM_S8_H
#define KSHOT_HELIUM_S8_H

#include "kshot_axis.h"
#include "kshot_kernels_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Four output channels. `start` is what their sums begin with: the bias less input_zero_point times the sum of the
 * weights. `exponent` is the right shift of kshot_requantization, negated; below 0. */
typedef struct kshot_helium_channels {
    int32_t start[4], multiplier[4];
    int8_t exponent[4];
} kshot_helium_channels;

/* Convolution. */
typedef struct kshot_helium_conv_s8 {
    kshot_shape input, output;
    kshot_window window;
    int8_t input_zero_point, output_zero_point, activation_min, activation_max;
    const int8_t *weights; /* [output channels, filled up to a multiple of four][height][width][input channels] */
    const kshot_helium_channels *channels;
} kshot_helium_conv_s8;

/* Scratch: three times the inputs under the window. */
void kshot_helium_conv2d_s8(const kshot_helium_conv_s8 *conv, const int8_t *input, int8_t *output, void *scratch);

/* With a window of one pixel and no padding. */
void kshot_helium_pointwise_conv2d_s8(const kshot_helium_conv_s8 *conv, const int8_t *input, int8_t *output);

/* Fully connected; weights and channels as those of a convolution. */
typedef struct kshot_helium_dense_s8 {
    uint32_t input_len, output_len;
    int8_t output_zero_point, activation_min, activation_max;
    const int8_t *weights;
    const kshot_helium_channels *channels;
} kshot_helium_dense_s8;

void kshot_helium_fully_connected_s8(const kshot_helium_dense_s8 *dense, const int8_t *input, int8_t *output);

/* Depthwise convolution, 3 x 3, with as many output as input channels. Lines run along `inner`, which may be either
 * axis of the image. */
typedef struct kshot_helium_depthwise_s8 {
    uint16_t channels;
    kshot_axis outer, inner;
    int8_t input_zero_point, output_zero_point, activation_min, activation_max;
    const int8_t *weights; /* [channels][outer tap][inner tap] */
    const kshot_helium_channels *groups;
} kshot_helium_depthwise_s8;

/* Scratch: 32 bytes for each column that outputs see, which are computed by four: with n outputs in a line
 * ((n + 3) / 4 * 4 - 1) * stride + 4 columns, at most 2340. The output may begin where the input does, if it is no
 * longer along either axis. */
void kshot_helium_depthwise3x3_s8(const kshot_helium_depthwise_s8 *depthwise, const int8_t *input, int8_t *output,
                                  void *scratch);

/* Any other depthwise convolution. */
void kshot_helium_depthwise_conv2d_s8(const kshot_conv_s8 *conv, const int8_t *input, int8_t *output);

void kshot_helium_average_pool2d_s8(const kshot_pool_s8 *pool, const int8_t *input, int8_t *output);
void kshot_helium_max_pool2d_s8(const kshot_pool_s8 *pool, const int8_t *input, int8_t *output);
void kshot_helium_mean_hw_s8(const kshot_mean_s8 *mean, const int8_t *input, int8_t *output);

/* Where left_shift is 20, no input is shifted to the left beside it, and output_shift is at least 1. */
void kshot_helium_elementwise_add_s8(const kshot_add_s8 *add, const int8_t *input1, const int8_t *input2,
                                     int8_t *output);

#ifdef __cplusplus
}
#endif
#endif
