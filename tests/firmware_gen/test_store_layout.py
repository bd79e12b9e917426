"""The arithmetic of capacity and cost, in Python and in C, and what geometries are refused."""

from __future__ import annotations

import dataclasses

import pytest

from firmware_gen.store import Geometry, GeometryError, StoreConfig, costs, layout

NRF52 = StoreConfig(Geometry(4096, 4), record_bytes=80, max_classes=35, fingerprint=bytes(16))


@pytest.mark.parametrize(
    ("geometry", "slot", "slots"),
    [
        (Geometry(4096, 4), 100, 39),
        (Geometry(2048, 8, 2), 104, 38),
        (Geometry(4096, 256, 4), 256, 62),
        (Geometry(131072, 32, bank_count=2), 128, 1023),
        (Geometry(128, 4, 32, erased_value=0x00), 100, 39),
    ],
)
def test_the_table_of_the_format_page(geometry: Geometry, slot: int, slots: int) -> None:
    """docs/store_format.md states slots and capacity of these parts for records of 80 bytes."""
    sizes = layout(dataclasses.replace(NRF52, geometry=geometry))
    assert (sizes.slot_bytes, sizes.slot_count, sizes.capacity) == (slot, slots, slots - 4)


def test_costs_of_a_full_configuration() -> None:
    """One erase and all slots for a put; every bank for a forget; three banks of 10,000 erases for 30,000 sessions."""
    found = costs(NRF52, endurance=10_000)
    assert (found.put_erases, found.put_program_units, found.forget_erases) == (1, (128 + 3900) // 4, 3)
    assert (found.lifetime_sessions, found.lifetime_puts_full) == (30_000, 60_000)
    assert costs(dataclasses.replace(NRF52, max_classes=6)).lifetime_puts_full == 31 * 30_000


@pytest.mark.parametrize("classes", [0, 36])
def test_classes_that_do_not_fit_are_refused(classes: int) -> None:
    """The error says how many would, and what to change."""
    with pytest.raises(GeometryError, match=r"hold 35 classes of 80 bytes, not \d+: take more erase units a bank"):
        costs(dataclasses.replace(NRF52, max_classes=classes))


@pytest.mark.parametrize(
    "wrong",
    [
        {"erase_unit_bytes": 64},
        {"erase_unit_bytes": 3000},
        {"erase_unit_bytes": 262144},
        {"program_unit_bytes": 0},
        {"program_unit_bytes": 12},
        {"program_unit_bytes": 512},
        {"erase_units_per_bank": 0},
        {"erase_units_per_bank": 65536},
        {"bank_count": 1},
        {"bank_count": 17},
        {"erased_value": 256},
    ],
)
def test_impossible_geometries_are_refused(wrong: dict[str, int]) -> None:
    """A geometry that the store cannot use is no geometry."""
    with pytest.raises(GeometryError):
        Geometry(**{"erase_unit_bytes": 4096, "program_unit_bytes": 4, **wrong})


def test_program_units_beyond_the_erase_unit_are_refused() -> None:
    """A page of 256 bytes does not fit an erase unit of 128."""
    with pytest.raises(GeometryError, match="program units of 256"):
        Geometry(128, 256)


@pytest.mark.parametrize("wrong", [{"record_bytes": 0}, {"record_bytes": 65025}, {"fingerprint": b"short"}])
def test_impossible_records_are_refused(wrong: dict[str, object]) -> None:
    """Records have at least a byte and fit a slot; a fingerprint has 16 bytes."""
    with pytest.raises(GeometryError):
        dataclasses.replace(NRF52, **wrong)
