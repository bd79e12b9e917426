/* SPDX-License-Identifier: Apache-2.0 */
/* Cases small enough to check by hand; tests/vectors holds the many. */
#include <stdint.h>

#include "check.h"
#include "kshot_kernels_s8.h"

/* Requantization that keeps the value: 2^30 / 2^31 after a left shift of one. */
#define UNIT (1 << 30)
#define UNIT_SHIFT (-1)

static const int32_t unit_multipliers[] = {UNIT, UNIT, UNIT, UNIT, UNIT, UNIT};
static const int8_t unit_shifts[] = {UNIT_SHIFT, UNIT_SHIFT, UNIT_SHIFT, UNIT_SHIFT, UNIT_SHIFT, UNIT_SHIFT};

static void check_s8(const int8_t *expected, const int8_t *actual, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        CHECK_EQUAL(expected[i], actual[i]);
    }
}

/* A 3x3 window of ones over a 2x3 image counts what lies inside: padding adds nothing, also where the zero point is not
 * 0. */
TEST(convolution_ignores_what_is_outside)
{
    static const int8_t weights[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const int8_t input[6] = {6, 7, 8, 9, 10, 11};
    static const int8_t expected[6] = {12, 21, 16, 12, 21, 16};
    const kshot_conv_s8 conv = {
        .input = {2, 3, 1},
        .output = {2, 3, 1},
        .window = {3, 3, 1, 1, 1, 1, 1, 1},
        .input_zero_point = 5,
        .activation_min = INT8_MIN,
        .activation_max = INT8_MAX,
        .depth_multiplier = 1,
        .weights = weights,
        .requantization = {unit_multipliers, unit_shifts},
    };
    int8_t output[6];
    kshot_conv2d_s8(&conv, input, output);
    check_s8(expected, output, 6);
    kshot_depthwise_conv2d_s8(&conv, input, output);
    check_s8(expected, output, 6);
}

/* Six output channels go through both the pass of four and the single ones; each has its own filter, bias and scale. */
TEST(convolution_keeps_channels_apart)
{
    static const int8_t weights[6][2] = {{1, 0}, {0, 1}, {1, 1}, {1, -1}, {2, 0}, {0, 2}};
    static const int32_t bias[6] = {0, 0, 0, 0, 100, -300};
    static const int8_t shifts[6] = {-1, -1, 0, -1, -1, -1};
    static const int8_t input[2] = {20, 7};
    static const int8_t expected[6] = {21, 8, 15, 14, 127, -128}; /* 27 / 2 is 13.5, rounds to 14 */
    const kshot_conv_s8 conv = {
        .input = {1, 1, 2},
        .output = {1, 1, 6},
        .window = {1, 1, 1, 1, 1, 1, 0, 0},
        .output_zero_point = 1,
        .activation_min = INT8_MIN,
        .activation_max = INT8_MAX,
        .weights = weights[0],
        .bias = bias,
        .requantization = {unit_multipliers, shifts},
    };
    int8_t output[6];
    kshot_conv2d_s8(&conv, input, output);
    check_s8(expected, output, 6);
}

/* Strides move the window, dilation parts its taps, the fused activation limits the result. */
TEST(convolution_strides_and_dilates)
{
    static const int8_t weights[2] = {1, 10};
    static const int8_t input[7] = {1, 2, 3, 4, 5, 6, 7};
    static const int8_t expected[3] = {10, 31, 50}; /* 0 + 10 * 1, 1 + 10 * 3, 3 + 10 * 5 */
    const kshot_conv_s8 conv = {
        .input = {1, 7, 1},
        .output = {1, 3, 1},
        .window = {1, 2, 1, 2, 1, 2, 0, 2},
        .activation_min = INT8_MIN,
        .activation_max = 50,
        .depth_multiplier = 1,
        .weights = weights,
        .requantization = {unit_multipliers, unit_shifts},
    };
    int8_t output[3];
    kshot_conv2d_s8(&conv, input, output);
    check_s8(expected, output, 3);
    kshot_depthwise_conv2d_s8(&conv, input, output);
    check_s8(expected, output, 3);
}

/* Each input channel feeds as many neighbouring output channels as the multiplier says, across blocks too. */
TEST(depthwise_shares_input_channels)
{
    enum { INPUTS = 23, MULTIPLIER = 3, OUTPUTS = INPUTS * MULTIPLIER };
    static int8_t input[INPUTS], weights[OUTPUTS], output[OUTPUTS];
    static int32_t multipliers[OUTPUTS];
    static int8_t shifts[OUTPUTS];
    const kshot_conv_s8 conv = {
        .input = {1, 1, INPUTS},
        .output = {1, 1, OUTPUTS},
        .window = {1, 1, 1, 1, 1, 1, 0, 0},
        .activation_min = INT8_MIN,
        .activation_max = INT8_MAX,
        .depth_multiplier = MULTIPLIER,
        .weights = weights,
        .requantization = {multipliers, shifts},
    };
    for (int i = 0; i < OUTPUTS; i++) {
        input[i / MULTIPLIER] = (int8_t)(i / MULTIPLIER - 11);
        weights[i] = (int8_t)(i % MULTIPLIER + 1);
        multipliers[i] = UNIT;
        shifts[i] = UNIT_SHIFT;
    }
    kshot_depthwise_conv2d_s8(&conv, input, output);
    for (int i = 0; i < OUTPUTS; i++) {
        CHECK_EQUAL((i / MULTIPLIER - 11) * (i % MULTIPLIER + 1), output[i]);
    }
}

TEST(fully_connected_sums_rows)
{
    static const int8_t weights[5][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 1}, {-1, -1, -1}};
    static const int32_t bias[5] = {0, 0, 0, 0, 3};
    static const int8_t input[3] = {1, 2, 3};
    static const int8_t expected[5] = {2, 3, 4, 9, -6}; /* zero points: -1 in, 0 out */
    const kshot_dense_s8 dense = {
        .input_len = 3,
        .output_len = 5,
        .input_zero_point = -1,
        .activation_min = INT8_MIN,
        .activation_max = INT8_MAX,
        .weights = weights[0],
        .bias = bias,
        .requantization = {unit_multipliers, unit_shifts},
    };
    int8_t output[5];
    kshot_fully_connected_s8(&dense, input, output);
    check_s8(expected, output, 5);
}

