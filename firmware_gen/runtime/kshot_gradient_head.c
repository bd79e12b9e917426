/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "kshot_gradient_head.h"

#include <float.h>
#include <stddef.h>

#include "kshot_exemplars.h"
#include "kshot_exp32.h"

#if FLT_EVAL_METHOD != 0
#error "kshot's binary32 arithmetic needs float to be evaluated as float: on x86 build with -msse2 -mfpmath=sse"
#endif

#define MARGIN_ONE 65536.0f
#define MARGIN_MAX 4294967040.0f /* 2^32 - 256, the largest binary32 below 2^32 */
#define WEIGHT_LIMIT 0x1p+64f    /* beyond it, logits could leave binary32 */

static const kshot_gradient_head_params *params_of(const kshot_slots *slots)
{
    return slots->params;
}

/* A class's row of the head: embedding_len weights and the bias, then as many elements of the gradient. */
static float *row_of(const kshot_slots *slots, uint32_t slot)
{
    return slots->head + (size_t)slot * 2 * (slots->embedding_len + 1u);
}

static float *gradient_of(const kshot_slots *slots, uint32_t slot)
{
    return row_of(slots, slot) + slots->embedding_len + 1;
}

/* Real values of an embedding; they stand at the beginning of the scratch memory until the next call. */
static const float *features_of(const kshot_slots *slots, const int8_t *embedding)
{
    const kshot_gradient_head_params *const params = params_of(slots);
    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        slots->scratch[i] = (float)(embedding[i] - params->zero_point) * params->scale;
    }
    return slots->scratch;
}

static float logit_of(const kshot_slots *slots, uint32_t slot, const float *features)
{
    const float *const row = row_of(slots, slot);
    float logit = row[slots->embedding_len];
    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        logit += row[i] * features[i];
    }
    return logit;
}

static void start_from_prototype(const kshot_slots *slots, uint32_t slot)
{
    const kshot_gradient_head_params *const params = params_of(slots);
    const float shots = (float)slots->classes[slot].shots;
    float *const row = row_of(slots, slot);
    float square = 0.0f;

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        int32_t sum = 0;
        for (uint32_t shot = 0; shot < slots->classes[slot].shots; shot++) {
            sum += kshot_exemplars_shot(slots, slot, shot)[i] - params->zero_point;
        }
        const float mean = (float)sum * params->scale / shots;
        square += mean * mean;
        row[i] = 2.0f * params->init_scale * mean;
    }
    row[slots->embedding_len] = -(params->init_scale * square);
}

static void start(const kshot_slots *slots, uint16_t class_count)
{
    const kshot_gradient_head_params *const params = params_of(slots);

    for (uint16_t slot = 0; slot < class_count; slot++) {
        if (params->initial_weights == NULL) {
            start_from_prototype(slots, slot);
        } else {
            float *const row = row_of(slots, slot);
            memcpy(row, params->initial_weights, slots->embedding_len * sizeof *row);
            row[slots->embedding_len] = params->initial_bias;
        }
    }
}

/* Adds to the gradients what one shot of class `right` contributes: (softmax(logits) - target) * (features, 1). */
static void add_gradient(const kshot_slots *slots, uint16_t class_count, uint32_t right, const int8_t *shot)
{
    const uint32_t len = slots->embedding_len;
    const float *const features = features_of(slots, shot);
    float *const shares = slots->scratch + len;
    float largest, sum = 0.0f;

    for (uint16_t slot = 0; slot < class_count; slot++) {
        shares[slot] = logit_of(slots, slot, features);
    }
    largest = shares[0];
    for (uint16_t slot = 1; slot < class_count; slot++) {
        if (shares[slot] > largest) {
            largest = shares[slot];
        }
    }
    for (uint16_t slot = 0; slot < class_count; slot++) {
        shares[slot] = kshot_exp32(shares[slot] - largest);
        sum += shares[slot];
    }
    for (uint16_t slot = 0; slot < class_count; slot++) {
        float *const gradient = gradient_of(slots, slot);
        float error = shares[slot] / sum;
        if (slot == right) {
            error -= 1.0f;
        }
        for (uint32_t i = 0; i < len; i++) {
            gradient[i] += error * features[i];
        }
        gradient[len] += error;
    }
}

