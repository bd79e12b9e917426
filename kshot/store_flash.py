"""The store of a project: from its [store] table to a flash, from a generated project to what calls cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firmware_gen.flash_families import FAMILIES
from firmware_gen.store import Geometry, StoreFlash, StorePlan, load_plan
from firmware_gen.store.plan import FILE as STORE_FILE
from kshot.project import Project


def store_flash(project: Project) -> StoreFlash | None:
    """The flash that the project gives to the store; None for no store.

    Raises
    ------
    GeometryError
        If the store cannot use it.
    """
    table = project.store
    if table.flash == "none":
        return None
    family = FAMILIES[table.flash]
    erased = family.erased_value if table.erased_value < 0 else table.erased_value if table.erased_value < 256 else None
    geometry = Geometry(
        erase_unit_bytes=table.erase_unit_bytes or family.erase_unit_bytes,
        program_unit_bytes=table.program_unit_bytes or family.program_unit_bytes,
        erase_units_per_bank=table.units_per_bank or 1,
        bank_count=table.banks,
        erased_value=erased,
    )
    return StoreFlash(table.flash, geometry, table.endurance or family.endurance, grows=table.units_per_bank == 0)


def store_of(source: Path) -> StorePlan | None:
    """The store of a generated project; None where it has none.

    Raises
    ------
    StoreError
        If its description is damaged.
    """
    return load_plan(source) if (source / STORE_FILE).is_file() else None


def store_row(plan: StorePlan) -> dict[str, Any]:
    """A store, what its calls cost at most, and how long its flash lasts, as a flat row."""
    geometry, sizes = plan.config.geometry, plan.layout
    return {
        "flash": plan.family,
        **vars(geometry),
        "bytes": geometry.size_bytes,
        "record_bytes": plan.config.records.record_bytes,
        "slot_bytes": sizes.slot_bytes,
        "max_classes": plan.config.max_classes,
        "records": plan.config.store.max_classes,
        "capacity": sizes.capacity,
        **vars(plan.costs),
        "endurance": plan.endurance,
    }
