"""The prototypical learner in integers: twin of ``kshot_prototypes.c``, equal to it in every bit.

A class is the mean of its shots' int8 embeddings, kept with four fractional bits; a query goes to the class whose
prototype is nearest in squared Euclidean distance (Snell, Swersky and Zemel, 2017). Sums are exact, so the order of the
shots does not matter. docs/int8_semantics.md, "Prototypes", is the contract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.learners.base import MAX_EMBEDDING_LEN, NO_MARGIN, Answers, Int8Array, Int8Learner, gap_to_second

FRACTION_BITS = 4
MAX_SHOTS = 4095


def prototypes(support: npt.NDArray[np.int8]) -> npt.NDArray[np.int16]:
    """Means of the shots of each class.

    Parameters
    ----------
    support : int8 [n_way, k_shot, d]

    Returns
    -------
    int16 [n_way, d]
        ``16 * sum / k_shot``, halves rounded away from zero: Q4, in [-2048, 2032].

    Raises
    ------
    ValueError
        If there is no class or shot, or more shots or a longer embedding than a device takes.
    """
    if support.ndim != 3 or support.dtype != np.int8 or support.shape[0] == 0:
        raise ValueError(f"support is {support.dtype}{support.shape}, expected int8[n_way, k_shot, d]")
    shots, length = support.shape[1:]
    if not 1 <= shots <= MAX_SHOTS or not 1 <= length <= MAX_EMBEDDING_LEN:
        raise ValueError(
            f"{shots} shots of {length} values; a device takes 1 to {MAX_SHOTS} of up to {MAX_EMBEDDING_LEN}"
        )
    scaled = support.sum(axis=1, dtype=np.int64) << FRACTION_BITS
    magnitude = (np.abs(scaled) + shots // 2) // shots
    means: npt.NDArray[np.int16] = (np.sign(scaled) * magnitude).astype(np.int16)
    return means


def distances(points: npt.NDArray[np.int16], queries: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Squared distances between queries and prototypes.

    Parameters
    ----------
    points : int16 [n_way, d]
        From `prototypes`.
    queries : int8 [n, d]

    Returns
    -------
    uint32 [n, n_way]
        ``sum((16 * query - prototype)**2)``.
    """
    # |a - b|^2 = |a|^2 - 2ab + |b|^2, in binary64, where every term is an integer below 2**53
    a = queries.astype(np.float64) * (1 << FRACTION_BITS)
    b = points.astype(np.float64)
    exact = (a * a).sum(axis=1)[:, np.newaxis] - 2 * (a @ b.T) + (b * b).sum(axis=1)
    squared: npt.NDArray[np.uint32] = exact.astype(np.uint32)
    return squared


@dataclass(frozen=True)
class Prototypes(Int8Learner):
    """The class of the nearest prototype wins."""

    def answer(self, support: Int8Array, queries: Int8Array) -> Answers:
        """As `Int8Learner.answer`; distances and margins in units of (embedding scale / 16)**2."""
        points = prototypes(support)
        if queries.dtype != np.int8 or queries.shape[1:] != points.shape[1:]:
            raise ValueError(f"queries are {queries.dtype}{queries.shape}, expected int8[n, {points.shape[1]}]")
        table = distances(points, queries).astype(np.int64)
        margins = np.full(len(table), NO_MARGIN, np.uint32)
        if len(points) > 1:
            margins = gap_to_second(-table).astype(np.uint32)
        return Answers(table.argmin(axis=1), table.min(axis=1).astype(np.uint32), margins)
