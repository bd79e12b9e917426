"""Stores in images of flash: files that were read from a board or from QEMU, through the store's Python twin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware_gen.store import (
    ClassRecord,
    FlashError,
    ImageFlash,
    ModelStore,
    StorePlan,
    StoreState,
    UnknownClassError,
)
from firmware_gen.store.format import foreign_headers

TOKEN = 0
"""Changes made on the host have no token of their own."""


@dataclass(frozen=True)
class StoreImage:
    """A store that was read from a file.

    Attributes
    ----------
    path : Path
    plan : StorePlan
    content : bytes
        The whole file.
    offset : int
        Where in it the store begins.
    flash : ImageFlash
    model_store : ModelStore
    """

    path: Path
    plan: StorePlan
    content: bytes
    offset: int
    flash: ImageFlash
    model_store: ModelStore

    @property
    def changed(self) -> bytes:
        """The whole file, with the store as it is now."""
        size = self.plan.config.geometry.size_bytes
        return self.content[: self.offset] + self.flash.image + self.content[self.offset + size :]

    def require_usable(self) -> ModelStore:
        """Return the store.

        Raises
        ------
        StoreError
            If the image holds no store of this model; the message names the file and says what it holds.
        """
        store = self.model_store
        if store.store.state is StoreState.UNFORMATTED:
            raise FlashError(
                f"{self.path}: no store at byte {self.offset:,}; --offset says where it begins in a dump of all flash"
            )
        if store.store.state is StoreState.INCOMPATIBLE:
            raise FlashError(
                f"{self.path}: a store of another model or with another geometry, not that of --store;"
                " `kshot store inspect` shows what it is"
            )
        return store


def read_image(path: Path, plan: StorePlan, *, offset: int = 0) -> StoreImage:
    """Read the store from a file, and mount it.

    Raises
    ------
    FlashError
        If the file is too short.
    """
    content = path.read_bytes()
    size = plan.config.geometry.size_bytes
    if len(content) < offset + size or (offset == 0 and len(content) != size):
        raise FlashError(
            f"{path}: {len(content):,} bytes, and the store has {size:,}"
            + (f" from byte {offset:,} on" if offset else "; --offset says where it begins in a dump of all flash")
        )
    flash = ImageFlash(plan.config.geometry, content[offset : offset + size])
    return StoreImage(path, plan, content, offset, flash, ModelStore(plan.config, flash))


def describe(image: StoreImage) -> dict[str, Any]:
    """What is in an image: state, figures, classes, and what was left out."""
    model_store = image.model_store
    state = model_store.store.state
    found: dict[str, Any] = {"file": str(image.path), "state": state.name}
    if state in (StoreState.UNFORMATTED, StoreState.INCOMPATIBLE):
        geometry = image.plan.config.geometry
        found["headers"] = foreign_headers(image.flash.image, geometry.bank_bytes)
        return found
    return {
        **found,
        **vars(model_store.store.stats),
        "classes": [_class_row(class_id, record) for class_id, record in model_store.classes.items()],
        "negatives": len(model_store.negatives),
        "false_accepts": None if model_store.rate is None else model_store.rate / 65536,
        "left_out": model_store.left_out,
    }


def _class_row(class_id: int, record: ClassRecord) -> dict[str, Any]:
    return {"id": class_id, "label": record.label, "shots": record.shots}


def export_classes(image: StoreImage, labels: Iterable[str]) -> bytes:
    """Return a bundle of the classes with these labels; without labels, of all.

    Raises
    ------
    StoreError
        If there is no usable store, no class, or none of a label.
    """
    store = image.require_usable()
    if not store.classes:
        raise UnknownClassError(f"{image.path}: the store holds no class")
    chosen = list(labels)
    known = store.labels
    for label in chosen:
        if label not in known:
            raise UnknownClassError(f'{image.path}: no class "{label}"; there are {", ".join(known)}')
    return store.export([known[label] for label in chosen] or None)


def import_bundle(image: StoreImage, bundle: bytes, *, merge: bool) -> list[dict[str, Any]]:
    """Take a bundle's classes into the image; return a row for each.

    Raises
    ------
    StoreError
        If there is no usable store, or the bundle does not fit it.
    """
    store = image.require_usable()
    ids = store.take_in(bundle, merge=merge, token=TOKEN)
    return [_class_row(class_id, store.classes[class_id]) for class_id in ids]


def merge_images(image: StoreImage, other: StoreImage) -> list[dict[str, Any]]:
    """Add what another device has learned; return a row for each of its classes.

    Raises
    ------
    StoreError
        If a store is not usable, or there is not enough room.
    """
    return import_bundle(image, export_classes(other, ()), merge=True)


def differences(first: StoreImage, second: StoreImage) -> list[dict[str, Any]]:
    """Compare two stores class by class, by label; a row for each that is not the same in both.

    Raises
    ------
    StoreError
        If a store is not usable.
    """
    stores = [image.require_usable() for image in (first, second)]
    by_label = [{record.label: record for record in store.classes.values()} for store in stores]
    labels = dict.fromkeys([*by_label[0], *by_label[1]])
    rows = [_difference(label, *(found.get(label) for found in by_label)) for label in labels]
    if stores[0].negatives.tobytes() != stores[1].negatives.tobytes():
        rows.append(_row("(negatives)", "differ", len(stores[0].negatives), len(stores[1].negatives)))
    if stores[0].rate != stores[1].rate:
        rows.append(_row("(settings)", "differ", None, None))
    return [row for row in rows if row is not None]


def _difference(label: str, first: ClassRecord | None, second: ClassRecord | None) -> dict[str, Any] | None:
    if first is None or second is None:
        what = "only in the first" if second is None else "only in the second"
        return _row(label, what, first.shots if first else None, second.shots if second else None)
    if first.shots == second.shots and first.state.tobytes() == second.state.tobytes():
        return None
    return _row(label, "differs", first.shots, second.shots)


def _row(label: str, what: str, first_shots: int | None, second_shots: int | None) -> dict[str, Any]:
    return {"label": label, "difference": what, "first_shots": first_shots, "second_shots": second_shots}