/* One step down the mean gradient; false if a value left the range in which logits stay finite. */
static bool take_step(const kshot_slots *slots, uint16_t class_count, uint32_t step, float shots)
{
    const kshot_gradient_head_params *const params = params_of(slots);
    const uint32_t len = slots->embedding_len;
    const uint32_t index = step < params->rate_count ? step : params->rate_count - 1u;
    const float weight_rate = params->weight_rates[index] / shots, bias_rate = params->bias_rates[index] / shots;
    bool within = true;

    for (uint16_t slot = 0; slot < class_count; slot++) {
        float *const row = row_of(slots, slot);
        const float *const gradient = gradient_of(slots, slot);
        for (uint32_t i = 0; i <= len; i++) {
            row[i] -= (i < len ? weight_rate : bias_rate) * gradient[i];
            within = within && row[i] <= WEIGHT_LIMIT && row[i] >= -WEIGHT_LIMIT;
        }
    }
    return within;
}

static void adapt(const kshot_slots *slots, uint16_t class_count)
{
    const uint32_t row_len = slots->embedding_len + 1u;
    uint32_t shots = 0;

    for (uint16_t slot = 0; slot < class_count; slot++) {
        shots += slots->classes[slot].shots;
    }
    start(slots, class_count);
    for (uint32_t step = 0; step < params_of(slots)->steps; step++) {
        for (uint16_t slot = 0; slot < class_count; slot++) {
            for (uint32_t i = 0; i < row_len; i++) {
                gradient_of(slots, slot)[i] = 0.0f;
            }
        }
        for (uint16_t slot = 0; slot < class_count; slot++) {
            for (uint32_t shot = 0; shot < slots->classes[slot].shots; shot++) {
                add_gradient(slots, class_count, slot, kshot_exemplars_shot(slots, slot, shot));
            }
        }
        if (!take_step(slots, class_count, step, (float)shots)) {
            start(slots, class_count); /* rates that diverge on these shots: better the start than nonsense */
            return;
        }
    }
}

static kshot_winner classify(const kshot_slots *slots, uint16_t class_count, const int8_t *embedding)
{
    const float *const features = features_of(slots, embedding);
    kshot_winner winner = {0, 0, UINT32_MAX};
    float first = logit_of(slots, 0, features), second = -FLT_MAX;

    for (uint16_t slot = 1; slot < class_count; slot++) {
        const float logit = logit_of(slots, slot, features);
        if (logit > first) {
            second = first;
            first = logit;
            winner.slot = slot;
        } else if (logit > second) {
            second = logit;
        }
    }
    winner.distance = kshot_exemplars_distance(slots, winner.slot, embedding);
    if (class_count > 1) {
        const float gap = (first - second) * MARGIN_ONE;
        winner.margin = (uint32_t)(gap < MARGIN_MAX ? gap : MARGIN_MAX);
    }
    return winner;
}

static bool has_memory(const kshot_slots *slots)
{
    return kshot_exemplars_has_memory(slots) && slots->head != NULL && slots->scratch != NULL;
}

static void wipe(const kshot_slots *slots, uint32_t slot)
{
    kshot_exemplars_wipe(slots, slot);
    kshot_learner_wipe_bytes(row_of(slots, slot), 2 * (slots->embedding_len + 1u) * (uint32_t)sizeof(float));
    kshot_learner_wipe_bytes(slots->scratch, slots->embedding_len * (uint32_t)sizeof(float));
}

const kshot_learner kshot_gradient_head_learner = {
    .has_memory = has_memory,
    .wipe = wipe,
    .copy = kshot_exemplars_copy,
    .close_gap = kshot_exemplars_close_gap,
    .add = kshot_exemplars_add,
    .take_back = kshot_exemplars_take_back,
    .settle = NULL,
    .adapt = adapt,
    .classify = classify,
    .distance = kshot_exemplars_distance,
};
