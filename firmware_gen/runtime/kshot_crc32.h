/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 as in IEEE 802.3, zip and PNG: reflected polynomial 0xEDB88320. */
#ifndef KSHOT_CRC32_H
#define KSHOT_CRC32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The CRC of `data` behind what gave `crc`; 0 to begin. Any other value as a beginning is a seed. */
uint32_t kshot_crc32(uint32_t crc, const uint8_t *data, uint32_t len);

#ifdef __cplusplus
}
#endif
#endif
