"""A generated project on this computer: its C as a shared library, called through ctypes."""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firmware_gen.host_build import build_library
from firmware_gen.host_structs import (
    ANSWER,
    NOTE,
    THRESHOLD,
    VERIFICATION,
    BuffersStruct,
    ClassStruct,
    EpisodeStruct,
    ModelStruct,
    QualityStruct,
    RejectionStruct,
    RejectMemoryStruct,
)
from firmware_gen.source_tree import SourceTree
from quantize.learners import Answers
from quantize.reject import Verdict

Int8Array = npt.NDArray[np.int8]


class DeviceError(RuntimeError):
    """A call of the device's API was refused; the message begins with the status's name."""


@dataclass(frozen=True)
class Answer:
    """A classification as the device gives it; the units are those of the learner's header."""

    class_id: int
    distance: int
    margin: int
    verdict: Verdict


@dataclass(frozen=True)
class Quality:
    """How an enrollment looked: ``kshot_quality``."""

    far_shots: int
    near_class_id: int
    rate_is_met: bool


@dataclass(frozen=True)
class Verification:
    """Whether something is of a class, and its squared distance to what the class has learned."""

    same: bool
    distance: int


@dataclass(frozen=True)
class EnrolledClass:
    """A class as the device lists it."""

    label: str
    id: int
    shots: int


class HostLibrary:
    """The C of a generated project, compiled for this computer.

    Parameters
    ----------
    tree : SourceTree
    folder : Path
        Where the library is kept; one that was built from the same bytes by the same compiler is used again.
    compiler : str
        A C compiler that takes gcc's options.

    Raises
    ------
    HostBuildError
        If there is no such compiler, or it rejects the project.
    """

    def __init__(self, tree: SourceTree, folder: Path, *, compiler: str = "cc") -> None:
        self.path = build_library(tree, folder, compiler=compiler)
        self._library = ctypes.CDLL(str(self.path))
        self._library.kshot_host_model.restype = ctypes.POINTER(ModelStruct)
        model = self._library.kshot_host_model().contents
        self.fingerprint = bytes(model.fingerprint)
        self.input_len = int(model.input_len)
        self.embedding_len = int(model.embedding_len)
        self.arena_bytes = int(model.arena_bytes)
        self.rejects = bool(model.rejection)
        rejection = ctypes.cast(model.rejection, ctypes.POINTER(RejectionStruct))
        self.impostor_count = int(rejection.contents.impostor_count) if self.rejects else 0
        self.learns = hasattr(self._library, "kshot_host_run_episode")

    def embed(self, inputs: Int8Array, *, threads: int | None = None) -> Int8Array:
        """Run the network.

        Parameters
        ----------
        inputs : int8 [n, ...]
            Quantized inputs; the axes after the first hold `input_len` values.
        threads : int, optional
            As many as there are processors when not given.

        Returns
        -------
        int8 [n, embedding_len]

        Raises
        ------
        ValueError
            If dtype or shape do not fit.
        """
        batch = _int8_rows(inputs, self.input_len, "inputs")
        embeddings = np.empty((len(batch), self.embedding_len), np.int8)
        workers = max(1, min(threads or os.cpu_count() or 1, len(batch)))
        bounds = np.linspace(0, len(batch), workers + 1).astype(int)

        def run(start: int, stop: int) -> None:  # ctypes releases the interpreter's lock during the call
            part_in, part_out = batch[start:stop], embeddings[start:stop]
            arena = _aligned(self.arena_bytes)
            count = ctypes.c_uint32(stop - start)
            self._library.kshot_host_embed(_address(part_in), _address(part_out), count, _address(arena))

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, bounds[:-1], bounds[1:]))
        return embeddings

    def run_episode(self, support: Int8Array, queries: Int8Array) -> Answers:
        """Enroll classes and classify queries, both through the device's own API.

        Parameters
        ----------
        support : int8 [n_way, k_shot, embedding_len]
        queries : int8 [n, embedding_len]

        Raises
        ------
        ValueError
            If shapes or dtypes do not fit, or the model only embeds.
        DeviceError
            If the device refuses a step.
        """
        answers = self._run(support, queries)
        return _answers(answers)

    def judge_episode(
        self, support: Int8Array, queries: Int8Array, *, per_mille: int, negatives: Int8Array | None = None
    ) -> tuple[Answers, npt.NDArray[np.int64]]:
        """`run_episode`, with the verdicts.

        Parameters
        ----------
        support : int8 [n_way, k_shot, embedding_len]
        queries : int8 [n, embedding_len]
        per_mille : int
            The false-accept rate to ask for, in 1000.
        negatives : int8 [m, embedding_len], optional
            To be enrolled as "not this".

        Returns
        -------
        answers : Answers
        verdicts : int64 [n]
            Values of `quantize.reject.Verdict`.

        Raises
        ------
        ValueError, DeviceError
            As `run_episode`; also if the model has no rejection, or the rate lies outside its tables.
        """
        answers = self._run(support, queries, per_mille=per_mille, negatives=negatives)
        return _answers(answers), answers["verdict"].astype(np.int64)

    def _run(
        self, support: Int8Array, queries: Int8Array, *, per_mille: int = 0, negatives: Int8Array | None = None
    ) -> npt.NDArray[np.void]:
        self._check_learns()
        n_way, k_shot = support.shape[:2]
        against = np.empty((0, self.embedding_len), np.int8) if negatives is None else negatives
        against = _int8_rows(against, self.embedding_len, "negatives")
        support = _int8_rows(support.reshape(n_way * k_shot, -1), self.embedding_len, "support embeddings")
        queries = _int8_rows(queries, self.embedding_len, "query embeddings")
        memory = _Memory(self, n_way, k_shot, len(against))
        answers = np.zeros(len(queries), ANSWER)
        arrays = map(_address, (support, queries, against, answers))
        episode = EpisodeStruct(n_way, k_shot, len(queries), len(against), per_mille, *arrays)
        _check(self._library, self._library.kshot_host_run_episode(ctypes.byref(episode), ctypes.byref(memory.buffers)))
        return answers

    def classify(self, support: Int8Array, queries: Int8Array) -> npt.NDArray[np.int64]:
        """`run_episode` reduced to the predictions: a `trainer.evaluate.Classifier` that runs on the compiled C."""
        return self.run_episode(support, queries).ways

    def learner(self, max_classes: int = 16, max_shots: int = 16, *, max_negatives: int = 4) -> HostLearner:
        """Return a device of its own, with room for `max_classes` of `max_shots` each, and nothing enrolled."""
        return HostLearner(self, max_classes, max_shots, max_negatives)

    def _check_learns(self) -> None:
        if not self.learns:
            raise ValueError("this model only embeds: its output is too long for the learner")


