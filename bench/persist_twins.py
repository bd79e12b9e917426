"""A device that keeps its classes, in C, and its Python twin through the same random histories."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.store_cuts import C_TESTS, RUNTIME
from firmware_gen.host_structs import ClassStruct
from firmware_gen.store import (
    ClassRecord,
    CorruptStoreError,
    Geometry,
    ImageFlash,
    IncompatibleStoreError,
    ModelStore,
    ModelStoreConfig,
    RecordFormat,
    StateKind,
    StoreFullError,
    UnknownClassError,
    class_of_shots,
)

LEARNERS = ("prototypes", "nearest", "attention", "gradient_head")
DIMENSION, MAX_SHOTS, MAX_CLASSES, MAX_NEGATIVES = 8, 3, 4, 4
GEOMETRY = Geometry(512, 4, 2)
LABELS = ("wave", "clap", "é", "水水", "snap", "twenty-three bytes long")
_STATUS = ((StoreFullError, -3), (UnknownClassError, -4), (CorruptStoreError, -36), (IncompatibleStoreError, -37))
_MAX_BUNDLE = 1024
_FULL, _EMPTY, _NOT_FOUND, _ARGUMENT = -3, -5, -4, -1


def twin_config(learner: str) -> ModelStoreConfig:
    """Return what tests/c/persist_fixture.h fixes."""
    summed = learner == "prototypes"
    records = RecordFormat(StateKind.SUMS, DIMENSION) if summed else RecordFormat(StateKind.SHOTS, DIMENSION, MAX_SHOTS)
    return ModelStoreConfig(GEOMETRY, records, MAX_CLASSES, MAX_NEGATIVES, bytes([1, 2, 3]).ljust(32, b"\0"))


def build_device(folder: Path) -> Path:
    """Compile the runtime's device half; raises CalledProcessError if that fails."""
    library = folder / "persist_differential.so"
    flags = ("-std=c99", "-O1", "-ffp-contract=off", "-fPIC", "-shared", f"-I{RUNTIME}")
    folder.mkdir(parents=True, exist_ok=True)
    sources = [C_TESTS / "persist_differential.c", *sorted(RUNTIME.glob("*.c"))]
    subprocess.run(["gcc", *flags, *map(str, sources), "-lm", "-o", str(library)], check=True)
    return library


