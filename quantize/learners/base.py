"""What a device answers, and what every learner in integers has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int8Array = npt.NDArray[np.int8]

MAX_EMBEDDING_LEN = 256
NO_MARGIN = 2**32 - 1


@dataclass(frozen=True, eq=False)
class Answers:
    """What a device would answer, one element per query.

    Attributes
    ----------
    ways : int64 [n]
        The class that won, as a row of the support; of equally good ones the earliest enrolled.
    distances : uint32 [n]
        Squared distance to what the class has learned; unit and point are the learner's.
    margins : uint32 [n]
        How far the second class lies behind, in the learner's unit; `NO_MARGIN` where there is none.
    """

    ways: npt.NDArray[np.int64]
    distances: npt.NDArray[np.uint32]
    margins: npt.NDArray[np.uint32]

    def differing(self, other: Answers) -> int:
        """Count the queries to which `other` says anything else: another class, distance or margin."""
        same = (self.ways == other.ways) & (self.distances == other.distances) & (self.margins == other.margins)
        return int((~same).sum())


class Int8Learner(ABC):
    """A learner as the device computes it: twin of one C file of the runtime, equal to it in every bit."""

    @abstractmethod
    def answer(self, support: Int8Array, queries: Int8Array) -> Answers:
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

    def classify(self, support: Int8Array, queries: Int8Array) -> npt.NDArray[np.int64]:
        """The winning class of each query, int64 [n]; a `trainer.evaluate.Classifier` on int8 embeddings."""
        return self.answer(support, queries).ways


def check_episode(support: Int8Array, queries: Int8Array) -> None:
    """Refuse what no device could be given.

    Raises
    ------
    ValueError
        If shapes or dtypes are not those of `Int8Learner.answer`, or the embedding is too long for a device.
    """
    if support.ndim != 3 or support.dtype != np.int8 or 0 in support.shape:
        raise ValueError(f"support is {support.dtype}{support.shape}, expected int8[n_way, k_shot, d]")
    length = support.shape[2]
    if length > MAX_EMBEDDING_LEN:
        raise ValueError(f"embeddings of {length} values; a device takes up to {MAX_EMBEDDING_LEN}")
    if queries.dtype != np.int8 or queries.ndim != 2 or queries.shape[1] != length:
        raise ValueError(f"queries are {queries.dtype}{queries.shape}, expected int8[n, {length}]")


def gap_to_second(scores: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How much smaller the second largest value of each row is than the largest; rows have two values or more."""
    ordered = np.partition(scores, -2, axis=1)
    gaps: npt.NDArray[np.int64] = ordered[:, -1] - ordered[:, -2]
    return gaps