/* The mean counts only what lies inside and rounds halves away from zero. */
TEST(average_pool_rounds_away_from_zero)
{
    static const int8_t input[4] = {1, 0, -1, -2};
    static const int8_t expected[5] = {1, 1, -1, -2, -2}; /* of 1, 0.5, -0.5, -1.5, -2 */
    const kshot_pool_s8 pool = {
        .input = {1, 4, 1},
        .output = {1, 5, 1},
        .window = {1, 2, 1, 1, 1, 1, 0, 1},
        .activation_min = INT8_MIN,
        .activation_max = INT8_MAX,
    };
    int8_t output[5];
    kshot_average_pool2d_s8(&pool, input, output);
    check_s8(expected, output, 5);
}

/* A row of more channels than a block: each keeps its own sum. */
TEST(average_pool_keeps_channels_apart)
{
    enum { CHANNELS = 70 };
    static int8_t input[2 * CHANNELS], output[CHANNELS];
    const kshot_pool_s8 pool = {
        .input = {2, 1, CHANNELS},
        .output = {1, 1, CHANNELS},
        .window = {2, 1, 2, 1, 1, 1, 0, 0},
        .activation_min = INT8_MIN,
        .activation_max = 60,
    };
    for (int i = 0; i < CHANNELS; i++) {
        input[i] = (int8_t)(i - 2);
        input[CHANNELS + i] = (int8_t)(i + 2);
    }
    kshot_average_pool2d_s8(&pool, input, output);
    for (int i = 0; i < CHANNELS; i++) {
        CHECK_EQUAL(i < 60 ? i : 60, output[i]);
    }
}

