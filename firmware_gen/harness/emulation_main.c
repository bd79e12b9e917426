/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware that serves a script of requests inside QEMU, for tests and measurements.
 *
 * It reads requests.bin from the emulator's working directory through semihosting, one request at a time, and writes
 * an answer to each into answers.bin. All numbers are little-endian.
 *
 *     request   uint32 kind, uint32 payload_len, payload
 *     answer    uint32 kind, int32 status, uint64 instructions, uint32 payload_len, payload
 *
 *     kind                       request's payload        answer's payload when the status is KSHOT_OK
 *      1 embed                   input                    embedding
 *      2 restart                 -                        -               (forgets every class)
 *      3 enroll begin            label, no final zero     -
 *      4 enroll add              input                    -
 *      5 enroll add embedding    embedding                -
 *      6 enroll commit           -                        uint16 class id
 *      7 enroll abort            -                        -
 *      8 forget                  uint16 class id          -
 *      9 list                    -                        for each class: uint16 id, uint16 shots, 24 bytes of label
 *     10 classify                input                    uint16 class id, uint32 distance, uint32 margin, uint8
 * verdict 11 classify embedding      embedding                the same 12 stack                   - uint32: bytes of
 * stack that were ever in use 13 take back embedding     embedding                - 14 verify                  uint16
 * class id, input   uint8 same, uint32 distance 15 verify embedding        uint16 id, embedding     the same 16 set
 * false accepts       uint16 per mille         - 17 negative add embedding  embedding                - 18 negatives
 * forget        -                        - 19 enroll quality          -                        uint16 far shots, uint16
 * near class id, uint8 rate is met
 *
 * `instructions` is what the one kshot call took, as board_tick() counts. A model that only embeds serves 1 and 12.
 * Exit status: 0 at the end of the script, BAD_SCRIPT for a request that is cut short, too long, of a wrong length or
 * of an unknown kind, BAD_FILE when a file cannot be opened or written, BOARD_EXIT_FAULT for a processor fault.
 *
 * The Makefile of a generated project builds it with MAIN=emulation_main.c: MODEL, MODEL_UPPER, MODEL_HEADER and
 * MODEL_LEARNS come from there. */
#include MODEL_HEADER
#include "boards/board.h"
#include "boards/cortex_m/semihosting.h"
#include "kshot_status.h"

#include <string.h>

#define JOIN_EXPANDED(a, b) a##b
#define JOIN(a, b) JOIN_EXPANDED(a, b)
#define MODEL_INPUT_LEN JOIN(MODEL_UPPER, _INPUT_LEN)
#define MODEL_EMBEDDING_LEN JOIN(MODEL_UPPER, _EMBEDDING_LEN)
#define MODEL_MEMORY JOIN(MODEL, _memory)

#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define MIN_PAYLOAD_BYTES 64 /* any label, with room for ones that are too long */
#define CLASS_ID_BYTES 2
#define PAYLOAD_BYTES LARGER(CLASS_ID_BYTES + LARGER(MODEL_INPUT_LEN, MODEL_EMBEDDING_LEN), MIN_PAYLOAD_BYTES)

#define STACK_PAINT UINT32_C(0xC5C5C5C5)
#define STACK_PAINT_MAX_BYTES 65536u
#define STACK_UNPAINTED_BYTES 64u /* the painter's own frame, which it must not overwrite */

enum { BAD_SCRIPT = 65, BAD_FILE = 66 };

enum request_kind {
    REQUEST_EMBED = 1,
    REQUEST_RESTART,
    REQUEST_ENROLL_BEGIN,
    REQUEST_ENROLL_ADD,
    REQUEST_ENROLL_ADD_EMBEDDING,
    REQUEST_ENROLL_COMMIT,
    REQUEST_ENROLL_ABORT,
    REQUEST_FORGET,
    REQUEST_LIST,
    REQUEST_CLASSIFY,
    REQUEST_CLASSIFY_EMBEDDING,
    REQUEST_STACK,
    REQUEST_TAKE_BACK_EMBEDDING,
    REQUEST_VERIFY,
    REQUEST_VERIFY_EMBEDDING,
    REQUEST_SET_FALSE_ACCEPTS,
    REQUEST_NEGATIVE_ADD_EMBEDDING,
    REQUEST_NEGATIVES_FORGET,
    REQUEST_ENROLL_QUALITY
};

