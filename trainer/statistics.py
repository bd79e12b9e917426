"""Intervals and paired tests for accuracies over episodes.

All of it works on one table: ``hits [episodes, n_way]``, for each episode and each of its classes the share of the
class's queries that were recognised. Its mean over a row is the accuracy of that episode.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

RESAMPLES = 2000
FLIPS = 10_000
CONFIDENCE = 0.95

_CHUNK = 1000


@dataclass(frozen=True)
class Interval:
    """Lower and upper end, as fractions of 1.

    Raises
    ------
    ValueError
        If they are out of order.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"an interval from {self.low} to {self.high}")


def class_bootstrap(
    hits: Floats,
    units: Indices,
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Interval of the mean accuracy over other classes than those that happened to be in the test.

    A bootstrap over clusters: the queries of one class share its shape and its drawings, so it is classes that are
    drawn anew, with all their queries. Let ``S_c`` be the sum of the class's shares over the episodes it occurs in and
    ``N_c`` their number; the mean accuracy is ``sum S_c / sum N_c``. Of the C classes that occur, C are drawn with
    replacement, which gives class c the weight ``w_c``, and the statistic is ``sum w_c S_c / sum w_c N_c``; the
    interval lies between the percentiles of its values. The other classes of an episode, which a query could be
    mistaken for, stay as they were.

    Parameters
    ----------
    hits : float64 [episodes, n_way]
    units : int64 [episodes, n_way]
        What is drawn as one: the class, or the character of which rotations are classes.
    rng : numpy.random.Generator
    resamples : int
    confidence : float

    Returns
    -------
    Interval

    Raises
    ------
    ValueError
        If the shapes differ, or there is nothing to resample.

    Notes
    -----
    Percentile bootstrap: B. Efron and R. Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13; resampling
    of whole clusters: A. Davison and D. Hinkley, *Bootstrap Methods and their Application*, 1997, section 3.8.
    """
    if hits.shape != units.shape or not hits.size:
        raise ValueError(f"accuracies {hits.shape} of classes {units.shape}: one for each, and at least one, is needed")
    _, dense = np.unique(units, return_inverse=True)
    dense = dense.reshape(-1)
    sums, counts = np.bincount(dense, weights=hits.reshape(-1)), np.bincount(dense)
    weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=resamples)
    means = (weights @ sums) / (weights @ counts)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high))


def paired_t(differences: Floats) -> Floats:
    """Two-sided p values of Student's t test for paired samples.

    Parameters
    ----------
    differences : float64 [episodes, m]
        In each column, one system's accuracies less another's on the same episodes; two episodes or more.

    Returns
    -------
    float64 [m]
        1 where all differences are 0.
    """
    from scipy.special import stdtr

    n = len(differences)
    means, spreads = differences.mean(axis=0), differences.std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(means == 0, 0.0, means / (spreads / math.sqrt(n)))
    p: Floats = 2 * stdtr(n - 1, -np.abs(t))
    return p


def sign_flip(differences: Floats, *, rng: np.random.Generator, flips: int = FLIPS) -> Floats:
    """Two-sided p values of the paired permutation test.

    If two systems were alike, each episode's difference could as well have the other sign. The share of random sign
    patterns whose mean difference is at least as large as the one observed is the p value; the observed pattern counts
    as one of them: ``(1 + count) / (1 + flips)`` (B. Phipson and G. Smyth, Stat. Appl. Genet. Mol. Biol. 9, 2010). No
    distribution is assumed. All columns see the same patterns.

    Parameters
    ----------
    differences : float64 [episodes, m]
    rng : numpy.random.Generator
    flips : int
        Random patterns.

    Returns
    -------
    float64 [m]
    """
    observed = np.abs(differences.sum(axis=0))
    slack = 1e-9 * np.abs(differences).sum(axis=0)  # sums of the same numbers in another order are equal
    counts = np.zeros(differences.shape[1], np.int64)
    for start in range(0, flips, _CHUNK):
        signs = rng.integers(0, 2, (min(_CHUNK, flips - start), len(differences)), dtype=np.int8) * 2.0 - 1.0
        counts += (np.abs(signs @ differences) >= observed - slack).sum(axis=0)
    p: Floats = (1 + counts) / (1 + flips)
    return p


def holm(p_values: Floats) -> Floats:
    """Correct p values for being many, so that the chance of any false alarm stays at the level asked for.

    S. Holm, *A simple sequentially rejective multiple test procedure*, Scand. J. Statist. 6, 1979.

    Parameters
    ----------
    p_values : float64 [m]

    Returns
    -------
    float64 [m]
        In the order given; at most 1.
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate(np.minimum(1.0, (m - np.arange(m)) * p_values[order]))
    corrected = np.empty(m)
    corrected[order] = stepped
    return corrected
