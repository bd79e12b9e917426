/* SPDX-License-Identifier: Apache-2.0 */
/* The names that people give to classes. */
#ifndef KSHOT_LABEL_H
#define KSHOT_LABEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Length in bytes of a label that can be stored: 1 .. KSHOT_LABEL_BYTES - 1 bytes of valid UTF-8 before the terminating
 * zero. 0 for anything else, also for null. Reads no more than KSHOT_LABEL_BYTES bytes. */
uint32_t kshot_label_len(const char *label);

#ifdef __cplusplus
}
#endif
#endif
