/* SPDX-License-Identifier: Apache-2.0 */
#include "rom.h"

#include "../registers.h"

#define CODE(a, b) ((uint32_t)(a) | (uint32_t)(b) << 8)

enum { XIP_SETUP_WORDS = 64 };

#if __ARM_ARCH >= 8
#define XIP_SETUP_SOURCE 0x400E0000u /* where the boot ROM keeps how it made the flash readable, section 5.3 */
#define LOOKUP_POINTER 0x16u
#define SECURE_ARM_FUNCTION 4u
typedef uintptr_t (*rom_lookup)(uint32_t code, uint32_t mask);
#else
#define XIP_SETUP_SOURCE 0x10000000u /* the second stage of the boot */
#define TABLE_POINTER 0x14u
#define LOOKUP_POINTER 0x18u
typedef uintptr_t (*rom_lookup)(uint32_t table, uint32_t code);
#endif

static uint32_t xip_setup[XIP_SETUP_WORDS];

/* The ROM's pointers have 16 bits. Compilers take addresses so near to 0 for mistakes unless they cannot see them. */
static uint32_t rom_pointer(uint32_t address)
{
    __asm__("" : "+r"(address));
    return register_read(address & ~3u) >> 8 * (address & 2u) & 0xFFFF;
}

static uintptr_t find(uint32_t code)
{
    const rom_lookup lookup = (rom_lookup)(uintptr_t)rom_pointer(LOOKUP_POINTER);
#if __ARM_ARCH >= 8
    return lookup(code, SECURE_ARM_FUNCTION);
#else
    return lookup(rom_pointer(TABLE_POINTER), code);
#endif
}

bool rp2_rom_find(rp2_rom *rom)
{
    for (uint32_t i = 0; i < XIP_SETUP_WORDS; i++) {
        xip_setup[i] = register_read(XIP_SETUP_SOURCE + 4 * i);
    }
    rom->xip_setup = (void (*)(void))((uintptr_t)xip_setup | 1u);
    rom->connect_internal_flash = (void (*)(void))find(CODE('I', 'F'));
    rom->exit_xip = (void (*)(void))find(CODE('E', 'X'));
    rom->range_erase = (void (*)(uint32_t, size_t, uint32_t, uint8_t))find(CODE('R', 'E'));
    rom->range_program = (void (*)(uint32_t, const uint8_t *, size_t))find(CODE('R', 'P'));
    rom->flush_cache = (void (*)(void))find(CODE('F', 'C'));
    return rom->connect_internal_flash && rom->exit_xip && rom->range_erase && rom->range_program && rom->flush_cache;
}
