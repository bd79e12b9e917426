"""Headers and slots as bytes: docs/store_format.md, twin of ``kshot_store_format.c``."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from zlib import crc32

from firmware_gen.store.layout import HEADER_BYTES, MARKERS, Layout, StoreConfig

FORMAT_VERSION = 1
NO_SLOT = 65535
FLAG_PURGE = 1
FLAG_LOSSY = 2

_MAGIC = b"kSTO"
_HEADER = struct.Struct("<4sHHIIIHBBHHIHHHHI16s")
_SLOT = struct.Struct("<BBHIIHH")
_CRC = struct.Struct("<I")


class SlotType(IntEnum):
    """What a slot holds."""

    PUT = 1
    COMMIT = 2
    ATTEST = 3
    SETTLED = 4
    PURGED = 5


@dataclass(frozen=True)
class Header:
    """A bank's header, apart from what the config says.

    `wear` has two bits a bank: its erases less this one's plus 1, once this bank is settled. `crc` is the seed of the
    bank's slots.
    """

    sequence: int
    erase_count: int
    wear: int
    log_sequence: int
    snapshot_count: int
    flags: int
    crc: int = 0


@dataclass(frozen=True)
class ForeignHeader:
    """A valid header of another format version, model or geometry."""

    sequence: int
    erase_count: int


@dataclass(frozen=True)
class Slot:
    """A slot; `record` is empty in all but a PUT."""

    kind: int
    class_id: int
    log_sequence: int
    token: int
    index: int
    previous: int
    record: bytes = b""


def encode_header(config: StoreConfig, layout: Layout, header: Header) -> tuple[bytes, Header]:
    """Return the header's 64 bytes, and the header with its CRC."""
    geometry = config.geometry
    body = _HEADER.pack(
        *(_MAGIC, FORMAT_VERSION, HEADER_BYTES, header.sequence, header.erase_count),
        *(geometry.erase_unit_bytes, geometry.erase_units_per_bank, geometry.program_unit_bytes.bit_length() - 1),
        *(geometry.bank_count, config.max_classes, layout.slot_bytes, header.wear),
        *(layout.slot_count, config.record_bytes),
        *(header.snapshot_count, header.flags, header.log_sequence, config.fingerprint),
    )
    crc = crc32(body)
    return body + _CRC.pack(crc), replace(header, crc=crc)


def decode_header(config: StoreConfig, layout: Layout, data: bytes) -> Header | ForeignHeader | None:
    """Read 64 bytes: a header, one of another model, geometry or version, or none."""
    if data[:4] != _MAGIC or _CRC.unpack(data[60:64])[0] != crc32(data[:60]):
        return None
    fields = _HEADER.unpack(data[:60])
    sequence, erase_count, wear, snapshot_count, flags, log_sequence = (fields[i] for i in (3, 4, 11, 14, 15, 16))
    header = Header(sequence, erase_count, wear, log_sequence, snapshot_count, flags)
    expected, header = encode_header(config, layout, header)
    if data[:HEADER_BYTES] != expected or snapshot_count > config.max_classes:
        return ForeignHeader(sequence, erase_count)
    return header


def foreign_headers(image: bytes, bank_bytes: int) -> list[dict[str, int | str]]:
    """Read the headers of an image whatever model and geometry they are of, a row for each that is valid."""
    names = ("sequence", "erase_count", "erase_unit_bytes", "erase_units_per_bank", "program_unit_bits", "bank_count")
    rows: list[dict[str, int | str]] = []
    for address in range(0, len(image), bank_bytes):
        data = image[address : address + HEADER_BYTES]
        if data[:4] != _MAGIC or _CRC.unpack(data[60:64])[0] != crc32(data[:60]):
            continue
        _, version, _, *fields = _HEADER.unpack(data[:60])
        row: dict[str, int | str] = {"bank": address // bank_bytes, "version": version}
        row |= dict(zip(names, fields, strict=False))
        row["program_unit_bytes"] = 1 << int(row.pop("program_unit_bits"))
        row |= {"max_classes": fields[6], "slot_bytes": fields[7], "record_bytes": fields[10]}
        rows.append({**row, "fingerprint": fields[14].hex()})
    return rows


def encode_slot(layout: Layout, seed: int, slot: Slot) -> bytes:
    """Return a slot's bytes, with the CRC that counts in a bank with this seed."""
    body = _SLOT.pack(slot.kind, 0, slot.class_id, slot.log_sequence, slot.token, slot.index, slot.previous)
    body = (body + slot.record).ljust(layout.slot_bytes - 4, b"\0")
    return body + _CRC.pack(crc32(body, seed))


def decode_slot(config: StoreConfig, header: Header, index: int, data: bytes) -> Slot | None:
    """Read slot `index` of a bank with this header; None where it is not valid."""
    kind, zero, class_id, log_sequence, token, own, previous = _SLOT.unpack(data[:16])
    first = _first_put(header)
    follows = first - 1 <= previous < index if index >= first else previous == (index - 1) % 65536
    if (
        kind != _kind_at(index, header)
        or zero
        or own != index
        or (kind == SlotType.PUT and class_id == 0)
        or not follows
        or _CRC.unpack(data[-4:])[0] != crc32(data[:-4], header.crc)
    ):
        return None
    record = data[16 : 16 + config.record_bytes] if kind == SlotType.PUT else b""
    return Slot(kind, class_id, log_sequence, token, own, previous, record)


def _first_put(header: Header) -> int:
    """Return the index of the first slot behind the markers."""
    return header.snapshot_count + MARKERS - (0 if header.flags & FLAG_PURGE else 1)


def _kind_at(index: int, header: Header) -> int:
    """Return the only type that slot `index` can have."""
    if header.snapshot_count <= index < _first_put(header):
        return SlotType.COMMIT + index - header.snapshot_count
    return SlotType.PUT
