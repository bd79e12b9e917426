"""The prototypical learner in integers: twin of ``kshot_prototypes.c``, equal to it in every bit.

A class is the mean of its shots' int8 embeddings, kept with four fractional bits; a query goes to the class whose
prototype is nearest in squared Euclidean distance (Snell, Swersky and Zemel, 2017). Sums are exact, so the order of the
shots does not matter. docs/int8_semantics.md, "Prototypes", is the contract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FRACTION_BITS = 4
MAX_SHOTS = 4095
MAX_EMBEDDING_LEN = 256
NO_MARGIN = 2**32 - 1


@dataclass(frozen=True, eq=False)
class Answers:
    """What a device would answer, one element per query.

    Attributes
    ----------
    ways : int64 [n]
        The nearest class, as a row of the support; of equally near ones the earliest enrolled.
    distances : uint32 [n]
        Squared distance to its prototype, in units of (embedding scale / 16)**2.
    margins : uint32 [n]
        How much farther the second class is; `NO_MARGIN` where there is none.
    """

    ways: npt.NDArray[np.int64]
    distances: npt.NDArray[np.uint32]
    margins: npt.NDArray[np.uint32]

    def differing(self, other: Answers) -> int:
        """Count the queries to which `other` says anything else: another class, distance or margin."""
        same = (self.ways == other.ways) & (self.distances == other.distances) & (self.margins == other.margins)
        return int((~same).sum())


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


def answer(support: npt.NDArray[np.int8], queries: npt.NDArray[np.int8]) -> Answers:
    """Enroll the classes of `support` in their order and classify.

    Parameters
    ----------
    support : int8 [n_way, k_shot, d]
    queries : int8 [n, d]

    Raises
    ------
    ValueError
        If the shapes or dtypes do not fit.
    """
    points = prototypes(support)
    if queries.dtype != np.int8 or queries.shape[1:] != points.shape[1:]:
        raise ValueError(f"queries are {queries.dtype}{queries.shape}, expected int8[n, {points.shape[1]}]")
    table = distances(points, queries)
    ways = table.argmin(axis=1).astype(np.int64)
    nearest = table[np.arange(len(table)), ways]
    margins = np.full(len(table), NO_MARGIN, np.uint32)
    if len(points) > 1:
        margins = np.partition(table, 1, axis=1)[:, 1] - nearest
    return Answers(ways=ways, distances=nearest, margins=margins)


def classify(support: npt.NDArray[np.int8], queries: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """The nearest class of each query; a `trainer.evaluate.Classifier` on int8 embeddings.

    Parameters
    ----------
    support : int8 [n_way, k_shot, d]
    queries : int8 [n, d]

    Returns
    -------
    int64 [n]
        Rows of the support.
    """
    return answer(support, queries).ways
