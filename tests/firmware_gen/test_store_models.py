"""Records, bundles and plans of a model's store in Python: what is right goes through, what is not is named."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_gen.flash_families import FAMILIES
from firmware_gen.store import (
    CorruptStoreError,
    Geometry,
    GeometryError,
    ImageFlash,
    IncompatibleStoreError,
    ModelStore,
    ModelStoreConfig,
    RecordFormat,
    StateKind,
    StoreFlash,
    StoreFullError,
    StorePlanError,
    UnknownClassError,
    class_of_shots,
    decode_bundle,
    encode_bundle,
    load_plan,
    plan_store,
)
from firmware_gen.store.records import decode_class, encode_class, merge_classes

SUMS, SHOTS = RecordFormat(StateKind.SUMS, 4), RecordFormat(StateKind.SHOTS, 4, max_shots=3)
FORMATS = pytest.mark.parametrize("records", [SUMS, SHOTS], ids=lambda r: str(r.kind))
FINGERPRINT = bytes(range(16))
CONFIG = ModelStoreConfig(Geometry(1024, 4), SUMS, 4, 4, bytes(range(32)))


def _shots(count: int, *, seed: int = 1) -> npt.NDArray[np.int8]:
    return np.random.default_rng(seed).integers(-128, 128, (count, 4)).astype(np.int8)


def _store(config: ModelStoreConfig = CONFIG) -> ModelStore:
    store = ModelStore(config, ImageFlash(config.geometry))
    store.format()
    return store


@given(
    label=st.text(min_size=1, max_size=5).filter(lambda t: "\0" not in t),
    count=st.integers(1, 3),
    seed=st.integers(0, 9),
)
@FORMATS
def test_a_record_is_read_as_it_was_written(records: RecordFormat, label: str, count: int, seed: int) -> None:
    """Label, count and state come back, and are written as the same bytes again."""
    record = class_of_shots(records, label, _shots(count, seed=seed), squares=True)
    data = encode_class(records, record)
    again = decode_class(records, data)
    assert (again.label, again.shots) == (label, count)
    assert (again.state == record.state).all()
    assert encode_class(records, again) == data


@FORMATS
@given(data=st.data())
def test_any_bytes_are_a_record_or_none(records: RecordFormat, data: st.DataObject) -> None:
    """Bytes are refused, or are the only spelling of what they say."""
    record = bytearray(encode_class(records, class_of_shots(records, "wave", _shots(2), squares=True)))
    for at, value in data.draw(
        st.dictionaries(st.integers(0, len(record) - 1), st.integers(0, 255), max_size=3)
    ).items():
        record[at] = value
    try:
        found = decode_class(records, bytes(record))
    except CorruptStoreError:
        return
    assert encode_class(records, found) == bytes(record)


@pytest.mark.parametrize("label", ["", "x" * 24, "a\0b", "é" * 12])
def test_labels_that_do_not_fit_are_refused(label: str) -> None:
    """A label has 1 to 23 bytes, none of them zero."""
    with pytest.raises(ValueError, match="1 to 23 bytes"):
        encode_class(SHOTS, class_of_shots(SHOTS, label, _shots(1), squares=True))


def test_merged_sums_are_those_of_all_shots() -> None:
    """Sums, counts and squares of two halves are those of the whole, to the bit."""
    shots = _shots(7)
    halves = [class_of_shots(SUMS, "wave", part, squares=True) for part in (shots[:3], shots[3:])]
    merged = merge_classes(SUMS, *halves)
    assert encode_class(SUMS, merged) == encode_class(SUMS, class_of_shots(SUMS, "wave", shots, squares=True))


def test_merged_shots_are_the_union() -> None:
    """A shot that both have stands there once; a class that would not fit is refused, with the numbers."""
    shots = _shots(4)
    first, second = (class_of_shots(SHOTS, "wave", part, squares=True) for part in (shots[:2], shots[[1, 2, 2]]))
    assert (merge_classes(SHOTS, first, second).state == shots[:3]).all()
    with pytest.raises(StoreFullError, match="would have 4 shots, and a class has room for 3"):
        merge_classes(SHOTS, first, class_of_shots(SHOTS, "wave", shots[2:], squares=True))


@FORMATS
def test_a_bundle_is_read_as_it_was_written(records: RecordFormat) -> None:
    """Classes go through bytes unchanged."""
    classes = [class_of_shots(records, label, _shots(2, seed=i), squares=True) for i, label in enumerate(["é", "wave"])]
    data = encode_bundle(records, FINGERPRINT, classes)
    again = decode_bundle(records, FINGERPRINT, data)
    assert encode_bundle(records, FINGERPRINT, again) == data


def _sealed(data: bytes) -> bytes:
    return data + struct.pack("<I", crc32(data))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda b: b[:20], CorruptStoreError, "its CRC is wrong"),
        (lambda b: bytes([b[0] ^ 1]) + b[1:], CorruptStoreError, "its CRC is wrong"),
        (lambda b: _sealed(b"x" + b[1:-4]), CorruptStoreError, "does not begin with kCLS"),
        (lambda b: _sealed(b[:4] + b"\2" + b[5:-4]), IncompatibleStoreError, "version 2"),
        (lambda b: _sealed(b[:6] + b"\7" + b[7:-4]), IncompatibleStoreError, "the same room for shots"),
        (lambda b: _sealed(b[:8] + b"\7" + b[9:-4]), IncompatibleStoreError, "another model"),
        (lambda b: _sealed(b[:24] + b"\2" + b[25:-4]), CorruptStoreError, "2 classes cannot have"),
        (lambda b: _sealed(b[:24] + b"\0" + b[25:28]), CorruptStoreError, "0 classes cannot have"),
        (lambda b: _sealed(b[:24] + b"\2" + b[25:-4] + b[28:-4]), CorruptStoreError, "names a class twice"),
        (lambda b: _sealed(b[:28] + b"\xff" + b[29:-4]), CorruptStoreError, "without a valid label"),
    ],
)
def test_hostile_bundles_are_refused(change: Callable[[bytes], bytes], error: type[Exception], message: str) -> None:
    """Each wrong bundle has an error of its own."""
    good = encode_bundle(SUMS, FINGERPRINT, [class_of_shots(SUMS, "wave", _shots(2), squares=True)])
    with pytest.raises(error, match=message):
        decode_bundle(SUMS, FINGERPRINT, change(good))


def test_misuse_of_a_model_store_is_refused() -> None:
    """Unknown classes, labels that are taken, no room; nothing is changed."""
    store = _store()
    for i, label in enumerate("abcd"):
        store.put_class(class_of_shots(SUMS, label, _shots(1, seed=i), squares=True))
    before = store.export()
    with pytest.raises(StoreFullError, match="room for 4 classes"):
        store.put_class(class_of_shots(SUMS, "e", _shots(1), squares=True))
    with pytest.raises(ValueError, match='another class is called "b"'):
        store.rename(1, "b")
    for call in (
        lambda: store.rename(9, "x"),
        lambda: store.forget(9),
        lambda: store.export([9]),
        lambda: store.forget(65535),
    ):
        with pytest.raises(UnknownClassError, match="there is no class"):
            call()
    for _ in range(4):
        store.add_negative(_shots(1)[0])
    with pytest.raises(StoreFullError, match="4 negatives"):
        store.add_negative(_shots(1)[0])
    assert store.export() == before
    with pytest.raises(ValueError, match="no class to export"):
        _store().export()


def test_records_that_no_device_wrote_are_left_out() -> None:
    """They are named, and the others are there."""
    flash = ImageFlash(CONFIG.geometry)
    store = ModelStore(CONFIG, flash)
    store.format()
    store.put_class(class_of_shots(SUMS, "wave", _shots(2), squares=True))
    store.store.put(7, bytes(SUMS.record_bytes))
    store.store.put(65281, bytes(SUMS.record_bytes))
    store.store.put(65535, bytes(SUMS.record_bytes))
    again = ModelStore(CONFIG, flash)
    assert list(again.labels) == ["wave"]
    assert [text.partition(":")[0] for text in again.left_out] == ["class 7", "class 65281", "class 65535"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_holds_a_usual_model(family: str) -> None:
    """Ten classes of 64 dimensions find room in whatever flash, and the plan goes through its file."""
    flash = FAMILIES[family]
    geometry = Geometry(flash.erase_unit_bytes, flash.program_unit_bytes, erased_value=flash.erased_value)
    config = replace(CONFIG, records=RecordFormat(StateKind.SUMS, 64), max_classes=10)
    plan = plan_store(StoreFlash(family, geometry, flash.endurance), config)
    assert plan.layout.capacity >= plan.config.store.max_classes == 12
    smaller = plan.config.geometry.erase_units_per_bank - 1
    if smaller:
        with pytest.raises(GeometryError, match=f"units_per_bank = {smaller + 1} holds them"):
            plan_store(StoreFlash(family, replace(geometry, erase_units_per_bank=smaller), 1, grows=False), config)
    assert plan.costs.lifetime_sessions == 3 * flash.endurance


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    """By its file, or by the folder that it is in."""
    plan = plan_store(StoreFlash("nrf52", Geometry(4096, 4, erased_value=None), 10_000), CONFIG)
    file = tmp_path / "store.json"
    file.write_text(plan.to_json())
    assert load_plan(file) == plan
    assert load_plan(tmp_path) == plan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("records"), "KeyError"),
        (lambda d: d.update(version=9), "version 9"),
        (lambda d: d.update(geometry=7), "not a description of a store"),
        (lambda d: d["records"].update(kind="means"), "means"),
        (lambda d: d.update(model_fingerprint="xyz"), "not a description of a store"),
    ],
)
def test_damaged_plans_are_refused(tmp_path: Path, change: Callable[[dict[str, object]], object], message: str) -> None:
    """The error names the file."""
    document = json.loads(plan_store(StoreFlash("nrf52", Geometry(4096, 4), 10_000), CONFIG).to_json())
    change(document)
    file = tmp_path / "store.json"
    file.write_text(json.dumps(document))
    with pytest.raises(StorePlanError, match=message):
        load_plan(file)


def test_a_plan_that_is_no_json_is_refused(tmp_path: Path) -> None:
    """Neither a missing file nor noise is a plan."""
    with pytest.raises(StorePlanError, match="`kshot generate` writes it"):
        load_plan(tmp_path / "none.json")
    (tmp_path / "store.json").write_bytes(b"\xff\x00")
    with pytest.raises(StorePlanError, match="no description of a store"):
        load_plan(tmp_path)
