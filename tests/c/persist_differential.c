/* SPDX-License-Identifier: Apache-2.0 */
/* A device that keeps its classes as a library, for comparison with the Python twin: tests/c/persist_fixture.h. */
#include "kshot_exchange.h"
#include "persist_fixture.h"

enum { MAX_BUNDLE = 1024 };

/* A sink that fills a buffer. */
typedef struct buffer {
    uint8_t *bytes;
    uint32_t len;
} buffer;

void device_begin(int chosen);
int device_boot(void);
void device_image(uint8_t *image, uint32_t len);
int device_enroll(const char *label, const int8_t *shots, int count, int anew);
int device_take_back(const char *label, const int8_t *taken);
int device_rename(uint16_t id, const char *label);
int device_forget(uint16_t id);
int device_negative(const int8_t *embedding);
int device_negatives_forget(void);
int device_rate(uint16_t per_mille);
int device_wipe(void);
int device_purge(void);
int device_import(const uint8_t *bundle, uint32_t len, int replace);
int device_export(uint16_t id, uint8_t *bytes);
int device_classes(kshot_class *classes);

void device_begin(int chosen)
{
    start((learner_kind)chosen);
}

int device_boot(void)
{
    return boot();
}

void device_image(uint8_t *image, uint32_t len)
{
    memcpy(image, ram.bytes, len);
}

static int committed(void)
{
    const kshot_status status = kshot_persist_commit(&d.p, NULL, 7);
    if (status != KSHOT_OK) {
        CHECK_EQUAL(KSHOT_OK, kshot_enroll_abort(&d.k));
    }
    return status;
}

int device_enroll(const char *label, const int8_t *shots, int count, int anew)
{
    kshot_status status = anew ? kshot_enroll_begin_anew(&d.k, label) : kshot_enroll_begin(&d.k, label);
    if (status != KSHOT_OK) {
        return status;
    }
    for (int i = 0; i < count; i++) {
        status = kshot_enroll_add_embedding(&d.k, shots + i * LEN);
        if (status != KSHOT_OK) {
            CHECK_EQUAL(KSHOT_OK, kshot_enroll_abort(&d.k));
            return status;
        }
    }
    return committed();
}

int device_take_back(const char *label, const int8_t *taken)
{
    kshot_status status = kshot_enroll_begin(&d.k, label);
    if (status != KSHOT_OK) {
        return status;
    }
    status = kshot_enroll_take_back_embedding(&d.k, taken);
    if (status != KSHOT_OK) {
        CHECK_EQUAL(KSHOT_OK, kshot_enroll_abort(&d.k));
        return status;
    }
    return committed();
}

int device_rename(uint16_t id, const char *label)
{
    return kshot_persist_rename(&d.p, id, label, 8);
}

int device_forget(uint16_t id)
{
    return kshot_persist_forget(&d.p, id, 9);
}

int device_negative(const int8_t *embedding)
{
    return kshot_persist_negative_add_embedding(&d.p, embedding, 10);
}

int device_negatives_forget(void)
{
    return kshot_persist_negatives_forget(&d.p, 11);
}

int device_rate(uint16_t per_mille)
{
    return kshot_persist_set_false_accepts(&d.p, per_mille, 12);
}

int device_wipe(void)
{
    return kshot_persist_wipe(&d.p, 13);
}

int device_purge(void)
{
    return kshot_persist_purge(&d.p);
}

int device_import(const uint8_t *bundle, uint32_t len, int replace)
{
    static uint16_t work[2 * MAX_CLASSES];
    const kshot_import_order order = {bundle, len, replace ? KSHOT_IMPORT_REPLACE : KSHOT_IMPORT_MERGE, work, 14};
    return kshot_import(&d.p, &order);
}

static bool collect(void *context, const uint8_t *bytes, uint32_t len)
{
    buffer *const to = (buffer *)context;
    CHECK(to->len + len <= MAX_BUNDLE);
    memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
    return true;
}

/* The length, or a status. */
int device_export(uint16_t id, uint8_t *bytes)
{
    buffer made = {bytes, 0};
    const kshot_export_sink sink = {&made, collect};
    const kshot_status status = kshot_export(&d.p, id, &sink);
    return status == KSHOT_OK ? (int)made.len : (int)status;
}

int device_classes(kshot_class *classes)
{
    const int count = kshot_class_count(&d.k);
    for (int i = 0; i < count; i++) {
        CHECK_EQUAL(KSHOT_OK, kshot_class_at(&d.k, (uint16_t)i, &classes[i]));
    }
    return count;
}
