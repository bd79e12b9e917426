"""Why a model cannot be used; each message names the layer, the reason, and what would work."""

from __future__ import annotations


class ModelError(ValueError):
    """A model file cannot be imported."""


class CorruptModelError(ModelError):
    """The file contradicts itself or ends too early: no converter wrote it like this."""


class UnsupportedModelError(ModelError):
    """The file is sound, but holds something that has no int8 kernel here."""

    @classmethod
    def at(cls, operator: str, layer: str, why: str, remedy: str) -> UnsupportedModelError:
        """Compose the message from its four parts."""
        return cls(f"{operator} in layer {layer!r}: {why}; {remedy}")
