"""What the templates show of a model's rejection: its constants and the memory that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from firmware_gen import c_literals
from quantize.learners import Int8Learner
from quantize.reject import unit_bits
from quantize.rejection import Rejection

THRESHOLD_BYTES = 8
"""sizeof(kshot_threshold)."""

_NOTE_BYTES = 6  # distance to the nearest class, and which that is

_NOTES = {
    "validation": "calibrated on classes that were not trained on",
    "training groups": "calibrated on the training classes, a few groups of them at a time",
    "training": "calibrated on the training classes: expect more false accepts than are asked for",
}


@dataclass(frozen=True)
class TableView:
    """A constant array, ``static const ctype name[len]``."""

    ctype: str
    name: str
    len: int
    item_bytes: int
    text: str


@dataclass(frozen=True)
class RejectionView:
    """Rejection in one model.

    Attributes
    ----------
    impostors : int
        How many travel.
    tables : tuple of TableView
    fields : tuple of (str, str)
        Of ``kshot_rejection``, and their values.
    flash_bytes : int
        Of the tables.
    class_bytes, shared_bytes : int
        RAM for each class, and for all of them.
    note : str
        A line for people about where the rates hold.
    """

    impostors: int
    tables: tuple[TableView, ...]
    fields: tuple[tuple[str, str], ...]
    flash_bytes: int
    class_bytes: int
    shared_bytes: int
    note: str


def rejection_view(rejection: Rejection, learner: Int8Learner, *, name: str) -> RejectionView:
    """Describe `rejection` for the model `name`."""
    tables = (
        _table(rejection.impostors, "int8_t", f"{name}_impostors"),
        _table(rejection.factors, "uint16_t", f"{name}_factors"),
        _table(rejection.priors, "uint32_t", f"{name}_priors"),
        _table(rejection.typical, "uint32_t", f"{name}_typical"),
        _table(rejection.far, "uint32_t", f"{name}_farthest"),
    )
    ways, shots, _ = rejection.factors.shape
    numbers = {
        "spread": rejection.spread,
        "impostor_count": len(rejection.impostors),
        "tail_bits": rejection.tail_bits,
        "unit_bits": unit_bits(learner),
        "way_knots": ways,
        "shot_knots": shots,
    }
    return RejectionView(
        impostors=len(rejection.impostors),
        tables=tables,
        fields=(
            ("calls", "&kshot_reject_by_distance"),
            *((table.name.removeprefix(f"{name}_"), table.name) for table in tables),
            *((field, f"{number}u") for field, number in numbers.items()),
        ),
        flash_bytes=sum(table.len * table.item_bytes for table in tables),
        class_bytes=THRESHOLD_BYTES,
        shared_bytes=_NOTE_BYTES * len(rejection.impostors),
        note=_NOTES[rejection.calibrated_on],
    )


def _table(values: npt.NDArray[Any], ctype: c_literals.CType, name: str) -> TableView:
    return TableView(ctype, name, values.size, values.itemsize, c_literals.array(values, ctype))
