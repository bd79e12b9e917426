"""The prototypical learner in integers: twin of ``kshot_prototypes.c``, equal to it in every bit.

A class is the mean of its shots' int8 embeddings, kept with four fractional bits; a query goes to the class whose
prototype is nearest in squared Euclidean distance (Snell, Swersky and Zemel, 2017). Sums are exact, so the order of the
shots does not matter. docs/int8_semantics.md, "Prototypes", is the contract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.learners.base import Answers, Enrolled, Int8Array, Int8Learner, Support, margins_of

FRACTION_BITS = 4


def prototypes(support: Support) -> npt.NDArray[np.int16]:
    """Means of the shots of each class.

    Parameters
    ----------
    support : int8 [n_way, k_shot, d], or for each class int8 [k, d]

    Returns
    -------
    int16 [n_way, d]
        ``16 * sum / k_shot``, halves rounded away from zero: Q4, in [-2048, 2032].

    Raises
    ------
    ValueError
        As `Int8Learner.answer`.
    """
    return _means(Enrolled.of(support))


def _means(enrolled: Enrolled) -> npt.NDArray[np.int16]:
    counts = enrolled.counts[:, np.newaxis]
    scaled = np.add.reduceat(enrolled.shots.astype(np.int64), enrolled.starts, axis=0) << FRACTION_BITS
    magnitude = (np.abs(scaled) + counts // 2) // counts
    means: npt.NDArray[np.int16] = (np.sign(scaled) * magnitude).astype(np.int16)
    return means


def distances(points: npt.NDArray[np.int16], queries: Int8Array) -> npt.NDArray[np.uint32]:
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
    """The class of the nearest prototype wins; distances and margins in units of (embedding scale / 16)**2."""

    def _answer(self, enrolled: Enrolled, queries: Int8Array) -> Answers:
        table = distances(_means(enrolled), queries).astype(np.int64)
        return Answers(table.argmin(axis=1), table.min(axis=1).astype(np.uint32), margins_of(-table))