class PersistTwins:
    """Both, over flash of their own.

    Parameters
    ----------
    library : Path
        What `build_device` built.
    learner : str
    """

    def __init__(self, library: Path, learner: str) -> None:
        self.c = ctypes.CDLL(str(library))
        self.config = twin_config(learner)
        self.flash = ImageFlash(GEOMETRY)
        self.c.device_begin(LEARNERS.index(learner))
        ModelStore(self.config, self.flash).format(token=1)
        self.bundles: list[bytes] = []
        self.boot()

    def boot(self) -> int:
        """Start both anew; return what the device says."""
        self.python = ModelStore(self.config, self.flash)
        return int(self.c.device_boot())

    def agree(self) -> bool:
        """Whether image, classes and exported bytes are the same."""
        image = ctypes.create_string_buffer(GEOMETRY.size_bytes)
        self.c.device_image(image, GEOMETRY.size_bytes)
        listed = (ClassStruct * MAX_CLASSES)()
        count = self.c.device_classes(listed)
        found = [(c.id, c.label.decode(), c.shots) for c in listed[:count]]
        expected = [(i, r.label, r.shots) for i, r in self.python.classes.items()]
        return image.raw == self.flash.image and found == expected and self._same_export(count)

    def _same_export(self, count: int) -> bool:
        exported = ctypes.create_string_buffer(_MAX_BUNDLE)
        length = self.c.device_export(0, exported)
        if not count:
            return int(length) == _EMPTY
        self.bundles = [*self.bundles[-3:], self.python.export()]
        return exported.raw[: max(length, 0)] == self.bundles[-1]

    def call(self, rng: np.random.Generator) -> bool:
        """Call something at random on both; whether they answer alike."""
        calls: tuple[Callable[[np.random.Generator], bool], ...] = (
            *[self._enroll] * 4,
            self._take_back,
            self._rename,
            self._forget,
            self._negative,
            self._settings,
            self._import,
            self._import,
            self._whole,
        )
        return calls[int(rng.integers(len(calls)))](rng)

    def _enroll(self, rng: np.random.Generator) -> bool:
        label, anew = str(rng.choice(LABELS)), bool(rng.integers(2))
        shots = _shots(rng, int(rng.integers(1, 4)))
        native = self.c.device_enroll(label.encode(), _pointer(shots), len(shots), int(anew))
        known = self.python.labels.get(label)
        old = None if anew or known is None else self.python.classes[known]
        return bool(native == self._status(lambda: self._put(_with_shots(self.config.records, old, label, shots))))

    def _put(self, record: ClassRecord) -> None:
        if record.shots > self.config.records.max_shots:
            raise StoreFullError("as the device says when a shot is added")
        self.python.put_class(record, token=7)

    def _take_back(self, rng: np.random.Generator) -> bool:
        """Take back one of a class's shots, where it keeps them; of sums, one that can be one."""
        if not self.python.classes:
            return True
        class_id = int(rng.choice(list(self.python.classes)))
        old = self.python.classes[class_id]
        if self.config.records.kind is StateKind.SUMS:
            return True  # which shots there were, the sums do not say
        taken = old.state[int(rng.integers(old.shots))].astype(np.int8)
        last = max(i for i, row in enumerate(old.state) if (row == taken).all())
        native = self.c.device_take_back(old.label.encode(), _pointer(taken))
        if old.shots == 1:
            return int(native) == _EMPTY
        record = replace(old, shots=old.shots - 1, state=np.delete(old.state, last, axis=0).astype(np.int8))
        return bool(native == self._status(lambda: self.python.put_class(record, token=7)))

    def _rename(self, rng: np.random.Generator) -> bool:
        class_id, label = int(rng.integers(1, 9)), str(rng.choice(LABELS))
        native = int(self.c.device_rename(class_id, label.encode()))
        if class_id in self.python.classes and self.python.labels.get(label, class_id) != class_id:
            return native == _ARGUMENT
        if class_id not in self.python.classes:
            return native == _NOT_FOUND
        return native == self._status(lambda: self.python.rename(class_id, label, token=8))

    def _forget(self, rng: np.random.Generator) -> bool:
        class_id = int(rng.integers(1, 9))
        return bool(self.c.device_forget(class_id) == self._status(lambda: self.python.forget(class_id, token=9)))

    def _negative(self, rng: np.random.Generator) -> bool:
        if rng.random() < 0.2:
            native = self.c.device_negatives_forget()
            return bool(native == self._status(lambda: self.python.forget_negatives(token=11)))
        shot = _shots(rng, 1)
        native = self.c.device_negative(_pointer(shot))
        return bool(native == self._status(lambda: self.python.add_negative(shot, token=10)))

    def _settings(self, rng: np.random.Generator) -> bool:
        per_mille = int(rng.integers(1, 251))
        native = self.c.device_rate(per_mille)
        return bool(native == self._status(lambda: self.python.set_rate((per_mille * 65536 + 500) // 1000, token=12)))

    def _import(self, rng: np.random.Generator) -> bool:
        """A bundle of before, sometimes with a byte changed."""
        if not self.bundles:
            return True
        data = bytearray(self.bundles[int(rng.integers(len(self.bundles)))])
        if rng.random() < 0.2:
            data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        bundle, merge = bytes(data), bool(rng.integers(2))
        native = self.c.device_import(bundle, len(bundle), int(not merge))
        return bool(native == self._status(lambda: self.python.take_in(bundle, merge=merge, token=14)))

    def _whole(self, rng: np.random.Generator) -> bool:
        if rng.random() < 0.3:
            return bool(self.c.device_wipe() == self._status(lambda: self.python.wipe(token=13)))
        return bool(self.c.device_purge() == self._status(self.python.store.purge))

    @staticmethod
    def _status(call: Callable[[], object]) -> int:
        try:
            call()
        except tuple(kind for kind, _ in _STATUS) as error:
            return next(status for kind, status in _STATUS if isinstance(error, kind))
        return 0


def run_history(library: Path, seed: int) -> bool:
    """Run one random history of a random learner; whether the twins agree all the way."""
    rng = np.random.default_rng(seed)
    twins = PersistTwins(library, LEARNERS[seed % len(LEARNERS)])
    for _ in range(int(rng.integers(4, 24))):
        right = twins.boot() == 0 if rng.random() < 0.15 else twins.call(rng)
        if not (right and twins.agree()):
            return False
    return True


def _with_shots(records: RecordFormat, old: ClassRecord | None, label: str, shots: npt.NDArray[np.int8]) -> ClassRecord:
    """A class that learns more shots."""
    new = class_of_shots(records, label, shots, squares=True)
    if old is None:
        return new
    joined = old.state + new.state if records.kind is StateKind.SUMS else np.concatenate([old.state, new.state])
    return ClassRecord(label, old.shots + new.shots, joined)


def _shots(rng: np.random.Generator, count: int) -> npt.NDArray[np.int8]:
    return rng.integers(-128, 128, (count, DIMENSION)).astype(np.int8)


def _pointer(values: npt.NDArray[np.int8]) -> ctypes.c_void_p:
    return ctypes.c_void_p(np.ascontiguousarray(values).ctypes.data)
