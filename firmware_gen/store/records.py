"""Records as docs/store_format.md has them: what is stored of a class; twin of ``kshot_record*.c``."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from firmware_gen.store.errors import CorruptStoreError, StoreFullError

RECORD_VERSION = 1
LABEL_BYTES = 24
HEAD_BYTES = 26
MAX_CLASS_ID = 65279
NEGATIVES_ID = 65280
SETTINGS_ID = 65535
MAX_SUMMED_SHOTS = 4095
"""KSHOT_MAX_SHOTS: that fit a sum."""

_HEAD = struct.Struct(f"<{LABEL_BYTES}sH")


class StateKind(StrEnum):
    """What a learner keeps of a class."""

    SUMS = "sums"
    SHOTS = "shots"


@dataclass(frozen=True)
class RecordFormat:
    """Layout of a model's records.

    Attributes
    ----------
    kind : StateKind
    dimension : int
        Values of an embedding.
    max_shots : int
        Of a class.
    """

    kind: StateKind
    dimension: int
    max_shots: int = MAX_SUMMED_SHOTS

    @property
    def state_bytes(self) -> int:
        """Bytes of what a class has learned."""
        if self.kind is StateKind.SUMS:
            return 4 * self.dimension + 4
        return self.max_shots * self.dimension

    @property
    def record_bytes(self) -> int:
        """Bytes of a record."""
        return HEAD_BYTES + self.state_bytes

    @property
    def negatives_a_record(self) -> int:
        """Negatives that one record takes."""
        return self.state_bytes // self.dimension

    def negative_records(self, max_negatives: int) -> int:
        """Records for so many negatives."""
        return -(-max_negatives // self.negatives_a_record)


@dataclass(frozen=True, eq=False)
class ClassRecord:
    """A class as it is stored.

    Attributes
    ----------
    label : str
    shots : int
    state : int32 [dimension + 1] or int8 [shots, dimension]
        Sums and, last, the sum of squares (uint32, here as its bits); or the shots themselves.
    """

    label: str
    shots: int
    state: npt.NDArray[np.int32] | npt.NDArray[np.int8]

    def renamed(self, label: str) -> ClassRecord:
        """Return the same class under another label."""
        return replace(self, label=label)


def class_of_shots(
    record_format: RecordFormat, label: str, shots: npt.NDArray[np.int8], *, squares: bool
) -> ClassRecord:
    """Make a class of its shots, int8 [n, dimension]; `squares` where the model rejects."""
    if record_format.kind is StateKind.SHOTS:
        return ClassRecord(label, len(shots), shots.copy())
    wide = shots.astype(np.int64)
    square = int(((np.square(wide).sum(axis=1) + 8) // 16).sum()) if squares else 0
    state = np.append(wide.sum(axis=0), np.uint32(square).astype(np.int32)).astype(np.int32)
    return ClassRecord(label, len(shots), state)


def encode_label(label: str) -> bytes:
    """Return a label's 24 bytes.

    Raises
    ------
    ValueError
        If it is empty, has more than 23 bytes of UTF-8, or a zero among them.
    """
    data = label.encode("utf-8")
    if not 0 < len(data) < LABEL_BYTES or 0 in data:
        raise ValueError(f'"{label}" is no label: it takes 1 to {LABEL_BYTES - 1} bytes of UTF-8, none of them zero')
    return data.ljust(LABEL_BYTES, b"\0")


def encode_class(record_format: RecordFormat, record: ClassRecord) -> bytes:
    """Return a class's bytes, `RecordFormat.record_bytes` of them."""
    state = record.state.astype("<i4" if record_format.kind is StateKind.SUMS else np.int8).tobytes()
    return _HEAD.pack(encode_label(record.label), record.shots) + state.ljust(record_format.state_bytes, b"\0")


