/* SPDX-License-Identifier: Apache-2.0 */
/* A generated project as a shared library: whole batches in one call, for firmware_gen/host.py.
 *
 * The build defines MODEL, MODEL_HEADER and MODEL_LEARNS as the project's Makefile does. No state is kept here, so
 * calls with memory of their own may run side by side. */
#include MODEL_HEADER

#define JOIN_EXPANDED(a, b) a##_##b
#define JOIN(a, b) JOIN_EXPANDED(a, b)

const kshot_model *kshot_host_model(void);
void kshot_host_embed(const int8_t *inputs, int8_t *embeddings, uint32_t count, void *arena);

const kshot_model *kshot_host_model(void)
{
    return &JOIN(MODEL, model);
}

void kshot_host_embed(const int8_t *inputs, int8_t *embeddings, uint32_t count, void *arena)
{
    const kshot_model *const model = kshot_host_model();

    for (uint32_t i = 0; i < count; i++) {
        model->embed(inputs + (size_t)i * model->input_len, embeddings + (size_t)i * model->embedding_len, arena);
    }
}

#if MODEL_LEARNS

/* A few-shot task on embeddings: support [ways][shots], queries [query_count], answers [query_count]; and, for a model
 * with rejection, negatives [negative_count] and the rate of false accepts, 0 for the one that a kshot begins with. */
typedef struct kshot_host_episode {
    uint32_t ways, shots, query_count, negative_count, per_mille;
    const int8_t *support;
    const int8_t *queries;
    const int8_t *negatives;
    kshot_answer *answers;
} kshot_host_episode;

size_t kshot_host_state_bytes(void);
kshot_status kshot_host_run_episode(const kshot_host_episode *episode, const kshot_buffers *buffers);

size_t kshot_host_state_bytes(void)
{
    return sizeof(kshot);
}

/* Labels are for people; here they only have to differ. */
static void write_label(char label[6], uint32_t number)
{
    for (int i = 4; i >= 0; i--) {
        label[i] = (char)('0' + number % 10);
        number /= 10;
    }
    label[5] = '\0';
}

static kshot_status enroll(kshot *k, uint32_t way, const int8_t *shots, uint32_t shot_count)
{
    char label[6];

    write_label(label, way);
    kshot_status status = kshot_enroll_begin(k, label);
    for (uint32_t i = 0; i < shot_count && status == KSHOT_OK; i++) {
        status = kshot_enroll_add_embedding(k, shots + (size_t)i * k->model->embedding_len);
    }
    return status == KSHOT_OK ? kshot_enroll_commit(k, NULL) : status;
}

static kshot_status prepare(kshot *k, const kshot_host_episode *episode)
{
    kshot_status status = episode->per_mille == 0 ? KSHOT_OK : kshot_set_false_accepts(k, (uint16_t)episode->per_mille);

    for (uint32_t i = 0; i < episode->negative_count && status == KSHOT_OK; i++) {
        status = kshot_negative_add_embedding(k, episode->negatives + (size_t)i * k->model->embedding_len);
    }
    return status;
}

/* Enrolls every way and classifies every query. Classes are enrolled in order: way w gets id w + 1. */
kshot_status kshot_host_run_episode(const kshot_host_episode *episode, const kshot_buffers *buffers)
{
    kshot k;
    kshot_status status = kshot_init(&k, kshot_host_model(), buffers);
    const size_t len = kshot_host_model()->embedding_len;

    if (status == KSHOT_OK) {
        status = prepare(&k, episode);
    }
    for (uint32_t way = 0; way < episode->ways && status == KSHOT_OK; way++) {
        status = enroll(&k, way, episode->support + way * episode->shots * len, episode->shots);
    }
    for (uint32_t i = 0; i < episode->query_count && status == KSHOT_OK; i++) {
        status = kshot_classify_embedding(&k, episode->queries + i * len, &episode->answers[i]);
    }
    return status;
}

#endif
