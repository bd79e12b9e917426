"""The few pictures that a generated example enrolls and asks about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firmware_gen.c_literals import CType, array, string

if TYPE_CHECKING:
    from quantize.artifact import Examples

LABEL_BYTES = 24  # KSHOT_LABEL_BYTES of runtime/kshot.h, with the terminating zero

_CLASSES, _SHOTS, _QUERIES = 5, 3, 3


@dataclass(frozen=True)
class ExamplesView:
    """``examples.h`` as text: labels as string literals, and inputs class by class, shots before queries."""

    labels: tuple[str, ...]
    shots: int
    queries: int
    ctype: CType
    size: str
    text: str

    @property
    def raw(self) -> bool:
        """Whether the inputs are raw values, which the device has to quantize."""
        return self.ctype == "uint8_t"


def examples_view(stored: Examples, *, max_classes: int, max_shots: int) -> ExamplesView | None:
    """Choose the first few examples of the first classes that have at least two; None when no two classes do.

    Parameters
    ----------
    stored : Examples
    max_classes, max_shots : int
        That the device has room for.
    """
    counts = np.bincount(stored.labels, minlength=len(stored.class_names))
    chosen = [c for c in range(len(stored.class_names)) if counts[c] >= 2][: min(_CLASSES, max_classes)]
    if len(chosen) < 2:
        return None
    each = min(_SHOTS + _QUERIES, 2 * max_shots, *(int(counts[c]) for c in chosen))
    rows = np.concatenate([np.flatnonzero(stored.labels == c)[:each] for c in chosen])
    inputs = stored.inputs[rows].reshape(len(rows), -1)
    ctype: CType = "uint8_t" if inputs.dtype == np.uint8 else "int8_t"
    queries = min(_QUERIES, each // 2)
    return ExamplesView(
        labels=tuple(string(label) for label in device_labels([stored.class_names[c] for c in chosen])),
        shots=each - queries,
        queries=queries,
        ctype=ctype,
        size=" * ".join(map(str, inputs.shape)),
        text=array(inputs, ctype),
    )


def device_labels(names: Sequence[str]) -> list[str]:
    """Cut class names to what a device stores, whole characters only, and keep them apart."""
    labels: list[str] = []
    for number, name in enumerate(names, start=1):
        label = _cut(name, LABEL_BYTES - 1)
        if not label or label in labels:
            suffix = f"#{number}"
            label = _cut(name, LABEL_BYTES - 1 - len(suffix)) + suffix
        labels.append(label)
    return labels


def _cut(text: str, limit_bytes: int) -> str:
    return text.replace("\0", "").encode("utf-8", "replace")[:limit_bytes].decode("utf-8", "ignore")
