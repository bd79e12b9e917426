/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kshot_kernels_s8.h"

static int8_t *put_zero_points(const kshot_pad_s8 *pad, int8_t *output, size_t count)
{
    memset(output, pad->zero_point, count);
    return output + count;
}

void kshot_pad_hw_s8(const kshot_pad_s8 *pad, const int8_t *input, int8_t *output)
{
    const size_t channels = pad->input.channels;
    const size_t row_len = pad->input.width * channels;
    const size_t left_len = pad->pad_left * channels;
    const size_t right_len = pad->output.width * channels - left_len - row_len;
    const size_t padded_row_len = pad->output.width * channels;
    const size_t bottom_rows = (size_t)pad->output.height - pad->pad_top - pad->input.height;

    output = put_zero_points(pad, output, pad->pad_top * padded_row_len);
    for (uint32_t y = 0; y < pad->input.height; y++) {
        output = put_zero_points(pad, output, left_len);
        memcpy(output, input, row_len);
        output = put_zero_points(pad, output + row_len, right_len);
        input += row_len;
    }
    put_zero_points(pad, output, bottom_rows * padded_row_len);
}
