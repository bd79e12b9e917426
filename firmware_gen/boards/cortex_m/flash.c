/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's flash driver on the region that the linker script calls STORE. */
#include "../board_flash.h"

extern uint32_t link_store_start[];

const kshot_flash *board_flash(void)
{
    static const kshot_flash flash = {link_store_start, chip_flash_read, chip_flash_prog, chip_flash_erase};

    return &flash;
}
