/* SPDX-License-Identifier: Apache-2.0 */
/* What the RP2350's boot ROM looks for in the first 4 KB of flash (RP2350 Datasheet, section 5.9): a block that says
 * "an executable for the Arm cores of an RP2350, to run in the secure state", with one item, in a loop of one block. */
#include <stdint.h>

extern const uint32_t rp2350_image_definition[5];

__attribute__((section(".image_definition"), used)) const uint32_t rp2350_image_definition[5] = {
    0xFFFFDED3, /* start of a block */
    0x10210142, /* IMAGE_TYPE, one word: executable, secure, Arm, RP2350 */
    0x000001FF, /* the last item: one word came before */
    0x00000000, /* the next block is this one */
    0xAB123579, /* end of a block */
};
