"""Stores in Python: the same bytes as ``kshot_store*.c`` and ``kshot_persist*.c`` (docs/store_format.md)."""

from firmware_gen.store.bundles import decode_bundle, encode_bundle
from firmware_gen.store.errors import (
    CorruptStoreError,
    FlashError,
    GeometryError,
    IncompatibleStoreError,
    StoreError,
    StoreFullError,
    UnformattedStoreError,
    UnknownClassError,
)
from firmware_gen.store.flash import Flash, ImageFlash, UnreadableError
from firmware_gen.store.layout import Costs, Geometry, Layout, StoreConfig, costs, layout
from firmware_gen.store.model_store import ModelStore, ModelStoreConfig
from firmware_gen.store.plan import StoreFlash, StorePlan, StorePlanError, load_plan, plan_store
from firmware_gen.store.prototype_store import PrototypeStore, StoreState, TokenStatus
from firmware_gen.store.records import ClassRecord, RecordFormat, StateKind, class_of_shots

__all__ = [
    "ClassRecord",
    "CorruptStoreError",
    "Costs",
    "Flash",
    "FlashError",
    "Geometry",
    "GeometryError",
    "ImageFlash",
    "IncompatibleStoreError",
    "Layout",
    "ModelStore",
    "ModelStoreConfig",
    "PrototypeStore",
    "RecordFormat",
    "StateKind",
    "StoreConfig",
    "StoreError",
    "StoreFlash",
    "StoreFullError",
    "StorePlan",
    "StorePlanError",
    "StoreState",
    "TokenStatus",
    "UnformattedStoreError",
    "UnknownClassError",
    "UnreadableError",
    "class_of_shots",
    "costs",
    "decode_bundle",
    "encode_bundle",
    "layout",
    "load_plan",
    "plan_store",
]