/* The maximum never comes from the padding, and both limits hold. */
TEST(max_pool_takes_the_largest_inside)
{
    static const int8_t input[4] = {-100, -50, 90, 20};
    static const int8_t expected[5] = {-90, -50, 80, 80, 20};
    const kshot_pool_s8 pool = {
        .input = {4, 1, 1},
        .output = {5, 1, 1},
        .window = {2, 1, 1, 1, 1, 1, 1, 0},
        .activation_min = -90,
        .activation_max = 80,
    };
    int8_t output[5];
    kshot_max_pool2d_s8(&pool, input, output);
    check_s8(expected, output, 5);
}

/* The multiplier holds 1 / (height * width); channels lie side by side. */
TEST(mean_runs_over_the_image)
{
    static const int8_t input[8] = {1, 11, 2, 12, 3, 13, 6, 16};
    static const int8_t expected[2] = {7, 17}; /* mean 3 and 13, zero points: -1 in, 3 out */
    const kshot_mean_s8 mean = {
        .input = {2, 2, 2}, .input_zero_point = -1, .output_zero_point = 3, .multiplier = UNIT, .shift = 1};
    int8_t output[2];
    kshot_mean_hw_s8(&mean, input, output);
    check_s8(expected, output, 2);
}

/* Inputs of scale 1 and 2 to an output of scale 2, halves away from zero; the output may be an input. */
TEST(add_brings_scales_together)
{
    static const int8_t input[5] = {10, -10, 3, 1, 127};
    static const int8_t expected[5] = {9, -1, 6, -6, 100};
    int8_t in_place[5] = {5, 5, 5, -5, 127};
    const kshot_add_s8 add = {
        .len = 5,
        .input1_zero_point = 2,
        .input1_shift = 1,  /* 1 / 4 */
        .input2_shift = 0,  /* 2 / 4 */
        .output_shift = 18, /* 4 / 2 / 2^20 */
        .left_shift = 20,
        .input1_multiplier = UNIT,
        .input2_multiplier = UNIT,
        .output_multiplier = UNIT,
        .activation_min = INT8_MIN,
        .activation_max = 100,
    };
    kshot_elementwise_add_s8(&add, input, in_place, in_place);
    check_s8(expected, in_place, 5);
}

/* The image keeps its place among zero points on all four sides. */
TEST(pad_surrounds_the_image)
{
    static const int8_t input[4] = {1, 2, 3, 4};
    static const int8_t expected[4 * 4 * 2] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1, 2, 7, 7, 7, 7,
                                               7, 7, 3, 4, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
    const kshot_pad_s8 pad = {{2, 1, 2}, {4, 4, 2}, .pad_top = 1, .pad_left = 1, .zero_point = 7};
    int8_t output[4 * 4 * 2];
    kshot_pad_hw_s8(&pad, input, output);
    check_s8(expected, output, 4 * 4 * 2);
}

/* Input scale 1/16. Equal values share the whole; e to the 0 and to the -1 have 0.731 and 0.269; far below is nothing.
 */
TEST(softmax_shares_the_whole)
{
    int8_t values[8] = {10, 10, 120, 104, -128, 127, -3, -3};
    static const int8_t expected[8] = {0, 0, 59, -59, -128, 127, 0, 0};
    const kshot_softmax_s8 softmax = {4, 2, .multiplier = UNIT, .left_shift = 23, .diff_min = -248};
    kshot_softmax_rows_s8(&softmax, values, values);
    check_s8(expected, values, 8);
}

CHECK_MAIN(ENTRY(convolution_ignores_what_is_outside), ENTRY(convolution_keeps_channels_apart),
           ENTRY(convolution_strides_and_dilates), ENTRY(depthwise_shares_input_channels),
           ENTRY(fully_connected_sums_rows), ENTRY(average_pool_rounds_away_from_zero),
           ENTRY(average_pool_keeps_channels_apart), ENTRY(max_pool_takes_the_largest_inside),
           ENTRY(mean_runs_over_the_image), ENTRY(add_brings_scales_together), ENTRY(pad_surrounds_the_image),
           ENTRY(softmax_shares_the_whole))