class HostLearner:
    """One ``kshot`` with memory of its own; methods are the calls of ``kshot.h`` under their names.

    Raises
    ------
    ValueError
        If the model only embeds.
    DeviceError
        From any method, when the device refuses the call; nothing has changed then.
    """

    def __init__(self, library: HostLibrary, max_classes: int, max_shots: int, max_negatives: int) -> None:
        library._check_learns()
        self._library = library
        self._c = library._library
        self._memory = _Memory(library, max_classes, max_shots, max_negatives)
        self._c.kshot_host_state_bytes.restype = ctypes.c_size_t
        self._state = _aligned(self._c.kshot_host_state_bytes())
        self._k = _address(self._state)
        self._call(self._c.kshot_init, self._c.kshot_host_model(), ctypes.byref(self._memory.buffers))

    def enroll_begin(self, label: str) -> None:
        """Open an enrollment; a label known already gets more shots."""
        self._call(self._c.kshot_enroll_begin, label.encode())

    def enroll_add(self, inputs: Int8Array) -> None:
        """Add a shot, int8 [input_len]."""
        self._call(self._c.kshot_enroll_add, _address(self._input(inputs)))

    def enroll_add_embedding(self, embedding: Int8Array) -> None:
        """Add a shot, int8 [embedding_len]."""
        self._call(self._c.kshot_enroll_add_embedding, _address(self._embedding(embedding)))

    def enroll_take_back_embedding(self, embedding: Int8Array) -> None:
        """Take back a shot, int8 [embedding_len]."""
        self._call(self._c.kshot_enroll_take_back_embedding, _address(self._embedding(embedding)))

    def enroll_commit(self) -> int:
        """Make the shots count and return the class's id."""
        class_id = ctypes.c_uint16()
        self._call(self._c.kshot_enroll_commit, ctypes.byref(class_id))
        return class_id.value

    def enroll_abort(self) -> None:
        """Forget the shots since `enroll_begin`."""
        self._call(self._c.kshot_enroll_abort)

    def forget(self, class_id: int) -> None:
        """Remove a class."""
        self._call(self._c.kshot_forget, ctypes.c_uint16(class_id))

    def classes(self) -> list[EnrolledClass]:
        """List what is enrolled, in order of enrollment."""
        found = []
        for index in range(self._c.kshot_class_count(self._k)):
            entry = ClassStruct()
            self._call(self._c.kshot_class_at, ctypes.c_uint16(index), ctypes.byref(entry))
            found.append(EnrolledClass(entry.label.decode(), entry.id, entry.shots))
        return found

    def classify(self, inputs: Int8Array) -> Answer:
        """Find the class of an input, int8 [input_len]."""
        answer = np.zeros(1, ANSWER)
        self._call(self._c.kshot_classify, _address(self._input(inputs)), _address(answer))
        return _answer(answer)

    def classify_embedding(self, embedding: Int8Array) -> Answer:
        """Find the class of an embedding, int8 [embedding_len]."""
        answer = np.zeros(1, ANSWER)
        self._call(self._c.kshot_classify_embedding, _address(self._embedding(embedding)), _address(answer))
        return _answer(answer)

    def enroll_quality(self) -> Quality:
        """How the shots of the open enrollment, or of the last one, looked."""
        quality = QualityStruct()
        self._call(self._c.kshot_enroll_quality, ctypes.byref(quality))
        return Quality(quality.far_shots, quality.near_class_id, quality.rate_is_met)

    def set_false_accepts(self, per_mille: int) -> None:
        """Ask for a rate of false accepts, in 1000."""
        self._call(self._c.kshot_set_false_accepts, ctypes.c_uint16(per_mille))

    def negative_add(self, inputs: Int8Array) -> None:
        """Enroll an input, int8 [input_len], as "not this"."""
        self._call(self._c.kshot_negative_add, _address(self._input(inputs)))

    def negative_add_embedding(self, embedding: Int8Array) -> None:
        """Enroll an embedding, int8 [embedding_len], as "not this"."""
        self._call(self._c.kshot_negative_add_embedding, _address(self._embedding(embedding)))

    def negatives_forget(self) -> None:
        """Forget all negatives."""
        self._call(self._c.kshot_negatives_forget)

    def thresholds(self) -> npt.NDArray[np.uint32]:
        """What each class accepts, and what it doubts, uint32 [classes, 2], in the learner's unit of distance."""
        count = self._c.kshot_class_count(self._k)
        found: npt.NDArray[np.uint32] = self._memory.thresholds[:count].view(np.uint32).reshape(count, 2).copy()
        return found

    def verify(self, class_id: int, inputs: Int8Array) -> Verification:
        """Say whether an input, int8 [input_len], is of a class."""
        return self._verified(self._c.kshot_verify, class_id, self._input(inputs))

    def verify_embedding(self, class_id: int, embedding: Int8Array) -> Verification:
        """Say whether an embedding, int8 [embedding_len], is of a class."""
        return self._verified(self._c.kshot_verify_embedding, class_id, self._embedding(embedding))

    def _verified(self, function: ctypes._NamedFuncPointer, class_id: int, values: Int8Array) -> Verification:
        verification = np.zeros(1, VERIFICATION)
        self._call(function, ctypes.c_uint16(class_id), _address(values), _address(verification))
        return Verification(bool(verification["same"][0]), int(verification["distance"][0]))

    def _input(self, values: Int8Array) -> Int8Array:
        return _int8_rows(values[None], self._library.input_len, "an input")

    def _embedding(self, values: Int8Array) -> Int8Array:
        return _int8_rows(values[None], self._library.embedding_len, "an embedding")

    def _call(self, function: ctypes._NamedFuncPointer, *arguments: object) -> None:
        _check(self._c, function(self._k, *arguments))


