"""Matching networks in integers: softmax attention over cosines, with a table of powers of two.

Twin of ``kshot_attention.c``. docs/int8_semantics.md, "Attention", is the contract.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.learners.base import NO_MARGIN, Answers, Int8Array, Int8Learner, check_episode, gap_to_second
from quantize.learners.exemplars import class_distances

COSINE_BITS = 15
NORM_BITS = 4
TABLE_BITS = 8
WEIGHT_BITS = 15
SHARPNESS_BITS = 16
MAX_TEMPERATURE = 5000.0


def power_table() -> npt.NDArray[np.uint16]:
    """Powers ``2**(-i / 256)`` in Q15, uint16 [256]."""
    exponents = -np.arange(1 << TABLE_BITS) / (1 << TABLE_BITS)
    table: npt.NDArray[np.uint16] = np.floor(np.exp2(exponents) * (1 << WEIGHT_BITS) + 0.5).astype(np.uint16)
    return table


@dataclass(frozen=True)
class Attention(Int8Learner):
    """The class whose shots attract the largest sum of attention wins.

    Attributes
    ----------
    zero_point : int
        Of the embedding; cosines are those of ``q - zero_point``.
    sharpness : int
        ``round(temperature * log2(e) * 2**9)``: from a difference of cosines in Q15, 16 bits to the right, to an
        exponent of two in Q8.
    """

    zero_point: int
    sharpness: int

    @classmethod
    def of_temperature(cls, temperature: float, *, zero_point: int) -> Attention:
        """Quantize a learned temperature.

        Raises
        ------
        ValueError
            If it is not positive, or so large that its multiplier leaves 32 bits.
        """
        if not 0 < temperature <= MAX_TEMPERATURE:
            raise ValueError(f"temperature is {temperature}; attention takes values in (0, {MAX_TEMPERATURE:g}]")
        scale = 1 << (TABLE_BITS + SHARPNESS_BITS - COSINE_BITS)
        return cls(zero_point=zero_point, sharpness=max(1, math.floor(temperature * math.log2(math.e) * scale + 0.5)))

    def answer(self, support: Int8Array, queries: Int8Array) -> Answers:
        """As `Int8Learner.answer`.

        Distances are squared, to the nearest shot of the winner, in units of the embedding's scale; margins are the
        difference of the two largest shares of attention, in Q16.
        """
        check_episode(support, queries)
        n_way, k_shot, length = support.shape
        cosines = self._cosines(support.reshape(-1, length), queries)
        exponents = ((cosines.max(axis=1, keepdims=True) - cosines) * self.sharpness + (1 << 15)) >> SHARPNESS_BITS
        shifts = np.minimum(exponents >> TABLE_BITS, 31)
        weights = power_table().astype(np.int64)[exponents & ((1 << TABLE_BITS) - 1)] >> shifts
        sums = weights.reshape(len(queries), n_way, k_shot).sum(axis=2)
        ways = sums.argmax(axis=1)
        margins = np.full(len(queries), NO_MARGIN, np.uint32)
        if n_way > 1:
            margins = ((gap_to_second(sums) << 16) // sums.sum(axis=1)).astype(np.uint32)
        distances = class_distances(support, queries)[np.arange(len(queries)), ways].astype(np.uint32)
        return Answers(ways, distances, margins)

    def _cosines(self, shots: Int8Array, queries: Int8Array) -> npt.NDArray[np.int64]:
        """Cosines in Q15, truncated towards zero, int64 [n, shots]; 0 where a vector is zero."""
        a, b = (rows.astype(np.int64) - self.zero_point for rows in (queries, shots))
        products = (a.astype(np.float64) @ b.T.astype(np.float64)).astype(np.int64)
        lengths = _norms(a)[:, None] * _norms(b)
        magnitudes = (np.abs(products) << (COSINE_BITS + 2 * NORM_BITS)) // np.maximum(lengths, 1)
        cosines: npt.NDArray[np.int64] = np.sign(products) * np.minimum(magnitudes, 1 << COSINE_BITS)
        return cosines


def _norms(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Euclidean lengths in Q4, rounded down, int64 [n]; they fit 16 bits."""
    # binary64 takes exact roots of squares below 2**53, and rounds no root of a smaller integer up to the next one
    squares = (rows * rows).sum(axis=1) << (2 * NORM_BITS)
    norms: npt.NDArray[np.int64] = np.floor(np.sqrt(squares.astype(np.float64))).astype(np.int64)
    return norms
