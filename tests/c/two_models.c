/* SPDX-License-Identifier: Apache-2.0 */
/* Two models in one program: whatever each answers alone, it answers with every call of the other in between. Between
 * them they have two learners and, where the processor has them, other kernels than the portable ones. */
#include "first.h"
#include "second.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef TWO_THREADS
#include <pthread.h>
#endif

#define CLASSES 3
#define SHOTS 2
#define QUERIES 6
#define STEPS (CLASSES * (SHOTS + 2) + QUERIES)

/* One model at work, call by call. */
typedef struct worker {
    kshot *k;
    uint32_t input_len;
    int8_t input[FIRST_INPUT_LEN > SECOND_INPUT_LEN ? FIRST_INPUT_LEN : SECOND_INPUT_LEN];
    kshot_answer answers[QUERIES];
    bool failed;
} worker;

static kshot first_k, second_k;
static first_memory first_room;
static second_memory second_room;
static worker first, second;

static void start(void)
{
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    first.k = &first_k;
    first.input_len = FIRST_INPUT_LEN;
    first.failed = first_init(&first_k, &first_room) != KSHOT_OK;
    second.k = &second_k;
    second.input_len = SECOND_INPUT_LEN;
    second.failed = second_init(&second_k, &second_room) != KSHOT_OK;
}

/* A picture that depends on the class, and a little on the number. */
static const int8_t *draw(worker *w, uint32_t class_index, uint32_t number)
{
    uint32_t state = 77u * (class_index + 1u);

    for (uint32_t i = 0; i < w->input_len; i++) {
        state = state * 1664525u + 1013904223u;
        w->input[i] = (int8_t)((int32_t)(state >> 24) - 128);
    }
    w->input[number % w->input_len] = (int8_t)number;
    return w->input;
}

/* The worker's next call, of STEPS. */
static void step(worker *w, uint32_t number)
{
    static const char *const labels[CLASSES] = {"one", "two", "three"};
    const uint32_t class_index = number / (SHOTS + 2), turn = number % (SHOTS + 2);
    kshot_status status;

    if (class_index >= CLASSES) {
        const uint32_t query = number - CLASSES * (SHOTS + 2);
        status = kshot_classify(w->k, draw(w, query % CLASSES, query + 9u), &w->answers[query]);
    } else if (turn == 0) {
        status = kshot_enroll_begin(w->k, labels[class_index]);
    } else if (turn <= SHOTS) {
        status = kshot_enroll_add(w->k, draw(w, class_index, turn));
    } else {
        status = kshot_enroll_commit(w->k, NULL);
    }
    w->failed = w->failed || status != KSHOT_OK;
}

static void *work(void *context)
{
    for (uint32_t i = 0; i < STEPS; i++) {
        step(context, i);
    }
    return NULL;
}

static bool same_answers(const worker *a, const worker *b)
{
    for (uint32_t i = 0; i < QUERIES; i++) {
        if (a->answers[i].class_id != b->answers[i].class_id || a->answers[i].distance != b->answers[i].distance ||
            a->answers[i].margin != b->answers[i].margin || a->answers[i].verdict != b->answers[i].verdict) {
            return false;
        }
    }
    return !a->failed && !b->failed;
}

static int two_models(void)
{
    static worker first_alone, second_alone;

    start();
    (void)work(&first);
    (void)work(&second);
    first_alone = first;
    second_alone = second;
    start();
    for (uint32_t i = 0; i < STEPS; i++) {
        step(&first, i);
        step(&second, i);
    }
    if (!same_answers(&first, &first_alone) || !same_answers(&second, &second_alone)) {
        return 1;
    }
#ifdef TWO_THREADS
    pthread_t thread;
    start();
    if (pthread_create(&thread, NULL, work, &first) != 0) {
        return 2;
    }
    (void)work(&second);
    (void)pthread_join(thread, NULL);
    if (!same_answers(&first, &first_alone) || !same_answers(&second, &second_alone)) {
        return 3;
    }
#endif
    for (uint32_t i = 0; i < CLASSES; i++) { /* and they learned: the second one's network tells all pictures apart */
        if (second.answers[i].class_id != i + 1u) {
            return 4;
        }
    }
    return 0;
}

#ifdef ON_A_BOARD
#include "boards/board.h"

int main(void)
{
    board_start();
    board_exit(two_models());
}
#else
int main(void)
{
    return two_models();
}
#endif
