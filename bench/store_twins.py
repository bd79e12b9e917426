"""The store in C and in Python through the same random histories: all answers and all images must be the same."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import astuple
from pathlib import Path

import numpy as np

from firmware_gen.store import (
    CorruptStoreError,
    FlashError,
    Geometry,
    IncompatibleStoreError,
    PrototypeStore,
    StoreConfig,
    StoreError,
    StoreState,
    UnformattedStoreError,
    layout,
)
from firmware_gen.store.errors import StoreFullError, StoreStateError, UnknownClassError
from firmware_gen.store.flash import ImageFlash

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "firmware_gen" / "runtime"
C_TESTS = ROOT / "tests" / "c"

GEOMETRIES = (
    Geometry(512, 1),
    Geometry(512, 2, erased_value=None),
    Geometry(512, 4),
    Geometry(256, 8, 2, bank_count=4),
    Geometry(1024, 16),
    Geometry(1024, 32, bank_count=2),
    Geometry(1024, 256, 4),
    Geometry(128, 4, 4, erased_value=0x00),
    Geometry(256, 64, 3, bank_count=16),
)
_CALLS = ("put", "forget", "wipe", "format", "purge", "accept_loss", "put_all", "forget_range")
_BATCH = 3
"""Records of a put_all, as tests/c/store_differential.c makes them of one."""
_STATUS: Mapping[type[Exception], int] = {
    StoreStateError: -2,
    StoreFullError: -3,
    UnknownClassError: -4,
    FlashError: -35,
    CorruptStoreError: -36,
    IncompatibleStoreError: -37,
    UnformattedStoreError: -38,
}


class _Config(ctypes.Structure):
    """kshot_store_config."""

    _fields_ = (
        ("erase_unit_bytes", ctypes.c_uint32),
        ("program_unit_bytes", ctypes.c_uint16),
        ("erase_units_per_bank", ctypes.c_uint16),
        ("bank_count", ctypes.c_uint16),
        ("erased_value", ctypes.c_int16),
        ("record_bytes", ctypes.c_uint16),
        ("max_classes", ctypes.c_uint16),
        ("fingerprint", ctypes.c_uint8 * 16),
    )


class _Stats(ctypes.Structure):
    """kshot_store_stats."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("sequence", "log_sequence", "erases_min", "erases_max")),
        *((name, ctypes.c_uint16) for name in ("classes", "free_slots", "torn_slots", "damaged_headers")),
        ("purge_pending", ctypes.c_bool),
    )


class FaultyFlash(ImageFlash):
    """An image whose erases or programs fail as those of tests/c/ram_flash.h."""

    def __init__(self, geometry: Geometry, image: bytes) -> None:
        super().__init__(geometry, image)
        self.fail(erases=False, failing=0, sticks=False, lies=False)

    def fail(self, *, erases: bool, failing: int, sticks: bool, lies: bool) -> None:
        """Fail the erase or program that is `failing` calls ahead, and if it sticks every later one; 0 ends that."""
        self._erases, self._left, self._sticks, self._lies = erases, failing, sticks, lies

    def _fails(self, *, erases: bool) -> bool:
        if erases != self._erases or self._left == 0:
            return False
        if self._left > 1:
            self._left -= 1
            return False
        self._left = 1 if self._sticks else 0
        return True

    def prog(self, address: int, data: bytes) -> None:
        """Program whole units, fail, or do nothing and say nothing."""
        if self._fails(erases=False):
            super().prog(address, self.read(address, len(data)))  # they count as programmed
            if not self._lies:
                raise FlashError("as asked")
        else:
            super().prog(address, data)

    def erase(self, address: int) -> None:
        """Erase the unit at `address`, or fail."""
        if self._fails(erases=True):
            raise FlashError("as asked")
        super().erase(address)


