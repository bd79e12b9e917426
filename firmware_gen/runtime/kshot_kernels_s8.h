/* SPDX-License-Identifier: Apache-2.0 */
/* int8 operators, bit-exact with TensorFlow Lite Micro's reference kernels (docs/int8_semantics.md).
 *
 * Activations are HWC with a batch of one. Tensors never overlap unless a function says that they may.
 * Shapes fit 16 bits and a tensor's length 31 bits; the generator checks this, the kernels do not. */
#ifndef KSHOT_KERNELS_S8_H
#define KSHOT_KERNELS_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kshot_shape {
    uint16_t height, width, channels;
} kshot_shape;

/* The window of a convolution or pooling. Padding below and to the right follows from the output's shape. */
typedef struct kshot_window {
    uint16_t height, width;
    uint8_t stride_height, stride_width, dilation_height, dilation_width; /* each at least 1 */
    uint8_t pad_top, pad_left;
} kshot_window;

/* Requantization per output channel: round(round_high(2 * acc * multiplier) >> shift), both roundings as TFLite Micro.
 * A negative shift is a left shift before the multiplication. */
typedef struct kshot_requantization {
    const int32_t *multiplier; /* [channels], Q31, in [2^30, 2^31) or 0 */
    const int8_t *shift;       /* [channels], right shift in [-31, 31] */
} kshot_requantization;

typedef struct kshot_conv_s8 {
    kshot_shape input, output;
    kshot_window window;
    int16_t input_zero_point, output_zero_point;
    int8_t activation_min, activation_max;
    uint16_t depth_multiplier; /* depthwise only */
    const int8_t *weights;     /* convolution [out][height][width][in], depthwise [height][width][out] */
    const int32_t *bias;       /* [out], or null */
    kshot_requantization requantization;
} kshot_conv_s8;

void kshot_conv2d_s8(const kshot_conv_s8 *conv, const int8_t *input, int8_t *output);
void kshot_depthwise_conv2d_s8(const kshot_conv_s8 *conv, const int8_t *input, int8_t *output);

typedef struct kshot_dense_s8 {
    uint32_t input_len, output_len;
    int16_t input_zero_point, output_zero_point;
    int8_t activation_min, activation_max;
    const int8_t *weights;               /* [output_len][input_len] */
    const int32_t *bias;                 /* [output_len], or null */
    kshot_requantization requantization; /* per output, also where the model has one scale */
} kshot_dense_s8;

void kshot_fully_connected_s8(const kshot_dense_s8 *dense, const int8_t *input, int8_t *output);

typedef struct kshot_pool_s8 {
    kshot_shape input, output;
    kshot_window window;
    int8_t activation_min, activation_max;
} kshot_pool_s8;

void kshot_average_pool2d_s8(const kshot_pool_s8 *pool, const int8_t *input, int8_t *output);
void kshot_max_pool2d_s8(const kshot_pool_s8 *pool, const int8_t *input, int8_t *output);

/* Mean over height and width; output [channels]. */
typedef struct kshot_mean_s8 {
    kshot_shape input;
    int16_t input_zero_point, output_zero_point;
    int32_t multiplier; /* of input scale / (output scale * height * width) */
    int8_t shift;       /* right shift, as in kshot_requantization */
} kshot_mean_s8;

void kshot_mean_hw_s8(const kshot_mean_s8 *mean, const int8_t *input, int8_t *output);

/* Sum of two tensors of one length. The output may be either input. */
typedef struct kshot_add_s8 {
    uint32_t len;
    int16_t input1_zero_point, input2_zero_point, output_zero_point;
    int8_t input1_shift, input2_shift, output_shift; /* right shifts */
    int8_t left_shift;                               /* of both inputs before rescaling: 20 */
    int32_t input1_multiplier, input2_multiplier, output_multiplier;
    int8_t activation_min, activation_max;
} kshot_add_s8;

void kshot_elementwise_add_s8(const kshot_add_s8 *add, const int8_t *input1, const int8_t *input2, int8_t *output);

/* Height and width padded with the zero point. */
typedef struct kshot_pad_s8 {
    kshot_shape input, output;
    uint16_t pad_top, pad_left;
    int8_t zero_point;
} kshot_pad_s8;

void kshot_pad_hw_s8(const kshot_pad_s8 *pad, const int8_t *input, int8_t *output);

/* Softmax over rows of `row_len`; output scale 1/256 and zero point -128. The output may be the input. */
typedef struct kshot_softmax_s8 {
    uint32_t rows, row_len;
    int32_t multiplier; /* of beta * input scale * 2^26, as TFLite Micro prepares it */
    int8_t left_shift;
    int32_t diff_min; /* differences below give 0 */
} kshot_softmax_s8;

void kshot_softmax_rows_s8(const kshot_softmax_s8 *softmax, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif
#endif
