"""Rejection of unknown classes in integers: twin of ``kshot_reject.c``, equal to it in every bit.

A class accepts what lies within its threshold. Thresholds follow from a requested false-accept rate, the share of
samples of no enrolled class that are accepted as any of them, and from three things: a table that the host calibrated
by number of classes, number of shots and rate (`quantize.reject_calibration`); how near impostors, samples of training
classes that travel with the model, come to the classes that are enrolled; and how far a class's own shots spread.
docs/int8_semantics.md, "Rejection", is the contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from quantize.learners import Answers, Int8Learner, Prototypes, Support
from quantize.learners.base import Enrolled, Int8Array
from quantize.learners.exemplars import class_distances, squared_distances
from quantize.learners.prototypes import FRACTION_BITS, distances, prototypes
from quantize.rejection import LOWEST_RATE_BITS, RATE_KNOTS, Rejection

Int64Array = npt.NDArray[np.int64]
UInt32Array = npt.NDArray[np.uint32]
Table = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]

RATE_ONE = 1 << 16
FACTOR_BITS = 14
RATIO_BITS = 7
SPREAD_SHOTS = 8
"""The calibrated spread counts as much as so many shots beyond the first."""
SPREAD_SHOTS_MAX = 63
DOUBT_OCTAVES = 2
"""Doubt reaches as far as a rate four times as high would accept."""
NEARLY_BITS = 2
"""A second class is nearly as near when it lies at most a quarter of the distance further."""

_LARGEST = 2**32 - 1


class Verdict(IntEnum):
    """What a device says of its answer (``kshot_verdict``)."""

    UNKNOWN = 0
    UNCERTAIN = 1
    ACCEPT = 2


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Of each class, in the learner's unit of distance.

    Attributes
    ----------
    accept : uint32 [n_way]
        Up to here the class accepts.
    doubt : uint32 [n_way]
        Up to here it is uncertain; at least `accept`.
    """

    accept: UInt32Array
    doubt: UInt32Array


def rate_of(share: float) -> int:
    """A false-accept rate as a fraction of 1 in Q16.

    Raises
    ------
    ValueError
        If the table does not reach so far.
    """
    rate = round(share * RATE_ONE)
    lowest, highest = 1 << LOWEST_RATE_BITS, 1 << (LOWEST_RATE_BITS + RATE_KNOTS - 1)
    if not lowest <= rate <= highest:
        raise ValueError(
            f"a false-accept rate of {share:g}; rates from {lowest / RATE_ONE:g} to {highest / RATE_ONE:g} work"
        )
    return rate


def unit_bits(learner: Int8Learner) -> int:
    """How many bits a learner's squared distances have beyond those of the embedding's scale."""
    return 2 * FRACTION_BITS if isinstance(learner, Prototypes) else 0


def distances_to_classes(learner: Int8Learner, support: Support, queries: Int8Array) -> Int64Array:
    """Distance of each query to what each class has learned, int64 [n, n_way], in the learner's unit."""
    if isinstance(learner, Prototypes):
        return distances(prototypes(support), queries).astype(np.int64)
    return class_distances(Enrolled.of(support), queries)