class _Memory:
    """What ``kshot_buffers`` points to; the arrays live as long as this object."""

    def __init__(self, library: HostLibrary, max_classes: int, max_shots: int, max_negatives: int) -> None:
        slots, length = max_classes + 1, library.embedding_len
        self.arrays = (
            _aligned(library.arena_bytes),
            np.zeros(length, np.int8),
            np.zeros(slots, np.dtype(ClassStruct)),
            np.zeros((slots, length), np.int32),
            np.zeros((slots, length), np.int16),
            np.zeros(slots, np.uint32),
            np.zeros((slots, max_shots, length), np.int8),
            np.zeros((slots, max_shots), NOTE),
            np.zeros((slots, 2, length + 1), np.float32),
            np.zeros(length + slots, np.float32),
        )
        self.thresholds = np.zeros(max_classes, THRESHOLD)
        self.rejection = (
            self.thresholds,
            np.zeros(library.impostor_count, np.uint32),
            np.zeros(library.impostor_count, np.uint16),
            np.zeros((max_negatives, length), np.int8),
        )
        reject = RejectMemoryStruct(*map(_address, self.rejection), max_negatives)
        self.buffers = BuffersStruct(*map(_address, self.arrays), reject, max_classes, max_shots)


def _answer(answer: npt.NDArray[np.void]) -> Answer:
    class_id, distance, margin, verdict = map(int, answer[0])
    return Answer(class_id, distance, margin, Verdict(verdict))


def _answers(answers: npt.NDArray[np.void]) -> Answers:
    # Ids count from 1 in order of enrollment.
    return Answers(answers["class_id"].astype(np.int64) - 1, answers["distance"], answers["margin"])


def _address(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    """Address of the first element, which keeps the array alive."""
    return array.ctypes.data_as(ctypes.c_void_p)


def _aligned(size_bytes: int) -> npt.NDArray[np.generic]:
    return np.zeros(-(-size_bytes // 8), np.uint64)


def _int8_rows(values: Int8Array, length: int, what: str) -> Int8Array:
    if values.dtype != np.int8 or values[0:1].size not in (0, length):
        raise ValueError(f"{what}: {values.dtype}{list(values.shape)} where int8 [n, {length}] is needed")
    return np.ascontiguousarray(values.reshape(len(values), length))


def _check(library: ctypes.CDLL, status: int) -> None:
    if status:
        library.kshot_status_name.restype = ctypes.c_char_p
        name = library.kshot_status_name(status).decode()
        raise DeviceError(f"{name}: the device refused the call (kshot_status.h says why)")
