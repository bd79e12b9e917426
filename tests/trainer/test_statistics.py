"""Intervals and paired tests against what is known of them: closed forms, SciPy, whole enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from trainer.statistics import Interval, class_bootstrap, holm, paired_t, sign_flip


def test_the_bootstrap_draws_whole_classes() -> None:
    """Against the definition, written out: draw classes, collect all their queries, take the mean."""
    rng = np.random.default_rng(0)
    units = np.stack([rng.choice(6, 3, replace=False) for _ in range(40)])
    hits = rng.random((40, 3))
    found = class_bootstrap(hits, units, rng=np.random.default_rng(1), resamples=4000)
    means = []
    for _ in range(4000):
        drawn = rng.integers(0, 6, 6)
        means.append(np.concatenate([hits[units == unit] for unit in drawn]).mean())
    low, high = np.quantile(means, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)
    assert found.low < hits.mean() < found.high


def test_the_bootstrap_knows_the_spread_of_classes() -> None:
    """Where classes differ and episodes do not, its width is that of a mean over so many classes, not over episodes."""
    rng = np.random.default_rng(0)
    ability = rng.beta(8, 2, 50)
    units = np.stack([rng.choice(50, 5, replace=False) for _ in range(5000)])
    found = class_bootstrap(ability[units], units, rng=rng)
    assert found.high - found.low == pytest.approx(2 * 1.96 * ability.std() / np.sqrt(50), rel=0.15)


def test_classes_that_are_one_character_are_drawn_as_one() -> None:
    """Rotations that rise and fall together do not count as so many observations."""
    rng = np.random.default_rng(0)
    ability = np.tile(rng.random(20), 4)
    classes = np.stack([rng.choice(80, 5, replace=False) for _ in range(2000)])
    apart = class_bootstrap(ability[classes], classes, rng=np.random.default_rng(1))
    together = class_bootstrap(ability[classes], classes % 20, rng=np.random.default_rng(1))
    assert together.high - together.low > 1.7 * (apart.high - apart.low)


def test_equal_classes_have_no_spread() -> None:
    """One class, or classes that are all recognised alike, give an interval of one point."""
    units = np.array([[0, 1], [1, 2]])
    assert class_bootstrap(np.full((2, 2), 0.75), units, rng=np.random.default_rng(0)) == Interval(0.75, 0.75)
    mixed = class_bootstrap(np.array([[0.0, 1.0]]), np.array([[7, 7]]), rng=np.random.default_rng(0))
    assert mixed == Interval(0.5, 0.5)


def test_nothing_to_resample_is_refused() -> None:
    """No accuracy, or not one for each class; an interval upside down."""
    for hits, units in [(np.zeros((0, 2)), np.zeros((0, 2), int)), (np.zeros((2, 2)), np.zeros((2, 3), int))]:
        with pytest.raises(ValueError, match="one for each, and at least one"):
            class_bootstrap(hits, units, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="interval from 1 to 0"):
        Interval(1, 0)


def test_paired_t_is_students() -> None:
    """As SciPy computes it on the two samples; columns without any difference, or with no spread, are certain."""
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(0)
    first, second = rng.random((30, 4)), rng.random((30, 4)) - 0.1
    np.testing.assert_allclose(paired_t(first - second), ttest_rel(first, second).pvalue, rtol=1e-10)
    assert paired_t(np.array([[0.0, 0.5], [0.0, 0.5], [0.0, 0.5]])).tolist() == [1.0, 0.0]


def test_sign_flips_approach_the_whole_enumeration() -> None:
    """Ten episodes have 1,024 sign patterns; random ones find the same share, every column by itself."""
    rng = np.random.default_rng(3)
    differences = np.stack([rng.normal(0.3, 0.5, 10), rng.normal(0, 0.5, 10), np.round(rng.normal(0.2, 1, 10))], axis=1)
    signs = np.array(list(product((-1, 1), repeat=10)))
    exact = (np.abs(signs @ differences) >= np.abs(differences.sum(axis=0)) - 1e-12).mean(axis=0)
    found = sign_flip(differences, rng=np.random.default_rng(0), flips=20_000)
    np.testing.assert_allclose(found, exact, atol=0.012)


def test_sign_flips_at_the_ends() -> None:
    """No difference at all is no evidence; the smallest p value is that of the observed pattern alone."""
    assert sign_flip(np.zeros((50, 2)), rng=np.random.default_rng(0), flips=99).tolist() == [1.0, 1.0]
    assert sign_flip(np.ones((50, 1)), rng=np.random.default_rng(0), flips=1500).tolist() == [1 / 1501]


def test_sign_flips_raise_false_alarms_as_often_as_promised() -> None:
    """Between systems that are alike, one in twenty p values lies below 0.05."""
    differences = np.random.default_rng(0).normal(size=(60, 2000))
    p = sign_flip(differences, rng=np.random.default_rng(1), flips=1000)
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.015)


def test_holm_steps_down() -> None:
    """A worked example: 4 x 0.005, 3 x 0.01, then 2 x 0.03, which the larger 0.04 does not go below."""
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert holm(np.array([0.2])).tolist() == [0.2]