def spreads(support: Support) -> Int64Array:
    """Mean squared distance of each class's shots from their mean, over degrees of freedom, int64 [n_way]; 0 for one.

    In units of the scale. Each shot's square is kept as ``(sum(x**2) + 8) >> 4``, so that 4,095 of them fit 32 bits.
    """
    enrolled = Enrolled.of(support)
    counts = enrolled.counts
    squares = ((enrolled.shots.astype(np.int64) ** 2).sum(axis=1) + 8) >> 4
    sums = np.add.reduceat(squares, enrolled.starts)
    means = prototypes(support).astype(np.int64)
    whole = 16 * (sums // counts) + 16 * (sums % counts) // counts
    variances = np.maximum(whole - ((means * means).sum(axis=1) >> (2 * FRACTION_BITS)), 0)
    beyond = np.maximum(counts - 1, 1)
    found: Int64Array = np.where(counts > 1, variances + variances // beyond, 0)
    return found


def base_of_impostors(nearest: Int64Array, tail_bits: int) -> int:
    """Mean of the ``2**tail_bits`` smallest of the impostors' distances to their nearest class, rounded down."""
    return int(np.partition(nearest, (1 << tail_bits) - 1)[: 1 << tail_bits].sum()) >> tail_bits


def ratios(support: Support, spread: int) -> Int64Array:
    """How much wider than usual each class spreads, int64 [n_way], Q7 in [1/2, 2], shrunk towards 1.

    1 where nothing is known of it, as of one shot.
    """
    beyond = np.minimum(Enrolled.of(support).counts - 1, SPREAD_SHOTS_MAX)
    known = spreads(support)
    shrunk = (known * beyond + SPREAD_SHOTS * spread) // (beyond + SPREAD_SHOTS)
    ratio = np.where(known == 0, 1 << RATIO_BITS, (np.minimum(shrunk, 2 * spread) << RATIO_BITS) // spread)
    wider: Int64Array = np.maximum(ratio, 1 << (RATIO_BITS - 1))
    return wider


def thresholds(learner: Int8Learner, rejection: Rejection, support: Support, *, rate: int) -> Thresholds:
    """Thresholds of the enrolled classes.

    Parameters
    ----------
    learner : Int8Learner
    rejection : Rejection
    support : int8 [n_way, k_shot, d], or for each class int8 [k, d]
    rate : int
        From `rate_of`.
    """
    counts = Enrolled.of(support).counts
    nearest = distances_to_classes(learner, support, rejection.impostors).min(axis=1)
    base = base_of_impostors(nearest, rejection.tail_bits)
    wide = ratios(support, rejection.spread)
    looser = min(rate << DOUBT_OCTAVES, 1 << (LOWEST_RATE_BITS + RATE_KNOTS - 1))
    found = []
    for shots, ratio in zip(map(int, counts), map(int, wide), strict=True):
        usual = _between(rejection.priors[..., None], len(counts), shots, rate=None)
        unit = ((base + usual) >> 1) * ratio
        factors = [_between(rejection.factors, len(counts), shots, rate=wanted) for wanted in (rate, looser)]
        found.append([min((factor * unit) >> (FACTOR_BITS + RATIO_BITS), _LARGEST) for factor in factors])
    accept, doubt = np.array(found, np.uint32).T
    return Thresholds(accept, doubt)


def typical_distance(rejection: Rejection, shots: int) -> int:
    """The distance within which half of a class's own samples lie, of a class of so many shots."""
    return _line(rejection.typical, *_position(shots, 0, len(rejection.typical)))


def far_distance(rejection: Rejection, shots: int) -> int:
    """The distance within which 49 of 50 of a class's own samples lie, of a class of so many shots."""
    return _line(rejection.far, *_position(shots, 0, len(rejection.far)))


def _between(table: Table, ways: int, shots: int, *, rate: int | None) -> int:
    """Between knots: first along the rate, then the shots, then the classes, rounded down at each."""
    at_rate = (0, 0) if rate is None else _position(rate, LOWEST_RATE_BITS, table.shape[2])
    at_shots = _position(shots, 0, table.shape[1])
    rows = [_line([_line(row, *at_rate) for row in plane], *at_shots) for plane in table]
    return _line(rows, *_position(ways, 0, len(rows)))


def _position(value: int, lowest_bits: int, knots: int) -> tuple[int, int]:
    """Which knot, of those at ``2**(lowest_bits + i)``, a value lies behind, and how far on to the next one, Q8.

    The way is measured in logarithms: ``log2(1 + x)`` is within 0.01 of ``x + 11/32 * x * (1 - x)``.
    """
    octave = value.bit_length() - 1
    index = octave - lowest_bits
    if index >= knots - 1:
        return knots - 1, 0
    part = ((value - (1 << octave)) << 8) >> octave
    return index, part + ((part * (256 - part) * 11) >> 13)


def _line(values: Sequence[int] | Table, index: int, fraction: int) -> int:
    after = min(index + 1, len(values) - 1)
    return (int(values[index]) * (256 - fraction) + int(values[after]) * fraction) >> 8


def answer(
    learner: Int8Learner,
    rejection: Rejection,
    support: Support,
    queries: Int8Array,
    *,
    rate: int,
    negatives: Int8Array | None = None,
) -> tuple[Answers, Int64Array]:
    """What a device answers, and its verdicts.

    Parameters
    ----------
    learner : Int8Learner
    rejection : Rejection
    support : int8 [n_way, k_shot, d], or for each class int8 [k, d]
    queries : int8 [n, d]
    rate : int
        From `rate_of`.
    negatives : int8 [m, d], optional
        What was enrolled as "not this".

    Returns
    -------
    answers : Answers
    verdicts : int64 [n]
        Values of `Verdict`.
    """
    answers = learner.answer(support, queries)
    return answers, verdicts(answers, learner, rejection, support, queries, rate=rate, negatives=negatives)


def verdicts(
    answers: Answers,
    learner: Int8Learner,
    rejection: Rejection,
    support: Support,
    queries: Int8Array,
    *,
    rate: int,
    negatives: Int8Array | None = None,
) -> Int64Array:
    """Judge answers that a learner gave, values of `Verdict`, int64 [n]; arguments as those of `answer`."""
    limits = thresholds(learner, rejection, support, rate=rate)
    table = distances_to_classes(learner, support, queries)
    rows = np.arange(len(queries))
    own = answers.distances.astype(np.int64)
    found = np.full(len(queries), Verdict.UNKNOWN, np.int64)
    found[own <= limits.doubt[answers.ways]] = Verdict.UNCERTAIN
    found[own <= limits.accept[answers.ways]] = Verdict.ACCEPT
    rivals = (table <= limits.accept) & (table - own[:, None] <= own[:, None] >> NEARLY_BITS)
    rivals[rows, answers.ways] = False
    found[(found == Verdict.ACCEPT) & rivals.any(axis=1)] = Verdict.UNCERTAIN
    if negatives is not None and len(negatives):
        against = squared_distances(queries, negatives).min(axis=1) << unit_bits(learner)
        found[against < own] = Verdict.UNKNOWN
    return found
