"""What the store raises; each is the twin of a ``kshot_status``."""


class StoreError(RuntimeError):
    """A call to the store changed nothing, or was not acknowledged."""


class GeometryError(StoreError, ValueError):
    """KSHOT_ERROR_GEOMETRY: no geometry that the store can use, or it cannot hold the classes."""


class FlashError(StoreError):
    """KSHOT_ERROR_FLASH: the flash failed, or what was written cannot be read back."""


class CorruptStoreError(StoreError):
    """KSHOT_ERROR_CORRUPT: a record that was acknowledged is damaged or lost."""


class IncompatibleStoreError(StoreError):
    """KSHOT_ERROR_INCOMPATIBLE: written for another model, geometry or format."""


class UnformattedStoreError(StoreError):
    """KSHOT_ERROR_UNFORMATTED: there is no store."""


class StoreFullError(StoreError):
    """KSHOT_ERROR_FULL: there is no room for another class."""


class UnknownClassError(StoreError):
    """KSHOT_ERROR_NOT_FOUND: there is no class with this id."""


class StoreStateError(StoreError):
    """KSHOT_ERROR_STATE: not now."""
