"""The store in C and in Python write the same bytes and give the same answers; hostile images are only data."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.store_twins import GEOMETRIES, FaultyFlash, Twins, build_library, run_sequence
from firmware_gen.store import (
    CorruptStoreError,
    FlashError,
    Geometry,
    ImageFlash,
    IncompatibleStoreError,
    PrototypeStore,
    StoreConfig,
    StoreError,
    StoreState,
    TokenStatus,
    UnformattedStoreError,
    layout,
)
from firmware_gen.store.errors import StoreFullError, StoreStateError, UnknownClassError
from firmware_gen.store.format import Header, Slot, encode_header, encode_slot

SMALL = StoreConfig(Geometry(512, 4), record_bytes=12, max_classes=4, fingerprint=bytes(range(16)))


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Twins:
    """Both stores."""
    return Twins(build_library(tmp_path_factory.mktemp("twins")))


def _store(config: StoreConfig = SMALL) -> tuple[PrototypeStore, ImageFlash]:
    flash = ImageFlash(config.geometry)
    store = PrototypeStore(config, flash)
    store.format(token=1)
    return store, flash


def _reread(flash: ImageFlash, config: StoreConfig = SMALL) -> PrototypeStore:
    return PrototypeStore(config, ImageFlash(config.geometry, flash.image))


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("first", range(0, 400, 50))
def test_random_histories_are_the_same_to_the_byte(twins: Twins, first: int) -> None:
    """After every boot and call, with failures and damage, image, state, records and figures are equal."""
    assert [seed for seed in range(first, first + 50) if not run_sequence(twins, seed)] == []


@pytest.mark.needs("gcc")
def test_the_comparison_sees_a_difference(twins: Twins) -> None:
    """A byte that differs is not overlooked."""
    twins.begin(SMALL, ImageFlash(SMALL.geometry).image)
    assert twins.mount()
    assert twins.call("format", 0, bytes(12), 1)
    twins.flash._bytes[300] ^= 1
    assert not twins.agree()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_image_is_mounted_or_refused(data: st.DataObject) -> None:
    """Whatever the bytes: no other error than the store's own, no class too many, and format always helps."""
    config = StoreConfig(data.draw(st.sampled_from(GEOMETRIES)), 12, 2, bytes(range(16)))
    store, flash = _store(config)
    store.put(3, bytes(12), token=2)
    image = bytearray(flash.image)
    for at, value in data.draw(
        st.dictionaries(st.integers(0, len(image) - 1), st.integers(0, 255), max_size=30)
    ).items():
        image[at] = value
    store = PrototypeStore(config, ImageFlash(config.geometry, bytes(image)))
    assert set(store.class_ids) <= {3}
    for call in (lambda: store.put(4, bytes(12)), lambda: store.forget(3)):
        with contextlib.suppress(StoreError):
            call()
    store.format()
    assert store.state == StoreState.OK


@settings(max_examples=100, deadline=None)
@given(data=st.data())
@pytest.mark.needs("gcc")
def test_forged_images_are_read_alike(twins: Twins, data: st.DataObject) -> None:
    """Headers and slots with right CRCs and any fields: both stores find the same, or refuse alike."""
    sizes = layout(SMALL)
    u16, u32 = st.integers(0, 65535), st.integers(0, 2**32 - 1)
    image = bytearray(ImageFlash(SMALL.geometry).image)
    for bank in range(3):
        small = Header(
            data.draw(u32), data.draw(st.integers(0, 2**31)), data.draw(u32), 0, data.draw(st.integers(0, 5)), 0
        )
        header_bytes, header = encode_header(SMALL, sizes, small)
        at = bank * 512
        image[at : at + 128] = header_bytes * 2
        for index in range(data.draw(st.integers(0, sizes.slot_count))):
            kind = data.draw(st.integers(0, 5))
            previous = data.draw(st.one_of(st.just((index - 1) % 65536), u16))
            slot = Slot(kind, data.draw(st.integers(0, 9)), data.draw(u32), data.draw(u32), index, previous, bytes(12))
            start = at + 128 + index * sizes.slot_bytes
            image[start : start + sizes.slot_bytes] = encode_slot(sizes, header.crc, slot)
    twins.begin(SMALL, bytes(image))
    assert twins.mount()


