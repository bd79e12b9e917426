"""Images in memory for tests that need no compiler: vectors, a little code, and the symbols of a linker script."""

from __future__ import annotations

import struct

from firmware_gen.hardware import KIB, HardwareBoard
from firmware_gen.image import FlashImage, Segment
from firmware_gen.image_checks import boot_crc32

_STORES = {"nRF52840": 24, "nRF52833": 24, "RP2040": 48, "RP2350": 48, "STM32L476RG": 24, "STM32H743ZI": 384}
_DEFINITION = struct.pack("<5I", 0xFFFFDED3, 0x10210142, 0x000001FF, 0, 0xAB123579)


def image_of(board: HardwareBoard) -> FlashImage:
    """The smallest image that `board` would start, with the store where its linker script has it."""
    in_pieces = board.chip == "STM32F446RE"
    code = board.flash.start + 64 * KIB if in_pieces else board.vectors + 0x100
    vectors = struct.pack("<16I", board.ram.start + 0x1000, *[code | 1] * 15)
    body = bytes(range(256)) * 3
    if board.boot == "second stage with CRC":
        stage = bytes(range(252))
        data = stage + boot_crc32(stage).to_bytes(4, "little") + vectors.ljust(256, b"\0") + body
        segments: tuple[Segment, ...] = (Segment(board.flash.start, data),)
    elif in_pieces:
        segments = (Segment(board.vectors, vectors), Segment(code, body))
    else:
        segments = (Segment(board.vectors, (vectors + _DEFINITION).ljust(256, b"\0") + body),)
    size = 48 * KIB if in_pieces else _STORES[board.chip] * KIB
    symbols = {
        "link_stack_limit": board.ram.start,
        "link_ram_region_start": board.ram.start,
        "link_ram_region_bytes": board.ram.size_bytes,
        "link_store_start": board.flash.start + 16 * KIB if in_pieces else board.flash.end - size,
        "link_store_region_bytes": size,
    }
    return FlashImage(segments, code | 1, symbols)
