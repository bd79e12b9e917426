/* SPDX-License-Identifier: Apache-2.0 */
/* What all convolutions come down to: the output channels of pixels whose inputs lie in rows. */
#ifndef KSHOT_HELIUM_PIXELS_H
#define KSHOT_HELIUM_PIXELS_H

#include "kshot_helium_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { KSHOT_HELIUM_PIXELS = 3 }; /* that are computed at a time */

/* The first `count` of the pixels, each of `len` inputs. The others must be the first one again. */
void kshot_helium_convolve_pixels(const kshot_helium_conv_s8 *conv, uint32_t len, const int8_t *const *pixels,
                                  uint32_t count, int8_t *output);

#ifdef __cplusplus
}
#endif
#endif