def test_records_are_read_back_from_an_image() -> None:
    """What was put is in the image; what was forgotten is nowhere in it."""
    store, flash = _store()
    store.put(7, b"seven-seven!", token=5)
    store.put(3, b"three-three!", token=6)
    store.put(7, b"other-seven!", token=7)
    again = _reread(flash)
    assert (again.class_ids, again.get(7), again.get(3)) == ([3, 7], b"other-seven!", b"three-three!")
    assert (again.token_status(7), again.token_status(99)) == (TokenStatus.COMMITTED, TokenStatus.UNKNOWN)
    assert b"even-seven" in flash.image
    store.forget(7, token=8)
    assert b"even" not in flash.image
    assert _reread(flash).class_ids == [3]


def test_states_are_told_apart() -> None:
    """No store, a store of another model, a damaged one; each refuses what it cannot do."""
    empty = PrototypeStore(SMALL, ImageFlash(SMALL.geometry))
    assert empty.state == StoreState.UNFORMATTED
    with pytest.raises(UnformattedStoreError, match="format it first"):
        empty.put(1, bytes(12))
    store, flash = _store()
    store.put(1, bytes(12))
    other = StoreConfig(SMALL.geometry, 12, 4, bytes(16))
    foreign = _reread(flash, other)
    assert foreign.state == StoreState.INCOMPATIBLE
    with pytest.raises(IncompatibleStoreError, match="another model"):
        foreign.get(1)
    store.purge()
    image = bytearray(flash.image)
    image[store._active.address + 128 + 18] ^= 1  # type: ignore[union-attr]
    damaged = PrototypeStore(SMALL, ImageFlash(SMALL.geometry, bytes(image)))
    assert (damaged.state, damaged.class_ids) == (StoreState.DEGRADED, [])
    damaged.accept_loss()
    assert damaged.state == StoreState.OK


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda store: store.put(0, bytes(12)), ValueError),
        (lambda store: store.put(65536, bytes(12)), ValueError),
        (lambda store: store.put(1, bytes(11)), ValueError),
        (lambda store: store.put(9, bytes(12)), StoreFullError),
        (lambda store: store.forget(9), UnknownClassError),
        (lambda store: store.get(9), UnknownClassError),
        (lambda store: store.token_status(0), ValueError),
        (lambda store: store.accept_loss(), StoreStateError),
    ],
)
def test_misuse_changes_nothing(call: Callable[[PrototypeStore], object], error: type[Exception]) -> None:
    """Each wrong call raises its own error and leaves the image alone."""
    store, flash = _store()
    for class_id in range(1, 5):
        store.put(class_id, bytes(12))
    before = flash.image
    with pytest.raises(error):
        call(store)
    assert flash.image == before


def test_failing_flash_is_an_error() -> None:
    """A flash that fails for good makes the call fail, and what was there stays."""
    store, flash = _store()
    store.put(1, b"x" * 12)
    faulty = FaultyFlash(SMALL.geometry, flash.image)
    again = PrototypeStore(SMALL, faulty)
    faulty.fail(erases=False, failing=4, sticks=True, lies=False)
    with pytest.raises(FlashError, match="no bank could be written"):
        again.put(2, bytes(12))
    assert (again.class_ids, again.get(1)) == ([1], b"x" * 12)


def test_a_record_that_rots_is_reported() -> None:
    """Reading it raises, and so does what would have to copy it."""
    store, flash = _store()
    store.put(1, b"the-first-12")
    store.put(2, bytes(12))
    damaged = ImageFlash(SMALL.geometry, flash.image)
    again = PrototypeStore(SMALL, damaged)
    damaged._bytes[damaged.image.index(b"the-first-12")] ^= 4
    with pytest.raises(CorruptStoreError, match="class 1 is damaged"):
        again.put(3, bytes(12))
    again.forget(1)
    assert (again.class_ids, again.state) == ([2], StoreState.OK)


def test_an_image_has_the_geometrys_size(tmp_path: Path) -> None:
    """A file read from the wrong place is noticed."""
    image = tmp_path / "image.bin"
    image.write_bytes(bytes(100))
    with pytest.raises(FlashError, match="100 bytes, the geometry 1,536"):
        ImageFlash(SMALL.geometry, image.read_bytes())


def test_the_image_flash_watches_its_units() -> None:
    """A unit is programmed once, and whole."""
    flash = ImageFlash(SMALL.geometry)
    flash.prog(8, bytes(8))
    with pytest.raises(FlashError, match="programmed already"):
        flash.prog(12, bytes(4))
    with pytest.raises(FlashError, match="no whole program units"):
        flash.prog(2, bytes(4))
    flash.erase(0)
    flash.prog(12, np.arange(4, dtype=np.uint8).tobytes())
    assert flash.read(12, 4) == b"\x00\x01\x02\x03"
