"""The nearest exemplar against plain loops, and verification."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quantize.learners import Nearest, base, exemplars

lengths = st.integers(1, 6)


@st.composite
def episodes(draw: st.DrawFn) -> tuple[list[np.ndarray], np.ndarray]:
    """Classes with numbers of shots of their own, and queries; small values, which meet often, or all of int8."""
    length = draw(lengths)
    values = draw(st.sampled_from([st.integers(-2, 2), st.integers(-128, 127)]))
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    support = [draw(hnp.arrays(np.int8, (count, length), elements=values)) for count in counts]
    return support, draw(hnp.arrays(np.int8, (3, length), elements=values))


@given(episodes())
def test_answers_are_those_of_plain_loops(episode: tuple[list[np.ndarray], np.ndarray]) -> None:
    """Nearest shot of each class, nearest class and margin, computed with Python integers."""
    support, queries = episode
    answers = Nearest().answer(support, queries)
    for i, query in enumerate(queries.tolist()):
        distances = [
            min(sum((q - s) ** 2 for q, s in zip(query, shot, strict=True)) for shot in shots.tolist())
            for shots in support
        ]
        ranked = sorted(distances)
        assert answers.ways[i] == distances.index(ranked[0])
        assert answers.distances[i] == ranked[0]
        assert answers.margins[i] == (ranked[1] - ranked[0] if len(ranked) > 1 else base.NO_MARGIN)


@given(episodes(), st.randoms(use_true_random=False))
def test_the_order_of_the_shots_does_not_matter(episode: tuple[list[np.ndarray], np.ndarray], random: object) -> None:
    """The nearest is the nearest, wherever it stands."""
    support, queries = episode
    shuffled = [shots[sorted(range(len(shots)), key=lambda _: random.random())] for shots in support]
    assert Nearest().answer(support, queries).differing(Nearest().answer(shuffled, queries)) == 0


def test_the_largest_distance() -> None:
    """Opposite corners of the longest embedding."""
    support = np.full((1, 1, base.MAX_EMBEDDING_LEN), 127, np.int8)
    answers = Nearest().answer(support, np.full((1, base.MAX_EMBEDDING_LEN), -128, np.int8))
    assert answers.distances[0] == exemplars.MAX_DISTANCE


def test_verification_compares_with_the_calibrated_distance() -> None:
    """A sample is of the class when its nearest shot is no farther than that, and says how far it is."""
    shots = np.array([[0, 0], [10, 0]], np.int8)
    queries = np.array([[3, 4], [3, 5], [10, 5], [12, -5]], np.int8)
    same, distances = Nearest(same_distance=25).verify(shots, queries)
    assert distances.tolist() == [25, 34, 25, 29]
    assert same.tolist() == [True, False, True, False]


def test_verification_without_a_distance_is_refused() -> None:
    """Nothing is compared with a distance that nobody calibrated."""
    with pytest.raises(ValueError, match="not calibrated"):
        Nearest().verify(np.zeros((1, 2), np.int8), np.zeros((1, 2), np.int8))


@pytest.mark.parametrize("distance", [-1, exemplars.MAX_DISTANCE + 1])
def test_impossible_distances_are_refused(distance: int) -> None:
    """No two embeddings lie that far apart."""
    with pytest.raises(ValueError, match="same_distance"):
        Nearest(same_distance=distance)
