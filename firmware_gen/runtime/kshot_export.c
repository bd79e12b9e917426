/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_exchange.h"

#ifndef KSHOT_NO_EXPORT
#include "kshot_bundle.h"
#include "kshot_classes.h"
#include "kshot_crc32.h"

typedef struct export_stream {
    const kshot_export_sink *sink;
    uint32_t crc;
} export_stream;

static bool send(export_stream *stream, const uint8_t *bytes, uint32_t len)
{
    stream->crc = kshot_crc32(stream->crc, bytes, len);
    return stream->sink->write(stream->sink->context, bytes, len);
}

/* Sends the classes from index `first` to before `end`. */
static bool send_bundle(kshot_persist *p, uint16_t first, uint16_t end, const kshot_export_sink *sink)
{
    export_stream stream = {sink, 0};
    uint8_t head[KSHOT_BUNDLE_HEAD_BYTES];
    uint8_t crc[KSHOT_BUNDLE_CRC_BYTES];

    kshot_bundle_head(p->store.config, (uint16_t)(end - first), head);
    if (!send(&stream, head, sizeof head)) {
        return false;
    }
    for (uint16_t slot = first; slot < end; slot++) {
        kshot_record_save(p->format, &p->k->slots, slot, p->store.workspace);
        if (!send(&stream, p->store.workspace, p->store.config->record_bytes)) {
            return false;
        }
    }
    kshot_put_u32(crc, stream.crc);
    return sink->write(sink->context, crc, sizeof crc);
}

uint32_t kshot_export_bytes(const kshot_persist *p, uint16_t class_count)
{
    return KSHOT_BUNDLE_HEAD_BYTES + (uint32_t)class_count * p->store.config->record_bytes + KSHOT_BUNDLE_CRC_BYTES;
}

kshot_status kshot_export(kshot_persist *p, uint16_t class_id, const kshot_export_sink *sink)
{
    const kshot_status status = kshot_persist_check(p);
    uint16_t first = 0, end;

    if (sink == NULL || sink->write == NULL) {
        return KSHOT_ERROR_ARGUMENT;
    }
    if (status != KSHOT_OK) {
        return status;
    }
    end = p->k->class_count;
    if (class_id != 0) {
        first = kshot_find_id(p->k, class_id);
        if (first == end) {
            return KSHOT_ERROR_NOT_FOUND;
        }
        end = (uint16_t)(first + 1);
    }
    if (first == end) {
        return KSHOT_ERROR_EMPTY;
    }
    return send_bundle(p, first, end, sink) ? KSHOT_OK : KSHOT_ERROR_FLASH;
}
#endif