def decode_class(record_format: RecordFormat, data: bytes) -> ClassRecord:
    """Read a class.

    Raises
    ------
    CorruptStoreError
        If no device can have written these bytes.
    """
    padded, shots = _HEAD.unpack(data[:HEAD_BYTES])
    state = data[HEAD_BYTES:]
    try:
        label = padded.rstrip(b"\0").decode("utf-8")
        if encode_label(label) != padded:
            raise ValueError("bytes behind the label")
    except ValueError as error:
        raise CorruptStoreError(f"a record without a valid label: {error}") from None
    if not 1 <= shots <= record_format.max_shots:
        raise CorruptStoreError(f'"{label}" has {shots} shots: a class has 1 to {record_format.max_shots}')
    if record_format.kind is StateKind.SUMS:
        return ClassRecord(label, shots, _decode_sums(record_format, label, shots, state))
    used = shots * record_format.dimension
    if any(state[used:]):
        raise CorruptStoreError(f'"{label}" has bytes behind its {shots} shots')
    return ClassRecord(label, shots, np.frombuffer(state[:used], np.int8).reshape(shots, -1).copy())


def _decode_sums(record_format: RecordFormat, label: str, shots: int, data: bytes) -> npt.NDArray[np.int32]:
    state = np.frombuffer(data, "<i4").astype(np.int32)
    sums, squares = state[:-1], int(state[-1]) % 2**32
    largest_square = shots * ((16384 * record_format.dimension + 8) >> 4)
    if sums.min() < -128 * shots or sums.max() > 127 * shots or squares > largest_square:
        raise CorruptStoreError(f'"{label}" has sums that {shots} shots cannot have')
    return state


def merge_classes(record_format: RecordFormat, into: ClassRecord, other: ClassRecord) -> ClassRecord:
    """Add to a class what another device learned of it: sums and counts add up, of shots the union is taken.

    Raises
    ------
    StoreFullError
        If the class has no room for all shots.
    """
    if record_format.kind is StateKind.SUMS:
        shots = into.shots + other.shots
        state: npt.NDArray[np.int32] | npt.NDArray[np.int8] = into.state + other.state
    else:
        known = {row.tobytes() for row in into.state}
        new = dict.fromkeys(row.tobytes() for row in other.state if row.tobytes() not in known)
        added = np.frombuffer(b"".join(new), np.int8).reshape(-1, record_format.dimension)
        state = np.concatenate([into.state, added])
        shots = len(state)
    if shots > record_format.max_shots:
        raise StoreFullError(
            f'"{into.label}" would have {shots} shots, and a class has room for {record_format.max_shots}: take some'
            " back, or replace the class"
        )
    return ClassRecord(into.label, shots, state)


def encode_negatives(record_format: RecordFormat, negatives: npt.NDArray[np.int8]) -> bytes:
    """Return the bytes of a record of negatives, int8 [n, dimension]."""
    return _HEAD.pack(b"", len(negatives)) + negatives.tobytes().ljust(record_format.state_bytes, b"\0")


def decode_negatives(record_format: RecordFormat, data: bytes) -> npt.NDArray[np.int8]:
    """Read a record of negatives; raises as `decode_class` does."""
    label, count = _HEAD.unpack(data[:HEAD_BYTES])
    used = HEAD_BYTES + count * record_format.dimension
    if any(label) or not 1 <= count <= record_format.negatives_a_record or any(data[used:]):
        raise CorruptStoreError(f"a record of {count} negatives that no device can have written")
    return np.frombuffer(data[HEAD_BYTES:used], np.int8).reshape(count, -1).copy()


def encode_settings(record_format: RecordFormat, rate: int) -> bytes:
    """Return the bytes of the settings, with the rate of false accepts in Q16."""
    return _HEAD.pack(b"", rate) + bytes(record_format.state_bytes)


def decode_settings(data: bytes) -> int:
    """Return the rate of false accepts in Q16; raises as `decode_class` does."""
    label, rate = _HEAD.unpack(data[:HEAD_BYTES])
    if not 2**6 <= rate <= 2**14 or any(label) or any(data[HEAD_BYTES:]):
        raise CorruptStoreError(f"settings that no device can have written, with a rate of {rate} in 65,536")
    return int(rate)
