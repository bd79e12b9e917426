/* SPDX-License-Identifier: Apache-2.0 */
/* Classes as bytes that another device of the same model takes in: docs/store_format.md, "Bundles". They travel by
 * label; ids are a device's own. Negatives and settings stay where they are.
 *
 * What is enrolled can be biometric: -DKSHOT_NO_EXPORT leaves the export out of a build. */
#ifndef KSHOT_EXCHANGE_H
#define KSHOT_EXCHANGE_H

#include "kshot_persist.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KSHOT_BUNDLE_VERSION 1
#define KSHOT_BUNDLE_HEAD_BYTES 28u
#define KSHOT_BUNDLE_CRC_BYTES 4u

#ifndef KSHOT_NO_EXPORT
/* Where exported bytes go, piece by piece; false ends the export. */
typedef struct kshot_export_sink {
    void *context;
    bool (*write)(void *context, const uint8_t *bytes, uint32_t len);
} kshot_export_sink;

/* Bytes of a bundle of so many classes. */
uint32_t kshot_export_bytes(const kshot_persist *p, uint16_t class_count);

/* Exports a class, or with id 0 all of them. KSHOT_ERROR_EMPTY where there is none, KSHOT_ERROR_FLASH where the sink
 * says false. */
kshot_status kshot_export(kshot_persist *p, uint16_t class_id, const kshot_export_sink *sink);
#endif

typedef enum kshot_import_mode {
    KSHOT_IMPORT_MERGE,  /* a class of the same label learns the shots, too: sums and counts add up, exactly, with every
                            import anew; of shots that are kept each stands there once */
    KSHOT_IMPORT_REPLACE /* a class of the same label is replaced */
} kshot_import_mode;

typedef struct kshot_import_order {
    const uint8_t *bundle; /* not changed, and not trusted */
    uint32_t len;
    kshot_import_mode mode;
    uint16_t *work; /* [2 * max_classes] */
    uint32_t token;
} kshot_import_order;

/* Takes in all classes of a bundle, or none. KSHOT_ERROR_INCOMPATIBLE for one of another model, room or version,
 * KSHOT_ERROR_CORRUPT for bytes that are none, KSHOT_ERROR_FULL where a class or the device has not enough room,
 * KSHOT_ERROR_STATE while an enrollment is open; else as kshot_persist_commit(). */
kshot_status kshot_import(kshot_persist *p, const kshot_import_order *order);

#ifdef __cplusplus
}
#endif
#endif
