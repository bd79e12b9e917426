"""Bundles: classes on their way between devices of one model; twin of ``kshot_export.c`` (docs/store_format.md)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from zlib import crc32

from firmware_gen.store.errors import CorruptStoreError, IncompatibleStoreError
from firmware_gen.store.records import ClassRecord, RecordFormat, decode_class, encode_class

BUNDLE_VERSION = 1

_HEAD = struct.Struct("<4sHH16sHH")
_MAGIC = b"kCLS"
_CRC = struct.Struct("<I")


def encode_bundle(record_format: RecordFormat, fingerprint: bytes, classes: Sequence[ClassRecord]) -> bytes:
    """Return a bundle of classes, at least one.

    Parameters
    ----------
    record_format : RecordFormat
    fingerprint : bytes
        The store's, 16 bytes.
    classes : sequence of ClassRecord
    """
    if not classes:
        raise ValueError("there is no class to export")
    head = _HEAD.pack(_MAGIC, BUNDLE_VERSION, record_format.record_bytes, fingerprint, len(classes), 0)
    body = head + b"".join(encode_class(record_format, record) for record in classes)
    return body + _CRC.pack(crc32(body))


def decode_bundle(record_format: RecordFormat, fingerprint: bytes, data: bytes) -> list[ClassRecord]:
    """Read a bundle; its labels differ.

    Raises
    ------
    IncompatibleStoreError
        If it is of another model, room for shots or version.
    CorruptStoreError
        If the bytes are no bundle.
    """
    if len(data) < _HEAD.size + _CRC.size or _CRC.unpack(data[-_CRC.size :])[0] != crc32(data[: -_CRC.size]):
        raise CorruptStoreError("no bundle of classes, or a damaged one: its CRC is wrong")
    magic, version, record_bytes, found, count, zero = _HEAD.unpack(data[: _HEAD.size])
    if magic != _MAGIC:
        raise CorruptStoreError("no bundle of classes: it does not begin with kCLS")
    if version != BUNDLE_VERSION or zero:
        raise IncompatibleStoreError(f"a bundle of version {version}: this kshot reads {BUNDLE_VERSION}")
    if found != fingerprint:
        raise IncompatibleStoreError(
            f"a bundle of another model ({found.hex()}, not {fingerprint.hex()}): classes move between devices of one"
            " model only"
        )
    if record_bytes != record_format.record_bytes:
        raise IncompatibleStoreError(
            f"a bundle with records of {record_bytes} bytes, not {record_format.record_bytes}: both devices must have"
            " the same room for shots"
        )
    body = data[_HEAD.size : -_CRC.size]
    if not count or len(body) != count * record_bytes:
        raise CorruptStoreError(f"a bundle of {count} classes cannot have {len(data):,} bytes")
    classes = [decode_class(record_format, body[i : i + record_bytes]) for i in range(0, len(body), record_bytes)]
    if len({record.label for record in classes}) < count:
        raise CorruptStoreError("a bundle that names a class twice")
    return classes
