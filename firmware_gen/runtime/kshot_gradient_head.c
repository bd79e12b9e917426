/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "kshot_gradient_head.h"

#include <float.h>
#include <stddef.h>
#include <string.h>

#include "kshot_exemplars.h"
#include "kshot_exp32.h"

#if FLT_EVAL_METHOD != 0
#error "kshot's binary32 arithmetic needs float to be evaluated as float: on x86 build with -msse2 -mfpmath=sse"
#endif

#define MARGIN_ONE 65536.0f
#define MARGIN_MAX 4294967040.0f /* 2^32 - 256, the largest binary32 below 2^32 */

static const kshot_gradient_head_params *params_of(const kshot_slots *slots)
{
    return slots->params;
}

static uint32_t row_len(const kshot_slots *slots)
{
    return slots->embedding_len + 1u;
}

/* A class's row of the head, embedding_len weights and the bias; behind it, its gradient. */
static float *row_of(const kshot_slots *slots, uint32_t slot)
{
    return slots->head + (size_t)slot * 2 * row_len(slots);
}

static float *gradient_of(const kshot_slots *slots, uint32_t slot)
{
    return row_of(slots, slot) + row_len(slots);
}

/* The classes' shares of one shot, [slots]. */
static float *shares_of(const kshot_slots *slots)
{
    return slots->scratch + slots->embedding_len;
}

/* The embedding as numbers; they stand at the beginning of the scratch memory until the next call. */
static const float *features_of(const kshot_slots *slots, const int8_t *embedding)
{
    const int32_t zero_point = params_of(slots)->zero_point;

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        slots->scratch[i] = (float)(embedding[i] - zero_point);
    }
    return slots->scratch;
}

static float logit_of(const kshot_slots *slots, uint32_t slot, const float *features)
{
    const uint32_t len = slots->embedding_len;
    const float *const row = row_of(slots, slot);
    float logit = row[len];

    for (uint32_t i = 0; i < len; i++) {
        logit += row[i] * features[i];
    }
    return logit;
}

static void start_from_prototype(const kshot_slots *slots, uint32_t slot)
{
    const float init_scale = params_of(slots)->init_scale;
    const int32_t shots = slots->classes[slot].shots;
    const int32_t zero_points = shots * params_of(slots)->zero_point;
    const int8_t *const exemplars = kshot_exemplars_shot(slots, slot, 0);
    float *const row = row_of(slots, slot);
    float square = 0.0f;

    for (uint32_t i = 0; i < slots->embedding_len; i++) {
        int32_t sum = -zero_points;
        for (int32_t shot = 0; shot < shots; shot++) {
            sum += exemplars[(uint32_t)shot * slots->embedding_len + i];
        }
        const float mean = (float)sum / (float)shots;
        square += mean * mean;
        row[i] = 2.0f * init_scale * mean;
    }
    row[slots->embedding_len] = -(init_scale * square);
}

static void start(const kshot_slots *slots, uint32_t slot)
{
    const kshot_gradient_head_params *const params = params_of(slots);
    float *const row = row_of(slots, slot);
    float *const gradient = gradient_of(slots, slot);

    for (uint32_t i = 0; i < row_len(slots); i++) {
        gradient[i] = 0.0f;
    }
    if (params->initial_weights == NULL) {
        start_from_prototype(slots, slot);
    } else {
        memcpy(row, params->initial_weights, slots->embedding_len * sizeof *row);
        row[slots->embedding_len] = params->initial_bias;
    }
}

/* Softmax of the logits of one shot, in place. */
static void softmax(float *values, uint16_t count)
{
    float largest = values[0], sum = 0.0f, reciprocal;

    for (uint16_t i = 1; i < count; i++) {
        if (values[i] > largest) {
            largest = values[i];
        }
    }
    for (uint16_t i = 0; i < count; i++) {
        values[i] = kshot_exp32(values[i] - largest);
        sum += values[i];
    }
    reciprocal = 1.0f / sum;
    for (uint16_t i = 0; i < count; i++) {
        values[i] *= reciprocal;
    }
}

/* Adds to the gradients what one shot of class `right` contributes: (softmax(logits) - target) * (features, 1). */
static void add_gradient(const kshot_slots *slots, uint16_t class_count, uint32_t right, const int8_t *shot)
{
    const uint32_t len = slots->embedding_len;
    const float *const features = features_of(slots, shot);
    float *const errors = shares_of(slots);

    for (uint16_t slot = 0; slot < class_count; slot++) {
        errors[slot] = logit_of(slots, slot, features);
    }
    softmax(errors, class_count);
    errors[right] -= 1.0f;
    for (uint16_t slot = 0; slot < class_count; slot++) {
        float *const gradient = gradient_of(slots, slot);
        const float error = errors[slot];
        if (error == 0.0f) {
            continue; /* many classes are too far away to matter */
        }
        for (uint32_t i = 0; i < len; i++) {
            gradient[i] += error * features[i];
        }
        gradient[len] += error;
    }
}

/* One step of a class's row down the mean gradient, which is used up. */
static void take_step(const kshot_slots *slots, uint32_t slot, float weight_rate, float bias_rate)
{
    const uint32_t len = slots->embedding_len;
    float *const row = row_of(slots, slot);
    float *const gradient = gradient_of(slots, slot);

    for (uint32_t i = 0; i < len; i++) {
        row[i] -= weight_rate * gradient[i];
        gradient[i] = 0.0f;
    }
    row[len] -= bias_rate * gradient[len];
    gradient[len] = 0.0f;
}

static void adapt(const kshot_slots *slots, uint16_t class_count)
{
    const kshot_gradient_head_params *const params = params_of(slots);
    uint32_t shots = 0;

    for (uint16_t slot = 0; slot < class_count; slot++) {
        shots += slots->classes[slot].shots;
        start(slots, slot);
    }
    for (uint32_t step = 0; step < params->steps; step++) {
        const uint32_t index = step < params->rate_count ? step : params->rate_count - 1u;
        const float weight_rate = params->weight_rates[index] / (float)shots;
        const float bias_rate = params->bias_rates[index] / (float)shots;
        for (uint16_t slot = 0; slot < class_count; slot++) {
            for (uint32_t shot = 0; shot < slots->classes[slot].shots; shot++) {
                add_gradient(slots, class_count, slot, kshot_exemplars_shot(slots, slot, shot));
            }
        }
        for (uint16_t slot = 0; slot < class_count; slot++) {
            take_step(slots, slot, weight_rate, bias_rate);
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
    return kshot_exemplars_has_memory(slots) && slots->head != NULL && slots->scratch != NULL && slots->params != NULL;
}

static void wipe(const kshot_slots *slots, uint32_t slot)
{
    kshot_exemplars_wipe(slots, slot);
    kshot_learner_wipe_bytes(row_of(slots, slot), 2 * row_len(slots) * (uint32_t)sizeof(float));
    kshot_learner_wipe_bytes(slots->scratch, slots->embedding_len * (uint32_t)sizeof(float));
    kshot_learner_wipe_bytes(shares_of(slots) + slot, (uint32_t)sizeof(float));
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
    .spread = kshot_exemplars_spread,
};
