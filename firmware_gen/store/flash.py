"""Flash as the store sees it, and an image of one in memory."""

from __future__ import annotations

from typing import Protocol

from firmware_gen.store.errors import FlashError
from firmware_gen.store.layout import Geometry


class UnreadableError(Exception):
    """The bytes there are damaged (an ECC fault); it will not help to read them again."""


class Flash(Protocol):
    """Three calls. Each raises FlashError when the flash does not work, `read` UnreadableError for damaged bytes."""

    def read(self, address: int, size: int) -> bytes:
        """Read `size` bytes."""

    def prog(self, address: int, data: bytes) -> None:
        """Program whole units that were not programmed since they were erased."""

    def erase(self, address: int) -> None:
        """Erase the unit at `address`."""


class ImageFlash:
    """A flash image, such as one read from a board.

    Parameters
    ----------
    geometry : Geometry
    image : bytes, optional
        Its contents; erased when it is left out (0xFF where the erased value is undefined).

    Raises
    ------
    FlashError
        If the image has another size than the geometry; and from `prog`, if a unit is programmed twice.
    """

    def __init__(self, geometry: Geometry, image: bytes | None = None) -> None:
        if image is not None and len(image) != geometry.size_bytes:
            raise FlashError(f"the image has {len(image):,} bytes, the geometry {geometry.size_bytes:,}")
        self._geometry = geometry
        self._erased = bytes([0xFF if geometry.erased_value is None else geometry.erased_value])
        self._bytes = bytearray(self._erased * geometry.size_bytes if image is None else image)
        self._programmed: set[int] = set()

    @property
    def image(self) -> bytes:
        """All bytes."""
        return bytes(self._bytes)

    def read(self, address: int, size: int) -> bytes:
        """Read `size` bytes."""
        return bytes(self._bytes[address : address + size])

    def prog(self, address: int, data: bytes) -> None:
        """Program whole units."""
        unit = self._geometry.program_unit_bytes
        if address % unit or len(data) % unit:
            raise FlashError(f"{len(data)} bytes at {address} are no whole program units of {unit}")
        units = set(range(address // unit, (address + len(data)) // unit))
        if units & self._programmed:
            raise FlashError(f"a unit at {address} was programmed already")
        self._programmed |= units
        self._bytes[address : address + len(data)] = data

    def erase(self, address: int) -> None:
        """Erase the unit at `address`."""
        size, unit = self._geometry.erase_unit_bytes, self._geometry.program_unit_bytes
        self._bytes[address : address + size] = self._erased * size
        self._programmed -= set(range(address // unit, (address + size) // unit))
