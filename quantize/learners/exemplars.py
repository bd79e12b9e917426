"""Learners that keep every shot: distances to stored examples, and the nearest one (Siamese networks).

Twin of ``kshot_exemplars.c`` and ``kshot_nearest.c``. docs/int8_semantics.md, "Exemplars", is the contract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.learners.base import NO_MARGIN, Answers, Int8Array, Int8Learner, check_episode, gap_to_second


def class_distances(support: Int8Array, queries: Int8Array) -> npt.NDArray[np.int64]:
    """Squared distance of each query to the nearest shot of each class.

    Parameters
    ----------
    support : int8 [n_way, k_shot, d]
    queries : int8 [n, d]

    Returns
    -------
    int64 [n, n_way]
        In units of the embedding's scale, squared.
    """
    n_way, k_shot, length = support.shape
    # Products in binary64, where every term is an integer below 2**53.
    a, b = queries.astype(np.float64), support.reshape(-1, length).astype(np.float64)
    exact = (a * a).sum(axis=1)[:, None] - 2 * (a @ b.T) + (b * b).sum(axis=1)
    table: npt.NDArray[np.int64] = exact.astype(np.int64).reshape(len(queries), n_way, k_shot).min(axis=2)
    return table


@dataclass(frozen=True)
class Nearest(Int8Learner):
    """The class of the nearest shot wins (the Siamese learner)."""

    def answer(self, support: Int8Array, queries: Int8Array) -> Answers:
        """As `Int8Learner.answer`; distances are squared, in units of the embedding's scale, and so are margins."""
        check_episode(support, queries)
        table = class_distances(support, queries)
        margins = np.full(len(table), NO_MARGIN, np.uint32)
        if len(support) > 1:
            margins = gap_to_second(-table).astype(np.uint32)
        return Answers(table.argmin(axis=1), table.min(axis=1).astype(np.uint32), margins)
