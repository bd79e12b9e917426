"""Stores and their classes on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kshot.report.output import print_lines
from kshot.report.tables import ReportTable

_FIGURES = (
    ("compactions", "sequence"),
    ("operations", "log_sequence"),
    ("fewest erases of a bank", "erases_min"),
    ("most", "erases_max"),
    ("unreadable slots behind the newest record", "torn_slots"),
    ("banks with a damaged header copy", "damaged_headers"),
    ("negatives", "negatives"),
)


def print_store(found: Mapping[str, Any]) -> None:
    """Print what `kshot.store_image.describe` found."""
    print_lines(f"{found['file']}: {found['state']}")
    if "headers" in found:
        head = ("bank", "version", "record", "slot", "units", "program unit", "banks", "fingerprint")
        keys = ("bank", "version", "record_bytes", "slot_bytes", "erase_units_per_bank", "program_unit_bytes")
        rows = [[str(row[key]) for key in (*keys, "bank_count", "fingerprint")] for row in found["headers"]]
        if rows:
            ReportTable("Headers of another model's or geometry's store", head, rows).print()
        return
    class_table(found["classes"]).print()
    if found["purge_pending"]:
        print_lines("a forget was cut: traces of it may be left until the next change")
    print_lines(*[f"{what}: {found[key]:,}" for what, key in _FIGURES if found[key]])
    if found["false_accepts"] is not None:
        print_lines(f"false accepts asked for: {100 * found['false_accepts']:.1f} %")
    print_lines(*[f"left out: {reason}" for reason in found["left_out"]])


def class_table(classes: Sequence[Mapping[str, Any]]) -> ReportTable:
    """A row a class."""
    rows = [(str(row["id"]), str(row["label"]), f"{row['shots']:,}") for row in classes]
    return ReportTable("", ("id", "label", "shots"), rows)


def difference_table(rows: Sequence[Mapping[str, Any]]) -> ReportTable:
    """A row for each class that is not the same in both."""

    def shots(value: int | None) -> str:
        return "-" if value is None else f"{value:,}"

    cells = [
        (str(row["label"]), str(row["difference"]), shots(row["first_shots"]), shots(row["second_shots"]))
        for row in rows
    ]
    return ReportTable("", ("label", "", "shots in the first", "in the second"), cells)
