/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_target.h"

#if KSHOT_KERNELS == KSHOT_KERNELS_DSP

#include "kshot_dsp_outputs.h"

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)

/* Whole quads of inputs, at least one. Pairs of loads halve their number; the compiler would not make them. */
static inline const uint32_t *add_quads(const uint32_t *weights, const int8_t *input, uint32_t quads,
                                        kshot_dsp_sums *sums)
{
    const int8_t *const end = input + 4 * quads;
    int32_t both01 = sums->both01, only1 = sums->only1, both23 = sums->both23, only3 = sums->only3;
    uint32_t x0, x1, w0, w1, w2, w3;

    __asm__ volatile("1:\n\t"
                     "ldr %[x0], [%[input]], #4\n\t"
                     "ldrd %[w0], %[w1], [%[weights]], #8\n\t"
                     "ldrd %[w2], %[w3], [%[weights]], #8\n\t"
                     "sxtb16 %[x1], %[x0], ror #8\n\t"
                     "sxtb16 %[x0], %[x0]\n\t"
                     "smlad %[both01], %[w0], %[x0], %[both01]\n\t"
                     "smlad %[both23], %[w1], %[x0], %[both23]\n\t"
                     "sxtb16 %[w0], %[w0]\n\t"
                     "sxtb16 %[w1], %[w1]\n\t"
                     "smlad %[only1], %[w0], %[x0], %[only1]\n\t"
                     "smlad %[only3], %[w1], %[x0], %[only3]\n\t"
                     "smlad %[both01], %[w2], %[x1], %[both01]\n\t"
                     "smlad %[both23], %[w3], %[x1], %[both23]\n\t"
                     "sxtb16 %[w2], %[w2]\n\t"
                     "sxtb16 %[w3], %[w3]\n\t"
                     "smlad %[only1], %[w2], %[x1], %[only1]\n\t"
                     "smlad %[only3], %[w3], %[x1], %[only3]\n\t"
                     "cmp %[input], %[end]\n\t"
                     "bne 1b"
                     : [both01] "+&r"(both01), [only1] "+&r"(only1), [both23] "+&r"(both23), [only3] "+&r"(only3),
                       [input] "+&r"(input), [weights] "+&r"(weights), [x0] "=&r"(x0), [x1] "=&r"(x1), [w0] "=&r"(w0),
                       [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3)
                     : [end] "r"(end)
                     : "cc", "memory");
    *sums = (kshot_dsp_sums){both01, only1, both23, only3};
    return weights;
}

#else

static inline const uint32_t *add_quads(const uint32_t *weights, const int8_t *input, uint32_t quads,
                                        kshot_dsp_sums *sums)
{
    for (; quads > 0; quads--, input += 4, weights += 4) {
        const uint32_t word = kshot_load_4(input);
        kshot_dsp_add_pair(weights, kshot_sxtb16(word), sums);
        kshot_dsp_add_pair(weights + 2, kshot_sxtb16_ror8(word), sums);
    }
    return weights;
}

#endif

/* Four channels over all inputs. Returns the next four channels' weights. */
static const uint32_t *add_inputs(const uint32_t *weights, const int8_t *input, uint32_t len, kshot_dsp_sums *sums)
{
    const uint32_t rest = len % 4;

    if (len >= 4) {
        weights = add_quads(weights, input, len / 4, sums);
    }
    if (rest > 0) {
        int8_t last[4] = {0};
        memcpy(last, input + len - rest, rest);
        weights = add_quads(weights, last, 1, sums);
    }
    return weights;
}

void kshot_dsp_fully_connected_s8(const kshot_dsp_dense_s8 *dense, const int8_t *input, int8_t *output)
{
    const kshot_dsp_channels *channels = dense->channels;
    const uint32_t *weights = dense->weights;

    for (uint32_t done = 0; done < dense->output_len; done += 4, channels++) {
        const uint32_t left = dense->output_len - done;
        kshot_dsp_sums sums = kshot_dsp_start(channels);
        weights = add_inputs(weights, input, dense->input_len, &sums);
        kshot_dsp_store(channels, &sums, dense->rounding, left < 4 ? left : 4, output + done);
    }
    kshot_dsp_clamp(dense->activation_min, dense->activation_max, output, dense->output_len);
}
#else
typedef int kshot_dsp_fully_connected_s8_is_left_out; /* a file must not be empty */
#endif
