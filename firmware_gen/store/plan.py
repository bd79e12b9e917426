"""`StorePlan`: a model's store in a flash, with what it costs; a generated project carries it as ``store.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from firmware_gen.store.errors import GeometryError, StoreError
from firmware_gen.store.layout import MARKERS, Costs, Geometry, Layout, costs, layout
from firmware_gen.store.model_store import ModelStoreConfig
from firmware_gen.store.records import RecordFormat, StateKind

FILE = "store.json"
PLAN_VERSION = 1


class StorePlanError(StoreError, ValueError):
    """A description of a store that cannot be used."""


@dataclass(frozen=True)
class StoreFlash:
    """The flash that a project gives to the store.

    Attributes
    ----------
    family : str
        For people.
    geometry : Geometry
    endurance : int
        Erases that a unit bears.
    grows : bool
        Whether a bank takes as many erase units as the classes need; the geometry's number is a start.
    """

    family: str
    geometry: Geometry
    endurance: int
    grows: bool = True


@dataclass(frozen=True)
class StorePlan:
    """A store that holds the model's classes.

    Attributes
    ----------
    family : str
    endurance : int
    config : ModelStoreConfig

    Raises
    ------
    GeometryError
        If a bank does not hold the classes.
    """

    family: str
    endurance: int
    config: ModelStoreConfig

    def __post_init__(self) -> None:
        costs(self.config.store, endurance=self.endurance)

    @property
    def layout(self) -> Layout:
        """Sizes and capacity."""
        return layout(self.config.store)

    @property
    def costs(self) -> Costs:
        """What calls cost at most, and how long the flash lasts."""
        return costs(self.config.store, endurance=self.endurance)

    def to_json(self) -> str:
        """Return the text of ``store.json``."""
        config, geometry = self.config, self.config.geometry
        document = {
            "version": PLAN_VERSION,
            "flash": self.family,
            "endurance": self.endurance,
            "geometry": vars(geometry),
            "records": vars(config.records),
            "max_classes": config.max_classes,
            "max_negatives": config.max_negatives,
            "model_fingerprint": config.model_fingerprint.hex(),
        }
        return json.dumps(document, indent=2) + "\n"


def plan_store(flash: StoreFlash, config: ModelStoreConfig) -> StorePlan:
    """Fit a store to a flash.

    Parameters
    ----------
    flash : StoreFlash
    config : ModelStoreConfig
        Its geometry is replaced by the flash's.

    Raises
    ------
    GeometryError
        If a bank does not hold the classes; the message says how many erase units would.
    """
    fitted = replace(config, geometry=flash.geometry)
    wanted = units_that_hold(fitted)
    if flash.grows:
        fitted = replace(fitted, geometry=replace(flash.geometry, erase_units_per_bank=wanted))
    elif wanted > flash.geometry.erase_units_per_bank:
        sizes = layout(fitted.store)
        raise GeometryError(
            f"store.units_per_bank = {flash.geometry.erase_units_per_bank}: a bank of"
            f" {flash.geometry.bank_bytes:,} bytes holds {sizes.capacity:,} records of {config.records.record_bytes:,}"
            f" bytes, and {config.max_classes:,} classes need {fitted.store.max_classes:,}; units_per_bank = {wanted}"
            " holds them, or fewer classes or shots do"
        )
    return StorePlan(flash.family, flash.endurance, fitted)


def units_that_hold(config: ModelStoreConfig) -> int:
    """Return how many erase units a bank must have for the classes."""
    unit = config.geometry.erase_unit_bytes
    sizes = layout(config.store)
    slots = config.store.max_classes + MARKERS
    return -(-(2 * sizes.header_bytes + slots * sizes.slot_bytes) // unit)


def load_plan(path: Path) -> StorePlan:
    """Read a ``store.json``, or that of a generated project's folder.

    Raises
    ------
    StorePlanError
        If the file is missing or damaged.
    GeometryError
        If it describes no store that there can be.
    """
    file = path / FILE if path.is_dir() else path
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StorePlanError(
            f"{file}: no such file; `kshot generate` writes it where the project file's [store] names a flash"
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StorePlanError(f"{file}: no description of a store: {error}") from None
    try:
        return read_plan(document)
    except GeometryError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorePlanError(
            f"{file}: not a description of a store that `kshot generate` wrote ({type(error).__name__}: {error})"
        ) from None


def read_plan(document: Mapping[str, Any]) -> StorePlan:
    """Make a plan of a parsed ``store.json``; raises what its wrong values raise."""
    if document["version"] != PLAN_VERSION:
        raise ValueError(f"version {document['version']}, and this kshot reads {PLAN_VERSION}")
    records = dict(document["records"])
    config = ModelStoreConfig(
        geometry=Geometry(**document["geometry"]),
        records=RecordFormat(StateKind(records.pop("kind")), **records),
        max_classes=int(document["max_classes"]),
        max_negatives=int(document["max_negatives"]),
        model_fingerprint=bytes.fromhex(document["model_fingerprint"]),
    )
    return StorePlan(str(document["flash"]), int(document["endurance"]), config)
