"""Reading, checking and writing one bank; twin of ``kshot_store_bank.c``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from firmware_gen.store.errors import FlashError
from firmware_gen.store.flash import Flash, UnreadableError
from firmware_gen.store.format import (
    NO_SLOT,
    ForeignHeader,
    Header,
    Slot,
    SlotType,
    decode_header,
    decode_slot,
    encode_header,
    encode_slot,
)
from firmware_gen.store.layout import HEADER_BYTES, StoreConfig, layout


class Stage(IntEnum):
    """How far a bank's compaction came, as the flash reads now."""

    UNCOMMITTED = 0
    COMMITTED = 1
    ATTESTED = 2
    ACKNOWLEDGED = 3


@dataclass(eq=False)
class Bank:
    """A bank, and what was read of it.

    Attributes
    ----------
    config : StoreConfig
    flash : Flash
    address : int
    header : Header, ForeignHeader or None
    header_damaged : bool
        One of the two copies cannot be read.
    erases : int
    newest : int
        Slot from COMMIT on, `NO_SLOT` for none.
    whole : bool
        Every slot that `newest` builds on can be read.
    """

    config: StoreConfig
    flash: Flash
    address: int
    header: Header | ForeignHeader | None = None
    header_damaged: bool = False
    erases: int = 0
    newest: int = NO_SLOT
    whole: bool = False
    broken: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        self.layout = layout(self.config)

    @property
    def stage(self) -> Stage:
        """How far its compaction came."""
        if not isinstance(self.header, Header) or self.newest == NO_SLOT:
            return Stage.UNCOMMITTED
        beyond = self.newest - self.header.snapshot_count
        if beyond >= SlotType.SETTLED - SlotType.COMMIT:
            return Stage.ACKNOWLEDGED
        return Stage(beyond + 1) if self.whole else Stage.UNCOMMITTED

    @property
    def readable(self) -> bool:
        """Whether a marker of it can be read, or it is foreign: it might be read as a store again."""
        return isinstance(self.header, ForeignHeader) or (self.header is not None and self.newest != NO_SLOT)

    @property
    def sequence(self) -> int:
        """Its header's, 0 for none."""
        return 0 if self.header is None else self.header.sequence

    def load(self) -> None:
        """Read header and slots.

        Raises
        ------
        FlashError
            If the flash does not work.
        """
        for copy in range(2):
            header = self._read_header(copy)
            if header is None:
                self.header_damaged = True
            elif self.header is None:
                self.header = header
                self.erases = header.erase_count
        for slot in self.walk():
            if self.newest == NO_SLOT:
                self.newest = slot.index
        self.whole = self.newest != NO_SLOT and not self.broken

    def _read_header(self, copy: int) -> Header | ForeignHeader | None:
        try:
            data = self.flash.read(self.address + copy * self.layout.header_bytes, HEADER_BYTES)
        except UnreadableError:
            return None
        return decode_header(self.config, self.layout, data)

    def walk(self) -> Iterator[Slot]:
        """Yield the slots along the chain, from newest to oldest; `broken` says whether one could not be read."""
        if not isinstance(self.header, Header):
            return
        self.broken = False
        begun, expected = False, NO_SLOT
        for index in reversed(range(self.layout.slot_count)):
            if index < self.header.snapshot_count and not begun:
                return
            if expected not in (NO_SLOT, index):
                continue
            slot = self.read_slot(index)
            if slot is None:
                self.broken = begun
                expected = NO_SLOT
                continue
            begun, expected = True, slot.previous
            yield slot

    def read_slot(self, index: int) -> Slot | None:
        """Read a slot; None where none can be read."""
        assert isinstance(self.header, Header)
        try:
            data = self.flash.read(self._slot_address(index), self.layout.slot_bytes)
        except UnreadableError:
            return None
        return decode_slot(self.config, self.header, index, data)

    def torn_slots(self) -> int:
        """Count the slots behind the newest that do not have the erased value."""
        behind = range(self.newest + 1, self.layout.slot_count)
        return sum(not self._is_blank(self._slot_address(i), self.layout.slot_bytes) for i in behind)

    def erase(self) -> None:
        """Erase all units, and count that."""
        self.erases = (self.erases + 1) % 2**32
        self.header, self.newest, self.header_damaged = None, NO_SLOT, False
        geometry = self.config.geometry
        for unit in range(geometry.erase_units_per_bank):
            self.flash.erase(self.address + unit * geometry.erase_unit_bytes)

    def check_blank(self) -> None:
        """Raise FlashError where a byte does not have the erased value."""
        if not self._is_blank(self.address, self.config.geometry.bank_bytes):
            raise FlashError("an erased bank does not read as erased")

    def _is_blank(self, address: int, size: int) -> bool:
        erased = self.config.geometry.erased_value
        if erased is None:
            return True
        try:
            return self.flash.read(address, size) == bytes([erased]) * size
        except UnreadableError:
            return False

    def write_header(self, header: Header) -> Header:
        """Write both copies, and return the header with its CRC."""
        data, header = encode_header(self.config, self.layout, header)
        for copy in range(2):
            address = self.address + copy * self.layout.header_bytes
            self._write(address, data.ljust(self.layout.header_bytes, b"\0"))
        return header

    def write_slot(self, header: Header, slot: Slot) -> None:
        """Write a slot and read it back.

        Raises
        ------
        FlashError
            If it cannot be read back.
        """
        self._write(self._slot_address(slot.index), encode_slot(self.layout, header.crc, slot))

    def _write(self, address: int, data: bytes) -> None:
        self.flash.prog(address, data)
        try:
            same = self.flash.read(address, len(data)) == data
        except UnreadableError:
            same = False
        if not same:
            raise FlashError("what was written cannot be read back")

    def _slot_address(self, index: int) -> int:
        return self.address + 2 * self.layout.header_bytes + index * self.layout.slot_bytes