extern uint32_t link_stack_limit[], link_stack_top[];

static MODEL_MEMORY memory;
static uint32_t payload_words[(PAYLOAD_BYTES + 4) / 4]; /* a byte more than a payload: the label's final zero */
static int8_t result[MODEL_EMBEDDING_LEN];
static int requests_file, answers_file;

static uint32_t load_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void store_u16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static void store_u32(uint8_t *bytes, uint32_t value)
{
    store_u16(bytes, (uint16_t)value);
    store_u16(bytes + 2, (uint16_t)(value >> 16));
}

static void expect(int condition, int exit_status)
{
    if (!condition) {
        board_exit(exit_status);
    }
}

static void answer_bytes(const void *bytes, size_t len)
{
    expect(semihosting_write(answers_file, bytes, len) == 0, BAD_FILE);
}

static void answer_head(uint32_t kind, kshot_status status, uint64_t instructions, uint32_t payload_len)
{
    uint8_t head[20];

    store_u32(head, kind);
    store_u32(head + 4, (uint32_t)(int32_t)status);
    store_u32(head + 8, (uint32_t)instructions);
    store_u32(head + 12, (uint32_t)(instructions >> 32));
    store_u32(head + 16, payload_len);
    answer_bytes(head, sizeof head);
}

/* Where painting begins: as far below the top of the stack as it can reach, or as is worth painting. */
static uint32_t *stack_paint_start(void)
{
    const uintptr_t limit = (uintptr_t)link_stack_limit;
    const uintptr_t lowest = (uintptr_t)link_stack_top - STACK_PAINT_MAX_BYTES;

    return (uint32_t *)LARGER(limit, lowest);
}

/* Not inline: what it must not overwrite is then its own small frame. */
__attribute__((noinline)) static void stack_paint(void)
{
    const uint32_t here = 0;
    const uintptr_t end = (uintptr_t)&here - STACK_UNPAINTED_BYTES;

    for (volatile uint32_t *word = stack_paint_start(); (uintptr_t)word < end; word++) {
        *word = STACK_PAINT;
    }
}

/* The lowest word that lost its paint tells how deep the stack ever was. */
static void stack_answer(void)
{
    const volatile uint32_t *word = stack_paint_start();
    uint8_t used[4];

    while (word < link_stack_top && *word == STACK_PAINT) {
        word++;
    }
    store_u32(used, (uint32_t)((uintptr_t)link_stack_top - (uintptr_t)word));
    answer_head(REQUEST_STACK, KSHOT_OK, 0, sizeof used);
    answer_bytes(used, sizeof used);
}

static void embed_answer(const int8_t *input)
{
    const uint64_t start = board_tick();
    uint64_t instructions;

    JOIN(MODEL, _model).embed(input, result, memory.arena);
    instructions = board_tick() - start;
    answer_head(REQUEST_EMBED, KSHOT_OK, instructions, sizeof result);
    answer_bytes(result, sizeof result);
}

#if MODEL_LEARNS
static kshot learner;

static uint16_t load_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static void restart(void)
{
    expect(JOIN(MODEL, _init)(&learner, &memory) == KSHOT_OK, BAD_SCRIPT);
}

static void list_answer(void)
{
    const uint16_t count = kshot_class_count(&learner);
    uint8_t record[4 + KSHOT_LABEL_BYTES];

    answer_head(REQUEST_LIST, KSHOT_OK, 0, count * (uint32_t)sizeof record);
    for (uint16_t i = 0; i < count; i++) {
        kshot_class enrolled;

        expect(kshot_class_at(&learner, i, &enrolled) == KSHOT_OK, BAD_SCRIPT);
        store_u16(record, enrolled.id);
        store_u16(record + 2, enrolled.shots);
        memcpy(record + 4, enrolled.label, KSHOT_LABEL_BYTES);
        answer_bytes(record, sizeof record);
    }
}

