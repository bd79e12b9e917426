"""Matching networks in integers: softmax attention over cosines, with a table of powers of two.

Twin of ``kshot_attention.c``. docs/int8_semantics.md, "Attention", is the contract.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.learners.base import Answers, Enrolled, Int8Array, Int8Learner, margins_of
from quantize.learners.exemplars import class_distances

NORM_BITS = 4
PROJECTION_BITS = 3
TABLE_BITS = 8
WEIGHT_BITS = 15
FACTOR_BITS = 16
SHARE_BITS = 16
MAX_TEMPERATURE = 5000.0

_LARGEST_PROJECTION = (1 << 15) - 1


def power_table() -> npt.NDArray[np.uint16]:
    """Powers ``2**(-i / 256)`` in Q15, uint16 [256]."""
    exponents = -np.arange(1 << TABLE_BITS) / (1 << TABLE_BITS)
    table: npt.NDArray[np.uint16] = np.floor(np.exp2(exponents) * (1 << WEIGHT_BITS) + 0.5).astype(np.uint16)
    return table


@dataclass(frozen=True)
class Attention(Int8Learner):
    """The class whose shots attract the largest sum of attention wins.

    Distances are squared, to the nearest shot of the winner, in units of the embedding's scale; margins are the
    difference of the two largest shares of attention, in Q16.

    Attributes
    ----------
    zero_point : int
        Of the embedding; cosines are those of ``q - zero_point``.
    sharpness : int
        ``round(temperature * log2(e) * 2**9)``: an exponent of two in Q8 for a difference of projections in Q3, once
        it is divided by the query's norm in Q4.

    Raises
    ------
    ValueError
        If a value lies outside of what the device's integers hold.
    """

    zero_point: int
    sharpness: int

    def __post_init__(self) -> None:
        if not -128 <= self.zero_point <= 127 or not 1 <= self.sharpness < 1 << 23:
            raise ValueError(f"attention with zero point {self.zero_point} and sharpness {self.sharpness}")

    @classmethod
    def of_temperature(cls, temperature: float, *, zero_point: int) -> Attention:
        """Quantize a learned temperature.

        Raises
        ------
        ValueError
            If it is not positive, or so large that the device's integers do not hold it.
        """
        if not 0 < temperature <= MAX_TEMPERATURE:
            raise ValueError(f"temperature is {temperature}; attention takes values in (0, {MAX_TEMPERATURE:g}]")
        scale = 1 << (TABLE_BITS + NORM_BITS - PROJECTION_BITS)
        return cls(zero_point=zero_point, sharpness=max(1, math.floor(temperature * math.log2(math.e) * scale + 0.5)))

    def _answer(self, enrolled: Enrolled, queries: Int8Array) -> Answers:
        a, b = (rows.astype(np.int64) - self.zero_point for rows in (queries, enrolled.shots))
        projections = _projections(a, b)
        norms = _norms(a)
        factors = np.where(norms == 0, 0, (self.sharpness << FACTOR_BITS) // np.maximum(norms, 1))
        behind = projections.max(axis=1, keepdims=True) - projections
        exponents = (behind * factors[:, None] + (1 << (FACTOR_BITS - 1))) >> FACTOR_BITS
        shifts = np.minimum(exponents >> TABLE_BITS, 31)
        weights = power_table().astype(np.int64)[exponents & ((1 << TABLE_BITS) - 1)] >> shifts
        sums = np.add.reduceat(weights, enrolled.starts, axis=1)
        ways = sums.argmax(axis=1)
        margins = margins_of(sums)
        if sums.shape[1] > 1:
            margins = ((margins.astype(np.int64) << SHARE_BITS) // sums.sum(axis=1)).astype(np.uint32)
        distances = class_distances(enrolled, queries)[np.arange(len(queries)), ways].astype(np.uint32)
        return Answers(ways, distances, margins)


def _projections(queries: npt.NDArray[np.int64], shots: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Projection of each query on each shot's direction in Q3, truncated towards zero, int64 [n, m]; 0 on a zero."""
    # products in binary64, where every term is an integer below 2**53
    products = (queries.astype(np.float64) @ shots.T.astype(np.float64)).astype(np.int64)
    magnitudes = (np.abs(products) << (NORM_BITS + PROJECTION_BITS)) // np.maximum(_norms(shots), 1)
    projections: npt.NDArray[np.int64] = np.sign(products) * np.minimum(magnitudes, _LARGEST_PROJECTION)
    return projections


def _norms(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Euclidean lengths in Q4, rounded down, int64 [n]; they fit 16 bits."""
    # binary64 takes exact roots of squares below 2**53, and rounds no root of a smaller integer up to the next one
    squares = (rows * rows).sum(axis=1) << (2 * NORM_BITS)
    norms: npt.NDArray[np.int64] = np.floor(np.sqrt(squares.astype(np.float64))).astype(np.int64)
    return norms