class Twins:
    """Both stores over flash of their own.

    Parameters
    ----------
    library : Path
        What `build_library` built.
    """

    def __init__(self, library: Path) -> None:
        self._c = ctypes.CDLL(str(library))

    def begin(self, config: StoreConfig, image: bytes) -> None:
        """Give both the same flash, and nothing mounted."""
        self.config, self.flash = config, FaultyFlash(config.geometry, image)
        g = config.geometry
        erased = -1 if g.erased_value is None else g.erased_value
        fields = (g.erase_unit_bytes, g.program_unit_bytes, g.erase_units_per_bank, g.bank_count, erased)
        fingerprint = (ctypes.c_uint8 * 16)(*config.fingerprint)
        native = _Config(*fields, config.record_bytes, config.max_classes, fingerprint)
        self._c.differential_begin(ctypes.byref(native), image, len(image))
        self.python: PrototypeStore | None = None

    def fail(self, *, erases: bool, failing: int, sticks: bool, lies: bool) -> None:
        """Make the flash of both fail alike."""
        self.flash.fail(erases=erases, failing=failing, sticks=sticks, lies=lies)
        self._c.differential_fail(int(erases), ctypes.c_long(failing), int(sticks), int(lies))

    def mount(self) -> bool:
        """Mount both; whether they agree."""
        self.python = PrototypeStore(self.config, self.flash)
        states = {StoreState.OK: 0, StoreState.DEGRADED: -36, StoreState.INCOMPATIBLE: -37, StoreState.UNFORMATTED: -38}
        return self._c.differential_mount() == states[self.python.state] and self.agree()

    def call(self, name: str, class_id: int, record: bytes, token: int) -> bool:
        """Call one function of both; whether they agree."""
        store = self.python
        assert store is not None
        calls: dict[str, Callable[[], None]] = {
            "put": lambda: store.put(class_id, record, token=token),
            "forget": lambda: store.forget(class_id, token=token),
            "wipe": lambda: store.wipe(token=token),
            "format": lambda: store.format(token=token),
            "purge": store.purge,
            "accept_loss": store.accept_loss,
            "put_all": lambda: store.put_all({class_id + 2 * i: record for i in range(_BATCH)}, token=token),
            "forget_range": lambda: store.forget_range(class_id, class_id + 2, token=token),
        }
        expected = _status(calls[name])
        native = self._c.differential_call(_CALLS.index(name), class_id, record, ctypes.c_uint32(token))
        return native == expected and self.agree(token=token)

    def agree(self, *, token: int = 1) -> bool:
        """Whether image, state, classes, records, figures and what became of `token` are the same."""
        store = self.python
        assert store is not None
        size = self.config.geometry.size_bytes
        image = ctypes.create_string_buffer(size)
        self._c.differential_image(image, size)
        if image.raw != self.flash.image or self._c.differential_state() != store.state:
            return False
        ids = (ctypes.c_uint16 * 64)()
        if ids[: self._c.differential_classes(ids)] != store.class_ids:
            return False
        for class_id in store.class_ids:
            if not self._same_record(store, class_id):
                return False
        if store.state in (StoreState.INCOMPATIBLE, StoreState.UNFORMATTED):
            return True
        stats, became = _Stats(), ctypes.c_int()
        self._c.differential_stats(ctypes.byref(stats))
        self._c.differential_token(ctypes.c_uint32(token), ctypes.byref(became))
        return [getattr(stats, name) for name, *_ in _Stats._fields_] == list(
            astuple(store.stats)
        ) and became.value == store.token_status(token)

    def _same_record(self, store: PrototypeStore, class_id: int) -> bool:
        record = ctypes.create_string_buffer(self.config.record_bytes)
        status = self._c.differential_get(class_id, record)
        try:
            return store.get(class_id) == record.raw and status == 0
        except CorruptStoreError:
            return bool(status == _STATUS[CorruptStoreError])


def build_library(folder: Path) -> Path:
    """Compile the store and its harness; raises CalledProcessError if that fails."""
    library = folder / "store_differential.so"
    sources = [C_TESTS / "store_differential.c", *RUNTIME.glob("kshot_store*.c"), RUNTIME / "kshot_crc32.c"]
    flags = ("-std=c99", "-O2", "-fPIC", "-shared", f"-I{RUNTIME}")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", *flags, *map(str, sources), "-o", str(library)], check=True)
    return library


def run_sequence(twins: Twins, seed: int) -> bool:
    """Run one random history; whether the twins agree all the way.

    Geometry, size of record and number of classes are random; it has boots, flipped bits, flash that fails, all calls.
    """
    rng = np.random.default_rng(seed)
    geometry = GEOMETRIES[int(rng.integers(len(GEOMETRIES)))]
    record_bytes = int(rng.integers(1, 41))
    capacity = layout(StoreConfig(geometry, record_bytes, 1, bytes(16))).capacity
    config = StoreConfig(geometry, record_bytes, int(rng.integers(1, min(capacity, 8) + 1)), rng.bytes(16))
    twins.begin(config, ImageFlash(geometry).image if rng.random() < 0.8 else rng.bytes(geometry.size_bytes))
    if not twins.mount() or not twins.call("format", 0, bytes(record_bytes), 1):
        return False
    return all(_step(twins, rng, token) for token in range(2, int(rng.integers(4, 24))))


def _step(twins: Twins, rng: np.random.Generator, token: int) -> bool:
    """One boot, with damage or without, or one call, with a failure or without."""
    chance = rng.random()
    if chance < 0.1:
        return twins.mount()
    if chance < 0.17:
        image = bytearray(twins.flash.image)
        at = int(rng.integers(len(image)))
        image[at] ^= 1 << int(rng.integers(8))
        twins.begin(twins.config, bytes(image))
        return twins.mount()
    if chance < 0.3:
        sticks, lies, erases = (bool(rng.integers(2)) for _ in range(3))
        twins.fail(erases=erases, failing=int(rng.integers(1, 12)), sticks=sticks, lies=lies)
    name = str(rng.choice(_CALLS, p=[0.6, 0.14, 0.02, 0.03, 0.05, 0.04, 0.06, 0.06]))
    agrees = twins.call(name, int(rng.integers(1, 10)), rng.bytes(twins.config.record_bytes), token)
    twins.fail(erases=False, failing=0, sticks=False, lies=False)
    return agrees


def _status(call: Callable[[], object]) -> int:
    try:
        call()
    except StoreError as error:
        return next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    return 0