static void classify_answer(uint32_t kind, const int8_t *values)
{
    const uint64_t start = board_tick();
    kshot_answer answer;
    const kshot_status status = kind == REQUEST_CLASSIFY ? kshot_classify(&learner, values, &answer)
                                                         : kshot_classify_embedding(&learner, values, &answer);
    const uint64_t instructions = board_tick() - start;
    uint8_t record[11];

    answer_head(kind, status, instructions, status == KSHOT_OK ? sizeof record : 0);
    if (status == KSHOT_OK) {
        store_u16(record, answer.class_id);
        store_u32(record + 2, answer.distance);
        store_u32(record + 6, answer.margin);
        record[10] = (uint8_t)answer.verdict;
        answer_bytes(record, sizeof record);
    }
}

static void verify_answer(uint32_t kind, const uint8_t *payload)
{
    const int8_t *const values = (const int8_t *)(payload + CLASS_ID_BYTES);
    const uint64_t start = board_tick();
    kshot_verification verification;
    const kshot_status status = kind == REQUEST_VERIFY
                                    ? kshot_verify(&learner, load_u16(payload), values, &verification)
                                    : kshot_verify_embedding(&learner, load_u16(payload), values, &verification);
    const uint64_t instructions = board_tick() - start;
    uint8_t record[5];

    answer_head(kind, status, instructions, status == KSHOT_OK ? sizeof record : 0);
    if (status == KSHOT_OK) {
        record[0] = verification.same;
        store_u32(record + 1, verification.distance);
        answer_bytes(record, sizeof record);
    }
}

static void commit_answer(void)
{
    const uint64_t start = board_tick();
    uint16_t class_id;
    const kshot_status status = kshot_enroll_commit(&learner, &class_id);
    const uint64_t instructions = board_tick() - start;
    uint8_t record[2];

    answer_head(REQUEST_ENROLL_COMMIT, status, instructions, status == KSHOT_OK ? sizeof record : 0);
    if (status == KSHOT_OK) {
        store_u16(record, class_id);
        answer_bytes(record, sizeof record);
    }
}

static void quality_answer(void)
{
    const uint64_t start = board_tick();
    kshot_quality quality;
    const kshot_status status = kshot_enroll_quality(&learner, &quality);
    const uint64_t instructions = board_tick() - start;
    uint8_t record[5];

    answer_head(REQUEST_ENROLL_QUALITY, status, instructions, status == KSHOT_OK ? sizeof record : 0);
    if (status == KSHOT_OK) {
        store_u16(record, quality.far_shots);
        store_u16(record + 2, quality.near_class_id);
        record[4] = quality.rate_is_met;
        answer_bytes(record, sizeof record);
    }
}

/* The requests whose answer is a status alone. */
static kshot_status change(uint32_t kind, const uint8_t *payload)
{
    switch (kind) {
    case REQUEST_ENROLL_BEGIN:
        return kshot_enroll_begin(&learner, (const char *)payload);
    case REQUEST_ENROLL_ADD:
        return kshot_enroll_add(&learner, (const int8_t *)payload);
    case REQUEST_ENROLL_ADD_EMBEDDING:
        return kshot_enroll_add_embedding(&learner, (const int8_t *)payload);
    case REQUEST_TAKE_BACK_EMBEDDING:
        return kshot_enroll_take_back_embedding(&learner, (const int8_t *)payload);
    case REQUEST_ENROLL_ABORT:
        return kshot_enroll_abort(&learner);
    case REQUEST_FORGET:
        return kshot_forget(&learner, load_u16(payload));
    case REQUEST_SET_FALSE_ACCEPTS:
        return kshot_set_false_accepts(&learner, load_u16(payload));
    case REQUEST_NEGATIVE_ADD_EMBEDDING:
        return kshot_negative_add_embedding(&learner, (const int8_t *)payload);
    case REQUEST_NEGATIVES_FORGET:
        return kshot_negatives_forget(&learner);
    default:
        board_exit(BAD_SCRIPT);
    }
}

