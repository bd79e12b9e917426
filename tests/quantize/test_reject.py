"""Thresholds and verdicts in integers, against what a person works out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rejections import plain_rejection, random_rejection

from quantize import reject
from quantize.learners import Nearest, Prototypes
from quantize.reject import Verdict, answer, rate_of, thresholds
from quantize.rejection import MAX_IMPOSTORS, MIN_IMPOSTORS, Rejection, tail_bits_of

RATE = rate_of(0.05)
ORIGIN = np.zeros((1, 1, 2), np.int8)


def points(*rows: tuple[int, int]) -> np.ndarray:
    return np.array(rows, np.int8)


def test_a_threshold_is_a_multiple_of_base_and_prior() -> None:
    """The base is the mean of what the impostors say and the prior."""
    found = thresholds(Nearest(), plain_rejection(prior=400), ORIGIN, rate=RATE)
    assert found.accept.tolist() == [(1600 + 400) // 2]


def test_prototypes_have_finer_units() -> None:
    """The same rule on distances that are 256 times as large."""
    rejection = plain_rejection(prior=400 * 256)
    assert thresholds(Prototypes(), rejection, ORIGIN, rate=RATE).accept.tolist() == [1000 * 256]


def test_more_classes_bring_the_threshold_down() -> None:
    """A class near the impostors lowers every class's threshold."""
    support = np.stack([points((0, 0)), points((40, 20))])
    assert thresholds(Nearest(), plain_rejection(), support, rate=RATE).accept.tolist() == [1000, 1000]


def test_doubt_reaches_as_far_as_four_times_the_rate() -> None:
    """At the highest rate there is nothing beyond."""
    rejection = plain_rejection()
    low = thresholds(Nearest(), rejection, ORIGIN, rate=1 << 12)
    high = thresholds(Nearest(), rejection, ORIGIN, rate=1 << 14)
    assert (low.accept[0], low.doubt[0]) == (1600, 3200)
    assert (high.accept[0], high.doubt[0]) == (3200, 3200)


def test_values_between_knots_are_between_their_values() -> None:
    """log2(3) lies 150 of 256 of the way from 2 classes to 4; beyond the last knot its value holds."""
    factors = np.zeros((3, 2, 9), np.uint16)
    factors += np.array([100, 200, 600], np.uint16)[:, None, None]
    rejection = replace(plain_rejection(), factors=factors, priors=np.zeros((3, 2), np.uint32), typical=np.zeros(
        2, np.uint32), far=np.array([10, 30], np.uint32))  # fmt: skip
    between = [reject._between(rejection.factors, ways, 1, rate=RATE) for ways in (1, 2, 3, 4, 9)]
    assert between == [100, 200, (200 * 106 + 600 * 150) >> 8, 600, 600]
    assert [reject.far_distance(rejection, shots) for shots in (1, 2, 7)] == [10, 30, 30]


def test_the_way_between_knots_is_logarithmic() -> None:
    """Within five parts of 256 of the logarithm, and never as far as the next knot."""
    for value in range(64, 1 << 14):
        index, fraction = reject._position(value, 6, 9)
        exact = 256 * (np.log2(value) - 6 - index)
        assert fraction < 256
        assert fraction == pytest.approx(exact, abs=5)


def test_spreads_are_those_of_a_sample() -> None:
    """The sum of the coordinates' variances, over degrees of freedom; nothing is known of one shot."""
    rng = np.random.default_rng(0)
    shots = rng.integers(-128, 128, (9, 40)).astype(np.int8)
    exact = shots.astype(np.float64).var(axis=0, ddof=1).sum()
    single, several = reject.spreads([shots[:1], shots])
    assert single == 0
    assert several == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize(("second", "expected"), [(0, 128), (6, 117), (120, 256)])
def test_a_ratio_is_shrunk_and_bounded(second: int, expected: int) -> None:
    """No spread says nothing; 14 beside a usual 50 makes (14 + 8 * 50) // 9 of 50; a wide one stops at twice."""
    assert reject.ratios([points((0, 0), (0, second))], 50).tolist() == [expected]


def test_many_close_shots_halve_the_threshold() -> None:
    """The lower bound."""
    shots = np.zeros((4000, 2), np.int8)
    shots[::2, 0] = 6
    assert reject.ratios([shots], 1000).tolist() == [64]


def test_verdicts_by_distance() -> None:
    """Up to and with a threshold."""
    queries = points((-40, 0), (-41, 0), (-56, 0), (-57, 0))
    _, verdicts = answer(Nearest(), plain_rejection(), ORIGIN, queries, rate=1 << 12)
    assert verdicts.tolist() == [Verdict.ACCEPT, Verdict.UNCERTAIN, Verdict.UNCERTAIN, Verdict.UNKNOWN]


