"""Attention in integers against plain loops, and against the softmax that it stands for."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quantize.learners import Attention, attention, base


def plain_sums(learner: Attention, support: list[np.ndarray], query: list[int]) -> list[int]:
    """Attention that each class attracts, with Python's integers and fractions."""
    values = [q - learner.zero_point for q in query]
    norm = math.isqrt(256 * sum(v * v for v in values))
    projections = []
    for shots in support:
        row = []
        for shot in shots.tolist():
            others = [s - learner.zero_point for s in shot]
            product = sum(v * w for v, w in zip(values, others, strict=True))
            length = math.isqrt(256 * sum(w * w for w in others))
            # eight times the product over the length, which is in sixteenths
            row.append(max(-32767, min(32767, math.trunc(Fraction(128 * product, length)))) if length else 0)
        projections.append(row)
    largest = max(max(row) for row in projections)
    factor = (learner.sharpness << 16) // norm if norm else 0
    sums = []
    for row in projections:
        total = 0
        for projection in row:
            exponent = math.floor(Fraction((largest - projection) * factor, 1 << 16) + Fraction(1, 2))
            power = math.floor((1 << 15) * 2.0 ** -(exponent % 256 / 256) + 0.5)
            total += power >> (exponent // 256)
        sums.append(total)
    return sums


@st.composite
def episodes(draw: st.DrawFn) -> tuple[Attention, list[np.ndarray], np.ndarray]:
    """A learner and classes with numbers of shots of their own; values near the zero point bring zeros and ties."""
    zero_point, length = draw(st.sampled_from([-128, -7, 0, 127])), draw(st.integers(1, 6))
    near = st.integers(max(-128, zero_point - 2), min(127, zero_point + 2))
    values = draw(st.sampled_from([near, st.integers(-128, 127)]))
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    support = [draw(hnp.arrays(np.int8, (count, length), elements=values)) for count in counts]
    queries = draw(hnp.arrays(np.int8, (2, length), elements=values))
    temperature = draw(st.sampled_from([1e-3, 1.0, 10.0, 52.3, attention.MAX_TEMPERATURE]))
    return Attention.of_temperature(temperature, zero_point=zero_point), support, queries


@given(episodes())
def test_answers_are_those_of_plain_loops(episode: tuple[Attention, list[np.ndarray], np.ndarray]) -> None:
    """Class, distance and margin, each computed with Python's integers and fractions."""
    learner, support, queries = episode
    answers = learner.answer(support, queries)
    for i, query in enumerate(queries.tolist()):
        sums = plain_sums(learner, support, query)
        ranked = sorted(sums, reverse=True)
        way = sums.index(ranked[0])
        nearest = min(sum((q - s) ** 2 for q, s in zip(query, shot, strict=True)) for shot in support[way].tolist())
        assert answers.ways[i] == way
        assert answers.distances[i] == nearest
        margin = (ranked[0] - ranked[1]) * 65536 // sum(sums) if len(sums) > 1 else base.NO_MARGIN
        assert answers.margins[i] == margin


@given(episodes(), st.randoms(use_true_random=False))
def test_the_order_of_the_shots_does_not_matter(
    episode: tuple[Attention, list[np.ndarray], np.ndarray], random: object
) -> None:
    """Attention is a sum: any permutation of a class's shots gives the same one."""
    learner, support, queries = episode
    shuffled = [shots[sorted(range(len(shots)), key=lambda _: random.random())] for shots in support]
    assert learner.answer(support, queries).differing(learner.answer(shuffled, queries)) == 0


@pytest.mark.parametrize(("length", "temperature"), [(32, 10.0), (32, 52.0), (64, 52.0), (256, 20.0)])
def test_shares_are_those_of_the_softmax(length: int, temperature: float) -> None:
    """With embeddings as networks make them, shares of attention are within 2 % of those in binary64."""
    rng = np.random.default_rng(length)
    centres = rng.gamma(0.7, 40.0, (5, 1, length))
    support = np.clip(centres + rng.normal(0, 12, (5, 5, length)), 0, 255).astype(np.int64)
    queries = np.clip(np.tile(centres, (1, 20, 1)) + rng.normal(0, 12, (5, 20, length)), 0, 255).astype(np.int64)
    queries = queries.reshape(-1, length)
    unit = [rows / np.linalg.norm(rows, axis=-1, keepdims=True) for rows in (support.reshape(25, -1), queries)]
    powers = np.exp(temperature * (unit[1] @ unit[0].T))
    exact = np.sort(powers.reshape(-1, 5, 5).sum(axis=2) / powers.sum(axis=1, keepdims=True), axis=1)
    learner = Attention.of_temperature(temperature, zero_point=-128)
    answers = learner.answer((support - 128).astype(np.int8), (queries - 128).astype(np.int8))
    np.testing.assert_allclose(answers.margins / 65536, exact[:, -1] - exact[:, -2], atol=0.02)


def test_a_query_at_the_zero_point_counts_shots() -> None:
    """Every cosine is 0 then: each shot attracts as much as any other."""
    support = [np.full((1, 4), 50, np.int8), np.full((3, 4), -50, np.int8)]
    answers = Attention.of_temperature(10.0, zero_point=7).answer(support, np.full((1, 4), 7, np.int8))
    assert (answers.ways[0], answers.margins[0]) == (1, 65536 // 2)


def test_a_shot_at_the_zero_point_has_cosine_zero() -> None:
    """It attracts more than an opposite one and less than one on the query's side."""
    zero, opposite, near = (np.full((1, 4), value, np.int8) for value in (0, -9, 9))
    learner, query = Attention.of_temperature(1.0, zero_point=0), np.full((1, 4), 20, np.int8)
    assert learner.classify([zero, opposite], query)[0] == 0
    assert learner.classify([zero, near], query)[0] == 1


def test_the_largest_norms_fit_the_device() -> None:
    """The longest embedding at the far end from its zero point: the norm has 16 bits, the projection 15 and a sign."""
    learner = Attention.of_temperature(10.0, zero_point=-128)
    far = np.full((1, 256), 127, np.int8)
    rows = far.astype(np.int64) + 128
    assert attention._norms(rows).tolist() == [65280]
    assert attention._projections(rows, rows).tolist() == [[32640]]
    answers = learner.answer([far, np.full((1, 256), -127, np.int8)], far)
    assert (answers.ways[0], answers.distances[0]) == (0, 0)


def test_the_power_table_is_rounded() -> None:
    """The first and the last element, and that it falls."""
    table = attention.power_table()
    assert (table[0], table[-1]) == (32768, round(32768 * 2 ** (-255 / 256)))
    assert (np.diff(table.astype(int)) < 0).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf, 5000.1])
def test_impossible_temperatures_are_refused(temperature: float) -> None:
    """Not positive, not a number, or too large for the device's integers."""
    with pytest.raises(ValueError, match="temperature is"):
        Attention.of_temperature(temperature, zero_point=0)


@pytest.mark.parametrize(("zero_point", "sharpness"), [(-129, 100), (128, 100), (0, 0), (0, 1 << 23)])
def test_values_beyond_the_device_s_integers_are_refused(zero_point: int, sharpness: int) -> None:
    """What C could not hold is never generated."""
    with pytest.raises(ValueError, match="attention with"):
        Attention(zero_point, sharpness)
