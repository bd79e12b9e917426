"""Learners that keep every shot: distances to stored examples, and the nearest one (Siamese networks).

Twin of ``kshot_exemplars.c`` and ``kshot_nearest.c``. docs/int8_semantics.md, "Exemplars", is the contract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.learners.base import Answers, Enrolled, Int8Array, Int8Learner, margins_of

MAX_DISTANCE = 256 * 255**2


def class_distances(enrolled: Enrolled, queries: Int8Array) -> npt.NDArray[np.int64]:
    """Squared distance of each query to the nearest shot of each class.

    Parameters
    ----------
    enrolled : Enrolled
    queries : int8 [n, d]

    Returns
    -------
    int64 [n, n_way]
        In units of the embedding's scale, squared.
    """
    table: npt.NDArray[np.int64] = np.minimum.reduceat(
        squared_distances(queries, enrolled.shots), enrolled.starts, axis=1
    )
    return table


def squared_distances(a: Int8Array, b: Int8Array) -> npt.NDArray[np.int64]:
    """Squared distance of each row of `a`, int8 [n, d], to each of `b`, int8 [m, d], int64 [n, m]; exact."""
    # products in binary64, where every term is an integer below 2**53
    x, y = a.astype(np.float64), b.astype(np.float64)
    exact = (x * x).sum(axis=1)[:, None] - 2 * (x @ y.T) + (y * y).sum(axis=1)
    squared: npt.NDArray[np.int64] = exact.astype(np.int64)
    return squared


@dataclass(frozen=True)
class Nearest(Int8Learner):
    """The class of the nearest shot wins (the Siamese learner); distances and margins in units of the scale, squared.

    Attributes
    ----------
    same_distance : int
        Up to it, a sample counts as one of a class (`quantize.thresholds`); 0 where it was not calibrated.

    Raises
    ------
    ValueError
        If there is no such distance.
    """

    same_distance: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.same_distance <= MAX_DISTANCE:
            raise ValueError(f"same_distance is {self.same_distance}; squared distances go from 0 to {MAX_DISTANCE}")

    def _answer(self, enrolled: Enrolled, queries: Int8Array) -> Answers:
        table = class_distances(enrolled, queries)
        return Answers(table.argmin(axis=1), table.min(axis=1).astype(np.uint32), margins_of(-table))

    def verify(self, shots: Int8Array, queries: Int8Array) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint32]]:
        """Whether each query is of the class that was enrolled from `shots`.

        Parameters
        ----------
        shots : int8 [k_shot, d]
        queries : int8 [n, d]

        Returns
        -------
        same : bool [n]
        distances : uint32 [n]

        Raises
        ------
        ValueError
            If no distance was calibrated, or as `answer`.
        """
        if self.same_distance == 0:
            raise ValueError("same_distance was not calibrated: quantize the trained network again")
        distances = self.answer([shots], queries).distances
        return distances <= self.same_distance, distances
