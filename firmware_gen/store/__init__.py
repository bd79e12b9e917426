"""The prototype store in Python: writes the same bytes as ``runtime/kshot_store*.c`` (docs/store_format.md)."""

from firmware_gen.store.errors import (
    CorruptStoreError,
    FlashError,
    GeometryError,
    IncompatibleStoreError,
    StoreError,
    UnformattedStoreError,
)
from firmware_gen.store.flash import Flash, ImageFlash, UnreadableError
from firmware_gen.store.layout import Costs, Geometry, Layout, StoreConfig, costs, layout
from firmware_gen.store.prototype_store import PrototypeStore, StoreState, TokenStatus

__all__ = [
    "CorruptStoreError",
    "Costs",
    "Flash",
    "FlashError",
    "Geometry",
    "GeometryError",
    "ImageFlash",
    "IncompatibleStoreError",
    "Layout",
    "PrototypeStore",
    "StoreConfig",
    "StoreError",
    "StoreState",
    "TokenStatus",
    "UnformattedStoreError",
    "UnreadableError",
    "costs",
    "layout",
]
