"""`ModelStore`: a model's classes in a store, as a device keeps them; twin of ``kshot_persist*.c``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_gen.store.bundles import decode_bundle, encode_bundle
from firmware_gen.store.errors import CorruptStoreError, StoreFullError, UnknownClassError
from firmware_gen.store.flash import Flash
from firmware_gen.store.layout import Geometry, StoreConfig
from firmware_gen.store.prototype_store import PrototypeStore
from firmware_gen.store.records import (
    MAX_CLASS_ID,
    NEGATIVES_ID,
    RECORD_VERSION,
    SETTINGS_ID,
    ClassRecord,
    RecordFormat,
    decode_class,
    decode_negatives,
    decode_settings,
    encode_class,
    encode_negatives,
    encode_settings,
    merge_classes,
)


@dataclass(frozen=True)
class ModelStoreConfig:
    """What a generated project fixes.

    Attributes
    ----------
    geometry : Geometry
    records : RecordFormat
    max_classes : int
    max_negatives : int
        0 where the model has no rejection.
    model_fingerprint : bytes
        The model's, 32 bytes.
    """

    geometry: Geometry
    records: RecordFormat
    max_classes: int
    max_negatives: int
    model_fingerprint: bytes

    @property
    def rejects(self) -> bool:
        """Whether negatives and settings are kept."""
        return self.max_negatives > 0

    @property
    def store(self) -> StoreConfig:
        """Of the store below."""
        others = self.records.negative_records(self.max_negatives) + 1 if self.rejects else 0
        fingerprint = self.model_fingerprint[:15] + bytes([RECORD_VERSION])
        return StoreConfig(self.geometry, self.records.record_bytes, self.max_classes + others, fingerprint)


class ModelStore:
    """Classes, negatives and settings in a mounted store.

    Parameters
    ----------
    config : ModelStoreConfig
    flash : Flash

    Attributes
    ----------
    store : PrototypeStore
        Its `state` says whether there is anything to use.
    classes : dict of int to ClassRecord
        By id, ascending.
    negatives : int8 [n, dimension]
    rate : int or None
        Of false accepts, Q16; None where nobody has set one.
    left_out : list of str
        Why records were not read, each with its class id.

    Raises
    ------
    GeometryError, FlashError
        As `PrototypeStore`.
    """

    def __init__(self, config: ModelStoreConfig, flash: Flash) -> None:
        self.config = config
        self.store = PrototypeStore(config.store, flash)
        self.classes: dict[int, ClassRecord] = {}
        self.negatives = np.zeros((0, config.records.dimension), np.int8)
        self.rate: int | None = None
        self.left_out: list[str] = []
        for class_id in self.store.class_ids:
            try:
                self._load(class_id, self.store.get(class_id))
            except CorruptStoreError as error:
                self.left_out.append(f"class {class_id}: {error}")
        self._next_id = self.store.log_sequence % MAX_CLASS_ID + 1

    def _load(self, class_id: int, data: bytes) -> None:
        records = self.config.records
        if class_id <= MAX_CLASS_ID:
            record = decode_class(records, data)
            if record.label in self.labels or len(self.classes) == self.config.max_classes:
                raise CorruptStoreError(f'another class is called "{record.label}", or there are too many')
            self.classes[class_id] = record
        elif not self.config.rejects:
            raise CorruptStoreError("negatives or settings of a model that does not reject")
        elif class_id == SETTINGS_ID:
            self.rate = decode_settings(data)
        else:
            negatives = decode_negatives(records, data)
            first = (class_id - NEGATIVES_ID) * records.negatives_a_record
            if first != len(self.negatives) or first + len(negatives) > self.config.max_negatives:
                raise CorruptStoreError("negatives out of their turn, or too many")
            self.negatives = np.concatenate([self.negatives, negatives])

    @property
    def labels(self) -> dict[str, int]:
        """The class of each label."""
        return {record.label: class_id for class_id, record in self.classes.items()}

    def put_class(self, record: ClassRecord, *, token: int = 0) -> int:
        """Add a class, or replace the one with its label; return its id.

        Raises
        ------
        StoreFullError
            If there is no room for another class.
        StoreError
            As `PrototypeStore.put`.
        """
        return self._put_classes([record], token=token)[0]

    def rename(self, class_id: int, label: str, *, token: int = 0) -> None:
        """Give a class another label, which no other class may have; raises as `put_class` does."""
        if self.labels.get(label, class_id) != class_id:
            raise ValueError(f'another class is called "{label}"')
        if class_id not in self.classes:
            raise UnknownClassError(f"there is no class {class_id}")
        renamed = self.classes[class_id].renamed(label)
        self.store.put(class_id, encode_class(self.config.records, renamed), token=token)
        self.classes[class_id] = renamed

    def forget(self, class_id: int, *, token: int = 0) -> None:
        """Remove a class and every trace of it."""
        if class_id > MAX_CLASS_ID:
            raise UnknownClassError(f"there is no class {class_id}")
        self.store.forget(class_id, token=token)
        self.classes.pop(class_id, None)

    def format(self, *, token: int = 0) -> None:
        """Put an empty store in place of whatever is there."""
        self.store.format(token=token)
        self.classes, self.negatives, self.rate = {}, self.negatives[:0], None

    def wipe(self, *, token: int = 0) -> None:
        """Forget all classes, negatives and settings."""
        self.store.wipe(token=token)
        self.classes, self.negatives, self.rate = {}, self.negatives[:0], None

    def add_negative(self, embedding: npt.NDArray[np.int8], *, token: int = 0) -> None:
        """Keep a negative, int8 [dimension].

        Raises
        ------
        StoreFullError
            If there is no room for another.
        """
        if len(self.negatives) >= self.config.max_negatives:
            raise StoreFullError(f"there is room for {self.config.max_negatives} negatives")
        negatives = np.concatenate([self.negatives, embedding.reshape(1, -1)])
        records = self.config.records
        index = (len(negatives) - 1) // records.negatives_a_record
        data = encode_negatives(records, negatives[index * records.negatives_a_record :])
        self.store.put(NEGATIVES_ID + index, data, token=token)
        self.negatives = negatives

    def forget_negatives(self, *, token: int = 0) -> None:
        """Remove all negatives and every trace of them."""
        self.store.forget_range(NEGATIVES_ID, SETTINGS_ID - 1, token=token)
        self.negatives = self.negatives[:0]

    def set_rate(self, rate: int, *, token: int = 0) -> None:
        """Keep a rate of false accepts, Q16."""
        self.store.put(SETTINGS_ID, encode_settings(self.config.records, rate), token=token)
        self.rate = rate

    def export(self, class_ids: Iterable[int] | None = None) -> bytes:
        """Return a bundle of some classes, or of all.

        Raises
        ------
        ValueError
            If there is none.
        UnknownClassError
            If an id names none.
        """
        chosen = sorted(self.classes if class_ids is None else set(class_ids))
        for class_id in chosen:
            if class_id not in self.classes:
                raise UnknownClassError(f"there is no class {class_id}")
        records = [self.classes[class_id] for class_id in chosen]
        return encode_bundle(self.config.records, self.config.store.fingerprint, records)

    def take_in(self, bundle: bytes, *, merge: bool, token: int = 0) -> list[int]:
        """Import a bundle, all classes of it or none; return their ids.

        Parameters
        ----------
        bundle : bytes
        merge : bool
            Whether a class that the store has learns the bundle's shots, too; else it is replaced.
        token : int

        Raises
        ------
        CorruptStoreError, IncompatibleStoreError
            If the bundle is none of this model's.
        StoreFullError
            If a class or the store has not enough room.
        """
        records = decode_bundle(self.config.records, self.config.store.fingerprint, bundle)
        if merge:
            labels = self.labels
            records = [
                merge_classes(self.config.records, self.classes[labels[r.label]], r) if r.label in labels else r
                for r in records
            ]
        return self._put_classes(records, token=token)

    def _put_classes(self, records: Sequence[ClassRecord], *, token: int) -> list[int]:
        labels = self.labels
        if len(set(labels) | {record.label for record in records}) > self.config.max_classes:
            raise StoreFullError(f"there is room for {self.config.max_classes} classes")
        next_id, ids = self._next_id, []
        for record in records:
            if record.label in labels:
                ids.append(labels[record.label])
            else:
                next_id = self._unused_id(next_id)
                ids.append(next_id)
                next_id += 1
        changed = dict(sorted(zip(ids, records, strict=True)))
        self.store.put_all({i: encode_class(self.config.records, r) for i, r in changed.items()}, token=token)
        self.classes = dict(sorted({**self.classes, **changed}.items()))
        self._next_id = next_id
        return ids

    def _unused_id(self, class_id: int) -> int:
        """Return the next id in turn that names no class."""
        while not 0 < class_id <= MAX_CLASS_ID or class_id in self.classes:
            class_id = (class_id + 1) % 65536
        return class_id