def test_nearly_equal_classes_are_uncertain() -> None:
    """164 and 164 are; 81 and 121 are not, for a quarter of 81 is 20."""
    support = np.stack([points((-10, 0)), points((10, 0))])
    _, verdicts = answer(Nearest(), plain_rejection(), support, points((0, 8), (1, 0)), rate=RATE)
    assert verdicts.tolist() == [Verdict.UNCERTAIN, Verdict.ACCEPT]


def test_a_class_that_rejects_is_no_rival() -> None:
    """Only classes that accept make a query uncertain."""
    support = np.stack([points((-10, 0)), points((10, 0))])
    rejection = plain_rejection(factor=100 / 1250, prior=1600)  # the base is (900 + 1600) / 2, the threshold about 100
    _, verdicts = answer(Nearest(), rejection, support, points((1, 0), (0, 0), (0, -1)), rate=RATE)
    assert verdicts.tolist() == [Verdict.ACCEPT, Verdict.UNCERTAIN, Verdict.UNCERTAIN]


@pytest.mark.parametrize("learner", [Nearest(), Prototypes()])
def test_negatives_veto(learner: Nearest | Prototypes) -> None:
    """What lies nearer to a negative than to the class is unknown, in the units of any learner."""
    rejection = plain_rejection(prior=1600 << reject.unit_bits(learner))
    queries, negatives = points((-20, 0), (-11, 0), (-10, 0)), points((-20, 0))
    _, verdicts = answer(learner, rejection, ORIGIN, queries, rate=RATE, negatives=negatives)
    assert verdicts.tolist() == [Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.ACCEPT]


def test_the_largest_distances_saturate() -> None:
    """Thresholds stay within 32 bits."""
    ends = np.full((2, 1, 256), -128, np.int8)
    rejection = replace(
        plain_rejection(impostors=np.full((8, 256), 127, np.int8), factor=1.9),
        priors=np.full((2, 1), 2**32 - 1, np.uint32),
    )
    assert thresholds(Prototypes(), rejection, ends, rate=1 << 14).accept.tolist() == [2**32 - 1] * 2


@pytest.mark.parametrize("share", [0.0, 0.0009, 0.251, 1.0])
def test_a_rate_beyond_the_table_is_refused(share: float) -> None:
    """The message says what works."""
    with pytest.raises(ValueError, match=r"from 0\.000976"):
        rate_of(share)


def test_the_base_is_a_mean_over_an_eighth() -> None:
    """Of the impostors, rounded down to a power of two, and of 32 at most."""
    assert [tail_bits_of(count) for count in (8, 15, 16, 64, 128, 255, 256, 1024)] == [0, 0, 1, 3, 4, 4, 5, 5]
    assert reject.base_of_impostors(np.array([9, 1, 100, 4]), 1) == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"impostors": np.zeros((MIN_IMPOSTORS - 1, 2), np.int8)}, "impostors"),
        ({"impostors": np.zeros((MAX_IMPOSTORS + 1, 2), np.int8)}, "impostors"),
        ({"impostors": np.zeros((8, 2), np.int16)}, "int8"),
        ({"factors": np.zeros((2, 1, 8), np.uint16)}, "factors"),
        ({"factors": np.zeros((7, 1, 9), np.uint16)}, "knots"),
        ({"factors": np.arange(18, 0, -1, dtype=np.uint16).reshape(2, 1, 9)}, "fall"),
        ({"priors": np.zeros((1, 1), np.uint32)}, "priors"),
        ({"typical": np.zeros(1, np.int64)}, "typical"),
        ({"far": np.zeros(2, np.uint32)}, "far"),
        ({"spread": 0}, "spread"),
        ({"calibrated_on": "hope"}, "hope"),
    ],
)
def test_tables_of_another_form_are_refused(changed: dict[str, object], message: str) -> None:
    """What a device could not use is never made."""
    with pytest.raises(ValueError, match=message):
        replace(plain_rejection(), **changed)


def test_the_digest_names_what_decides() -> None:
    """It follows every table, and not where they came from."""
    rejection = random_rejection(np.random.default_rng(1), 4)
    assert replace(rejection, classes=("x",), calibrated_on="validation").digest == rejection.digest
    for name in ("impostors", "factors", "priors", "typical", "far"):
        table = getattr(rejection, name).copy()
        table.flat[0] ^= 1
        assert replace(rejection, **{name: table}).digest != rejection.digest
    assert replace(rejection, spread=rejection.spread + 1).digest != rejection.digest
    assert isinstance(rejection, Rejection)
