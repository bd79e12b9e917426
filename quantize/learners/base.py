"""What a device answers, and what every learner in integers has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int8Array = npt.NDArray[np.int8]
Support = Int8Array | Sequence[Int8Array]
"""The shots of each class: int8 [n_way, k_shot, d], or for each class int8 [k, d] with a k of its own."""

MAX_EMBEDDING_LEN = 256
MAX_SHOTS = 4095
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


@dataclass(frozen=True, eq=False)
class Enrolled:
    """The shots of all classes, class after class.

    Attributes
    ----------
    shots : int8 [n, d]
    counts : int64 [n_way]
        How many of them belong to each class, at least one.
    """

    shots: Int8Array
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, support: Support) -> Enrolled:
        """Put the classes behind each other.

        Raises
        ------
        ValueError
            If there is no class, or one without a shot; if shapes or dtypes are others than `Support` says; if there
            are more shots, or longer embeddings, than a device takes.
        """
        classes = list(support)
        lengths = {rows.shape[1] if rows.ndim == 2 else 0 for rows in classes}
        if len(lengths) != 1 or 0 in lengths or any(rows.dtype != np.int8 or not len(rows) for rows in classes):
            kinds = sorted({f"{rows.dtype}{list(rows.shape)}" for rows in classes})
            raise ValueError(f"support is {', '.join(kinds) or 'empty'}; each class needs int8[k_shot, d], k_shot >= 1")
        counts = np.array([len(rows) for rows in classes], np.int64)
        length = lengths.pop()
        if counts.max() > MAX_SHOTS or length > MAX_EMBEDDING_LEN:
            raise ValueError(
                f"{counts.max()} shots of {length} values; a device takes 1 to {MAX_SHOTS} of up to {MAX_EMBEDDING_LEN}"
            )
        return cls(np.concatenate(classes), counts)

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Where each class begins, int64 [n_way]: the indices of a ufunc's ``reduceat``."""
        starts: npt.NDArray[np.int64] = np.cumsum(self.counts) - self.counts
        return starts

    @property
    def ways(self) -> npt.NDArray[np.int64]:
        """The class of each shot, int64 [n]."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


class Int8Learner(ABC):
    """A learner as the device computes it: twin of one C file of the runtime, equal to it in every bit."""

    def answer(self, support: Support, queries: Int8Array) -> Answers:
        """Enroll the classes of `support` in their order and classify.

        Parameters
        ----------
        support : int8 [n_way, k_shot, d], or for each class int8 [k, d]
        queries : int8 [n, d]

        Raises
        ------
        ValueError
            If the shapes or dtypes do not fit, or are more than a device takes.
        """
        enrolled = Enrolled.of(support)
        length = enrolled.shots.shape[1]
        if queries.dtype != np.int8 or queries.ndim != 2 or queries.shape[1] != length:
            raise ValueError(f"queries are {queries.dtype}{list(queries.shape)}, expected int8[n, {length}]")
        return self._answer(enrolled, queries)

    def classify(self, support: Int8Array, queries: Int8Array) -> npt.NDArray[np.int64]:
        """The winning class of each query, int64 [n]; a `trainer.evaluate.Classifier` on int8 embeddings."""
        return self.answer(support, queries).ways

    @abstractmethod
    def _answer(self, enrolled: Enrolled, queries: Int8Array) -> Answers:
        """`answer`, its arguments checked."""


def margins_of(scores: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """How much smaller the second largest score is than the largest, `NO_MARGIN` for a single class.

    Parameters
    ----------
    scores : int64 [n, n_way]

    Returns
    -------
    uint32 [n]
    """
    if scores.shape[1] == 1:
        return np.full(len(scores), NO_MARGIN, np.uint32)
    ordered = np.partition(scores, -2, axis=1)
    margins: npt.NDArray[np.uint32] = (ordered[:, -1] - ordered[:, -2]).astype(np.uint32)
    return margins
