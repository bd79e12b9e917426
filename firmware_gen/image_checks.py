"""Whether a linked image is what its board starts from: from its bytes, against the chip's memory map."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firmware_gen.hardware import HardwareBoard
from firmware_gen.image import FlashImage

_EXCEPTIONS = 15
_BOOT_STAGE2_BYTES = 256
_BLOCK_SEARCH_BYTES = 4096
_IMAGE_DEFINITION = struct.pack("<5I", 0xFFFF_DED3, 0x1021_0142, 0x0000_01FF, 0, 0xAB12_3579)
"""RP2350 Datasheet 5.9: one block in a loop, one item, an executable for the Arm cores in the secure state."""


class ImageCheckError(ValueError):
    """An image that its board would not start, or that would run over the store."""


@dataclass(frozen=True)
class ImageCheck:
    """One property of an image.

    Attributes
    ----------
    what : str
        The property, as a sentence.
    problem : str
        What is found instead; empty where it holds.
    """

    what: str
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether it holds."""
        return not self.problem


def check_image(image: FlashImage, board: HardwareBoard) -> tuple[ImageCheck, ...]:
    """Check an image, every property that its kind of board asks for.

    Parameters
    ----------
    image : FlashImage
    board : HardwareBoard
    """
    return tuple(ImageCheck(what, _problem(check, image, board)) for what, check in _CHECKS)


def require_sound(image: FlashImage, board: HardwareBoard) -> None:
    """Raise what `check_image` finds.

    Raises
    ------
    ImageCheckError
        If any property does not hold.
    """
    broken = [f"{check.what}: {check.problem}" for check in check_image(image, board) if not check.passed]
    if broken:
        raise ImageCheckError(f"this image is not for {board.title}: " + "; ".join(broken))


def _problem(check: Callable[[FlashImage, HardwareBoard], str], image: FlashImage, board: HardwareBoard) -> str:
    try:
        return check(image, board)
    except ValueError as error:  # an address that the image or the chip's flash has not
        return str(error)


def _vectors(image: FlashImage, board: HardwareBoard) -> tuple[int, ...]:
    return struct.unpack(f"<{_EXCEPTIONS + 1}I", image.read(board.vectors, 4 * (_EXCEPTIONS + 1)))


def _stack(image: FlashImage, board: HardwareBoard) -> str:
    top = _vectors(image, board)[0]
    if top % 8 or not board.ram.start < top <= board.ram.end:
        return f"{top:#010x} is no such address"
    limit = image.symbol("link_stack_limit")
    return "" if board.ram.start <= limit < top else f"the stack would end at {limit:#010x}"


def _entry(image: FlashImage, board: HardwareBoard) -> str:
    reset = _vectors(image, board)[1]
    if not reset & 1:
        return f"{reset:#010x} is no Thumb address"
    if reset != image.entry:
        return f"the vector says {reset:#010x}, the file {image.entry:#010x}"
    image.read(reset & ~1, 4)
    return ""


def _handlers(image: FlashImage, board: HardwareBoard) -> str:
    for number, handler in enumerate(_vectors(image, board)[1:], 1):
        if not handler & 1:
            return f"that of exception {number} is {handler:#010x}"
        image.read(handler & ~1, 2)
    return ""


def _inside_flash(image: FlashImage, board: HardwareBoard) -> str:
    for segment in image.segments:
        if not board.flash.holds(segment.address, len(segment.data)):
            return f"{segment.address:#010x} to {segment.end:#010x} is outside"
    return ""


def _ram(image: FlashImage, board: HardwareBoard) -> str:
    start, size = image.symbol("link_ram_region_start"), image.symbol("link_ram_region_bytes")
    return "" if board.ram.holds(start, size) else f"the linker had {size} bytes at {start:#010x}"


def store_of(image: FlashImage) -> range:
    """The addresses that the linker script sets aside for the store.

    Raises
    ------
    ImageError
        If it sets none aside.
    """
    start = image.symbol("link_store_start")
    return range(start, start + image.symbol("link_store_region_bytes"))


def _store_apart(image: FlashImage, board: HardwareBoard) -> str:
    store = store_of(image)
    if not board.flash.holds(store.start, len(store)):
        return f"it lies at {store.start:#010x} to {store.stop:#010x}"
    for start, stop in sectors_touched(image, board):
        if start < store.stop and store.start < stop:
            return f"the program fills the erase unit {start:#010x} to {stop:#010x}, which is the store's"
    return ""


def _boot(image: FlashImage, board: HardwareBoard) -> str:
    if board.boot == "second stage with CRC":
        stage = image.read(board.flash.start, _BOOT_STAGE2_BYTES)
        wanted, found = boot_crc32(stage[:-4]), int.from_bytes(stage[-4:], "little")
        return "" if found == wanted else f"BOOT_STAGE2_CRC is {found:#010x}, the bytes before it give {wanted:#010x}"
    if board.boot == "image definition":
        image.read(board.flash.start, 4)
        start = image.read(board.flash.start, min(_BLOCK_SEARCH_BYTES, len(image.segments[0].data)))
        at = start.find(_IMAGE_DEFINITION)
        return "" if at >= 0 and at % 4 == 0 else "there is no block that says so in the first 4 KB"
    image.read(board.vectors, 4)
    return "" if image.segments[0].address == board.vectors else f"the image begins at {image.segments[0].address:#x}"


def boot_crc32(data: bytes) -> int:
    """CRC-32 as the RP2040's boot ROM computes it: neither reflected nor inverted (RP2040 Datasheet, 2.8.1.3.1)."""
    crc = 0xFFFF_FFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x1_04C1_1DB7 if crc & 0x8000_0000 else 0)
    return crc


def _store_whole_units(image: FlashImage, board: HardwareBoard) -> str:
    store = store_of(image)
    edges = {board.erase_unit_at(store.start)[0], board.erase_unit_at(store.stop - 1)[1]}
    return "" if edges == {store.start, store.stop} else f"its erase units would reach from {min(edges):#010x}"


def sectors_touched(image: FlashImage, board: HardwareBoard) -> Iterator[tuple[int, int]]:
    """Erase units, each from its first address to the one behind it, that a program of `image` erases."""
    reached = 0
    for segment in image.segments:
        address = max(segment.address, reached)
        while address < segment.end:
            start, address = board.erase_unit_at(address)
            reached = address
            yield start, address


_CHECKS: tuple[tuple[str, Callable[[FlashImage, HardwareBoard], str]], ...] = (
    ("what the boot ROM looks for is there", _boot),
    ("the first vector is a stack's top in RAM, on 8 bytes", _stack),
    ("the reset vector is the entry point, in Thumb code inside the image", _entry),
    ("every exception has a handler inside the image", _handlers),
    ("all bytes lie in the chip's flash", _inside_flash),
    ("the linker's RAM is the chip's", _ram),
    ("the store shares no erase unit with the program", _store_apart),
    ("the store is made of whole erase units", _store_whole_units),
)
