"""What the emulation program can be asked, and what it answers.

``harness/emulation_main.c`` says how the bytes are laid out.
"""

from __future__ import annotations

import struct
from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Int8Array = npt.NDArray[np.int8]

_REQUEST_HEAD = struct.Struct("<II")
_ANSWER_HEAD = struct.Struct("<IiQI")
_CLASS = struct.Struct("<HH24s")
_NEAREST = struct.Struct("<HIIB")
_QUALITY = struct.Struct("<HH?")
_VERIFIED = struct.Struct("<?I")

LABEL_MAX_BYTES = 64
"""Longer labels than the firmware takes can be sent, to see them refused."""


class ScriptError(ValueError):
    """A request or an answer has the wrong form."""


@dataclass(frozen=True)
class Answer:
    """Of a request that returns nothing else.

    Attributes
    ----------
    status : int
        A `kshot_status`: 0, or a negative code that says why nothing was changed.
    instructions : int
        That the call took, to the resolution of the machine's timer: 40, on the micro:bit 63.
    """

    status: int
    instructions: int

    @property
    def ok(self) -> bool:
        """Whether the call did what it says."""
        return self.status == 0


@dataclass(frozen=True, eq=False)
class Embedded(Answer):
    """An embedding, int8 [embedding_len]."""

    embedding: Int8Array


@dataclass(frozen=True)
class Enrolled(Answer):
    """The class that a commit made or extended; 0 when it was refused."""

    class_id: int


@dataclass(frozen=True)
class EnrolledClass:
    """One class that the firmware knows."""

    class_id: int
    shots: int
    label: str


@dataclass(frozen=True)
class Listed(Answer):
    """All enrolled classes, in order of enrollment."""

    classes: tuple[EnrolledClass, ...]


@dataclass(frozen=True)
class Nearest(Answer):
    """The class that wins; the rest as in ``kshot_answer``. All 0 when the call was refused."""

    class_id: int
    distance: int
    margin: int
    verdict: int


@dataclass(frozen=True)
class Quality(Answer):
    """How an enrollment looked, as in ``kshot_quality``; all 0 when the call was refused."""

    far_shots: int
    near_class_id: int
    rate_is_met: bool


@dataclass(frozen=True)
class Verified(Answer):
    """Whether the values are of the class, and how far from it, as in ``kshot_verification``; 0 where refused."""

    same: bool
    distance: int


@dataclass(frozen=True)
class StackUse(Answer):
    """Bytes of stack that were ever in use."""

    used_bytes: int


class Request(ABC):
    """One record of a script."""

    kind: ClassVar[int]

    def _payload(self) -> bytes:
        """Bytes after the head."""
        return b""

    def _read(self, status: int, instructions: int, payload: bytes) -> Answer:
        """Interpret the answer's payload."""
        _expect_len(payload, 0)
        return Answer(status, instructions)


@dataclass(frozen=True, eq=False)
class _Values(Request):
    """A request that carries int8 `values` of any shape."""

    values: Int8Array

    def __post_init__(self) -> None:
        if self.values.dtype != np.int8:
            raise ScriptError(f"{type(self).__name__}: values are {self.values.dtype}, not int8")

    def _payload(self) -> bytes:
        return self.values.tobytes()


class _Classifying(_Values):
    """A request that is answered with the nearest class."""

    def _read(self, status: int, instructions: int, payload: bytes) -> Nearest:
        if status:
            _expect_len(payload, 0)
            return Nearest(status, instructions, 0, 0, 0, 0)
        _expect_len(payload, _NEAREST.size)
        return Nearest(status, instructions, *_NEAREST.unpack(payload))


class Embed(_Values):
    """Embed an input."""

    kind = 1

    def _read(self, status: int, instructions: int, payload: bytes) -> Embedded:
        return Embedded(status, instructions, np.frombuffer(payload, np.int8))


class Restart(Request):
    """Forget every class, as after a reset."""

    kind = 2


@dataclass(frozen=True)
class EnrollBegin(Request):
    """Open an enrollment.

    Attributes
    ----------
    label : str or bytes
        Text, or bytes that need not be text; no zero byte.
    """

    kind = 3
    label: str | bytes

    def __post_init__(self) -> None:
        if len(self._payload()) > LABEL_MAX_BYTES or 0 in self._payload():
            raise ScriptError(f"label {self.label!r}: over {LABEL_MAX_BYTES} bytes, or with a zero byte")

    def _payload(self) -> bytes:
        return self.label if isinstance(self.label, bytes) else self.label.encode()


class EnrollAdd(_Values):
    """One more shot, an input."""

    kind = 4


class EnrollAddEmbedding(_Values):
    """One more shot, an embedding."""

    kind = 5


class EnrollCommit(Request):
    """Make the shots count."""

    kind = 6

    def _read(self, status: int, instructions: int, payload: bytes) -> Enrolled:
        _expect_len(payload, 0 if status else 2)
        return Enrolled(status, instructions, int.from_bytes(payload, "little"))


class EnrollAbort(Request):
    """Forget the shots of the open enrollment."""

    kind = 7


class TakeBackEmbedding(_Values):
    """Take back a shot, an embedding."""

    kind = 13


