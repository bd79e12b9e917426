"""Embeddings scaled to length 1, for methods that compare their directions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.backend import load_tensorflow

_SMALLEST_SQUARE = 1e-12


def unit(rows: Any) -> Any:
    """Rows of length 1 from a float32 tensor [n, d]; a row of zeros stays one."""
    tf = load_tensorflow()
    return rows * tf.math.rsqrt(tf.maximum(tf.reduce_sum(tf.square(rows), axis=-1, keepdims=True), _SMALLEST_SQUARE))


def unit_rows(rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """`unit` in NumPy and binary64."""
    exact = rows.astype(np.float64)
    lengths = np.sqrt(np.maximum(np.square(exact).sum(axis=-1, keepdims=True), _SMALLEST_SQUARE))
    unit: npt.NDArray[np.float64] = exact / lengths
    return unit
