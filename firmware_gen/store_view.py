"""What the templates show of a model's store, and the store that a model needs."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_gen import c_literals
from firmware_gen.learner_view import LearnerView
from firmware_gen.store import Geometry, ModelStoreConfig, RecordFormat, StateKind, StoreFlash, StorePlan, plan_store


@dataclass(frozen=True)
class StoreView:
    """A store in one model.

    Attributes
    ----------
    plan : StorePlan
    summary : str
        For a comment.
    geometry : Geometry
    erased_value : str
    state_bytes : str
        Of a record, in C.
    fingerprint : str
        Of the store, in C.
    kind : str
        ``kshot_record_<kind>`` is the format of its records.
    """

    plan: StorePlan
    summary: str
    geometry: Geometry
    erased_value: str
    state_bytes: str
    fingerprint: str
    kind: str

    @property
    def memory_rows(self) -> list[tuple[str, str]]:
        """Sizes for people: what, and bytes."""
        plan, sizes, geometry = self.plan, self.plan.layout, self.plan.config.geometry
        index = 4 * plan.config.store.max_classes + sizes.workspace_bytes
        return [
            (f"store: {self.summary} (flash)", f"{geometry.size_bytes:,}"),
            (
                "one enrolled class in the store, with its label and the store's own bytes (flash)",
                f"{sizes.slot_bytes:,}",
            ),
            ("store: index and workspace (RAM)", f"{index:,}"),
        ]


def record_format(learner: LearnerView, *, embedding_len: int, max_shots: int) -> RecordFormat:
    """Return the layout of a learner's records."""
    if learner.keeps_shots:
        return RecordFormat(StateKind.SHOTS, embedding_len, max_shots)
    return RecordFormat(StateKind.SUMS, embedding_len)


def store_view(
    flash: StoreFlash, records: RecordFormat, fingerprint: bytes, *, name: str, max_classes: int, max_negatives: int
) -> StoreView:
    """Fit a store for the model `name` to a flash.

    Parameters
    ----------
    flash : StoreFlash
    records : RecordFormat
    fingerprint : bytes
        The model's, 32 bytes.
    name : str
    max_classes : int
    max_negatives : int
        0 where the model does not reject.

    Raises
    ------
    GeometryError
        If the flash does not hold the classes.
    """
    length = f"{name.upper()}_EMBEDDING_LEN"
    shots = f"{name.upper()}_MAX_SHOTS * {length}"
    plan = plan_store(flash, ModelStoreConfig(flash.geometry, records, max_classes, max_negatives, fingerprint))
    geometry = plan.config.geometry
    units = "" if geometry.erase_units_per_bank == 1 else f"{geometry.erase_units_per_bank} x "
    return StoreView(
        plan=plan,
        summary=f"{plan.family}, {geometry.bank_count} banks of {units}{geometry.erase_unit_bytes:,} bytes",
        geometry=geometry,
        erased_value="KSHOT_STORE_ERASED_UNDEFINED" if geometry.erased_value is None else str(geometry.erased_value),
        state_bytes=shots if records.kind is StateKind.SHOTS else f"4 * {length} + 4",
        fingerprint=c_literals.array(list(plan.config.store.fingerprint), "uint8_t", indent=12),
        kind=str(records.kind),
    )
