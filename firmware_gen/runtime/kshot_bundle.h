/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a bundle. For kshot_export.c and kshot_import.c alone. */
#ifndef KSHOT_BUNDLE_H
#define KSHOT_BUNDLE_H

#include <string.h>

#include "kshot_bytes.h"
#include "kshot_exchange.h"

#define KSHOT_BUNDLE_COUNT_AT 24u

static inline void kshot_bundle_head(const kshot_store_config *config, uint16_t class_count, uint8_t *head)
{
    static const uint8_t magic[4] = {'k', 'C', 'L', 'S'};

    memcpy(head, magic, sizeof magic);
    kshot_put_u16(head + 4, KSHOT_BUNDLE_VERSION);
    kshot_put_u16(head + 6, config->record_bytes);
    memcpy(head + 8, config->fingerprint, KSHOT_STORE_FINGERPRINT_BYTES);
    kshot_put_u16(head + KSHOT_BUNDLE_COUNT_AT, class_count);
    kshot_put_u16(head + 26, 0);
}

#endif
