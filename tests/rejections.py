"""Rejections with tables made up at random, and ones that a person can work out."""

from __future__ import annotations

import numpy as np

from quantize.rejection import RATE_KNOTS, Rejection


def plain_rejection(*, impostors: np.ndarray | None = None, factor: float = 1.0, prior: int = 1600) -> Rejection:
    """Every factor the same, the highest rate's twice that; spread 50."""
    factors = np.full((2, 1, RATE_KNOTS), factor * (1 << 14), np.uint16)
    factors[..., -1] *= 2
    given = np.array([[40, 0], [0, 60], *[[127, 127]] * 6], np.int8) if impostors is None else impostors
    return Rejection(
        impostors=given,
        factors=factors,
        priors=np.full((2, 1), prior, np.uint32),
        typical=np.array([100], np.uint32),
        far=np.array([400], np.uint32),
        spread=50,
        calibrated_on="validation",
    )


def random_rejection(rng: np.random.Generator, length: int, *, impostors: int = 40, unit: int = 1) -> Rejection:
    """Tables without any order, such as make verdicts of every kind for distances of uniform int8 values."""
    ways, shots = rng.integers(1, 7, 2)
    usual = 2500 * length * unit
    return Rejection(
        impostors=rng.integers(-128, 128, (impostors, length)).astype(np.int8),
        factors=np.sort(rng.integers(0, 1 << 16, (ways, shots, RATE_KNOTS)), axis=2).astype(np.uint16),
        priors=rng.integers(1, usual, (ways, shots)).astype(np.uint32),
        typical=rng.integers(1, usual, shots).astype(np.uint32),
        far=rng.integers(1, usual, shots).astype(np.uint32),
        spread=int(rng.integers(1, 2000 * length)),
        calibrated_on="training",
        classes=("a", "b"),
    )