static void learner_answer(uint32_t kind, const uint8_t *payload)
{
    if (kind == REQUEST_LIST) {
        list_answer();
    } else if (kind == REQUEST_CLASSIFY || kind == REQUEST_CLASSIFY_EMBEDDING) {
        classify_answer(kind, (const int8_t *)payload);
    } else if (kind == REQUEST_VERIFY || kind == REQUEST_VERIFY_EMBEDDING) {
        verify_answer(kind, payload);
    } else if (kind == REQUEST_ENROLL_COMMIT) {
        commit_answer();
    } else if (kind == REQUEST_ENROLL_QUALITY) {
        quality_answer();
    } else if (kind == REQUEST_RESTART) {
        restart();
        answer_head(kind, KSHOT_OK, 0, 0);
    } else {
        const uint64_t start = board_tick();
        const kshot_status status = change(kind, payload);

        answer_head(kind, status, board_tick() - start, 0);
    }
}
#else
static void restart(void) {}

static void learner_answer(uint32_t kind, const uint8_t *payload)
{
    (void)kind;
    (void)payload;
    board_exit(BAD_SCRIPT);
}
#endif

static int payload_len_is_right(uint32_t kind, uint32_t len)
{
    switch (kind) {
    case REQUEST_EMBED:
    case REQUEST_ENROLL_ADD:
    case REQUEST_CLASSIFY:
        return len == MODEL_INPUT_LEN;
    case REQUEST_ENROLL_ADD_EMBEDDING:
    case REQUEST_CLASSIFY_EMBEDDING:
    case REQUEST_TAKE_BACK_EMBEDDING:
    case REQUEST_NEGATIVE_ADD_EMBEDDING:
        return len == MODEL_EMBEDDING_LEN;
    case REQUEST_VERIFY:
        return len == CLASS_ID_BYTES + MODEL_INPUT_LEN;
    case REQUEST_VERIFY_EMBEDDING:
        return len == CLASS_ID_BYTES + MODEL_EMBEDDING_LEN;
    case REQUEST_ENROLL_BEGIN:
        return len <= PAYLOAD_BYTES;
    case REQUEST_FORGET:
    case REQUEST_SET_FALSE_ACCEPTS:
        return len == CLASS_ID_BYTES;
    default:
        return len == 0;
    }
}

/* Reads and serves one request; 0 at the end of the script. */
static int serve(void)
{
    uint8_t *payload = (uint8_t *)payload_words;
    uint8_t head[8];
    const size_t missing = semihosting_read(requests_file, head, sizeof head);
    uint32_t kind, len;

    if (missing == sizeof head) {
        return 0;
    }
    kind = load_u32(head);
    len = load_u32(head + 4);
    expect(missing == 0 && payload_len_is_right(kind, len), BAD_SCRIPT);
    expect(len == 0 || semihosting_read(requests_file, payload, len) == 0, BAD_SCRIPT);
    payload[len] = 0;
    if (kind == REQUEST_EMBED) {
        embed_answer((const int8_t *)payload);
    } else if (kind == REQUEST_STACK) {
        stack_answer();
    } else {
        learner_answer(kind, payload);
    }
    return 1;
}

int main(void)
{
    stack_paint();
    board_start();
    requests_file = semihosting_open_read("requests.bin");
    answers_file = semihosting_open_write("answers.bin");
    expect(requests_file != -1 && answers_file != -1, BAD_FILE);
    restart();
    while (serve()) {
    }
    expect(semihosting_close(answers_file) == 0, BAD_FILE);
    return 0;
}