@dataclass(frozen=True)
class Forget(Request):
    """Remove a class."""

    kind = 8
    class_id: int

    def __post_init__(self) -> None:
        _check_class_id(self.class_id)

    def _payload(self) -> bytes:
        return self.class_id.to_bytes(2, "little")


class ListClasses(Request):
    """List the enrolled classes."""

    kind = 9

    def _read(self, status: int, instructions: int, payload: bytes) -> Listed:
        if len(payload) % _CLASS.size:
            raise ScriptError(f"{len(payload)} bytes are no list of classes")
        classes = (
            EnrolledClass(class_id, shots, label.partition(b"\0")[0].decode())
            for class_id, shots, label in _CLASS.iter_unpack(payload)
        )
        return Listed(status, instructions, tuple(classes))


class Classify(_Classifying):
    """Find the nearest class of an input."""

    kind = 10


class ClassifyEmbedding(_Classifying):
    """Find the nearest class of an embedding."""

    kind = 11


@dataclass(frozen=True, eq=False)
class Verify(_Values):
    """Ask whether an input is of a class."""

    kind = 14
    class_id: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_class_id(self.class_id)

    def _payload(self) -> bytes:
        return self.class_id.to_bytes(2, "little") + super()._payload()

    def _read(self, status: int, instructions: int, payload: bytes) -> Verified:
        if status:
            _expect_len(payload, 0)
            return Verified(status, instructions, False, 0)
        _expect_len(payload, _VERIFIED.size)
        return Verified(status, instructions, *_VERIFIED.unpack(payload))


class VerifyEmbedding(Verify):
    """Ask whether an embedding is of a class."""

    kind = 15


@dataclass(frozen=True)
class SetFalseAccepts(Request):
    """Ask for a rate of false accepts, in 1000."""

    kind = 16
    per_mille: int

    def __post_init__(self) -> None:
        if not 0 <= self.per_mille <= 0xFFFF:
            raise ScriptError(f"{self.per_mille} in 1000 does not fit 16 bits")

    def _payload(self) -> bytes:
        return self.per_mille.to_bytes(2, "little")


class NegativeAddEmbedding(_Values):
    """Enroll an embedding as "not this"."""

    kind = 17


class NegativesForget(Request):
    """Forget all negatives."""

    kind = 18


class EnrollQuality(Request):
    """Ask how the open enrollment, or the last one, looked."""

    kind = 19

    def _read(self, status: int, instructions: int, payload: bytes) -> Quality:
        if status:
            _expect_len(payload, 0)
            return Quality(status, instructions, 0, 0, False)
        _expect_len(payload, _QUALITY.size)
        return Quality(status, instructions, *_QUALITY.unpack(payload))


class MeasureStack(Request):
    """Ask how deep the stack ever was."""

    kind = 12

    def _read(self, status: int, instructions: int, payload: bytes) -> StackUse:
        _expect_len(payload, 4)
        return StackUse(status, instructions, int.from_bytes(payload, "little"))


_EMBEDDINGS = (EnrollAddEmbedding, TakeBackEmbedding, ClassifyEmbedding, VerifyEmbedding, NegativeAddEmbedding)
"""The requests whose values are an embedding, not an input."""


def write_script(requests: Sequence[Request], *, input_len: int, embedding_len: int) -> bytes:
    """Encode requests for a model of these sizes.

    Raises
    ------
    ScriptError
        If a request carries another number of values than the model takes; the message counts requests from 0.
    """
    records = []
    for index, request in enumerate(requests):
        if isinstance(request, _Values):
            length = embedding_len if isinstance(request, _EMBEDDINGS) else input_len
            if request.values.size != length:
                raise ScriptError(
                    f"request {index}, {type(request).__name__}: {request.values.size} values, the model takes {length}"
                )
        payload = request._payload()
        records.append(_REQUEST_HEAD.pack(request.kind, len(payload)) + payload)
    return b"".join(records)


def read_answers(requests: Sequence[Request], data: bytes) -> tuple[Answer, ...]:
    """Decode one answer a request.

    Raises
    ------
    ScriptError
        If `data` hold fewer, more or others.
    """
    answers = []
    position = 0
    for index, request in enumerate(requests):
        if len(data) - position < _ANSWER_HEAD.size:
            raise ScriptError(f"{index} answers to {len(requests)} requests")
        kind, status, instructions, payload_len = _ANSWER_HEAD.unpack_from(data, position)
        position += _ANSWER_HEAD.size
        payload = data[position : position + payload_len]
        if kind != request.kind or len(payload) != payload_len:
            raise ScriptError(f"answer {index} is not one to {type(request).__name__}")
        answers.append(request._read(status, instructions, payload))
        position += payload_len
    if position != len(data):
        raise ScriptError(f"{len(data) - position} bytes after the last answer")
    return tuple(answers)


def _check_class_id(class_id: int) -> None:
    if not 0 <= class_id <= 0xFFFF:
        raise ScriptError(f"class id {class_id} does not fit 16 bits")


def _expect_len(payload: bytes, expected: int) -> None:
    if len(payload) != expected:
        raise ScriptError(f"an answer carries {len(payload)} bytes, expected {expected}")
