/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_label.h"

#include <stddef.h>

#include "kshot.h"

/* Bytes of the UTF-8 character at `text`, 0 if it is none. A zero byte continues nothing: none behind it is read. */
static uint32_t character_len(const uint8_t *text)
{
    /* Unicode 15, table 3-7: the second byte's range forbids overlong forms, surrogates and values past U+10FFFF */
    static const struct {
        uint8_t first_low, first_high, second_low, second_high, len;
    } forms[] = {
        {0x01, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (uint32_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text[0] < forms[i].first_low || text[0] > forms[i].first_high) {
            continue;
        }
        if (forms[i].len > 1 && (text[1] < forms[i].second_low || text[1] > forms[i].second_high)) {
            return 0;
        }
        for (uint32_t k = 2; k < forms[i].len; k++) {
            if ((text[k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return forms[i].len;
    }
    return 0;
}

uint32_t kshot_label_len(const char *label)
{
    const uint8_t *const text = (const uint8_t *)label;
    uint32_t len = 0;

    if (text == NULL) {
        return 0;
    }
    while (len < KSHOT_LABEL_BYTES && text[len] != 0) {
        const uint32_t more = character_len(text + len);
        if (more == 0) {
            return 0;
        }
        len += more;
    }
    return len < KSHOT_LABEL_BYTES ? len : 0;
}
