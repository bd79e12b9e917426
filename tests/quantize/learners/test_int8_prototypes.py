"""The integer learner against plain loops, and what a device promises about it."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quantize.learners import base, prototypes

supports = hnp.arrays(np.int8, st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 8)))


@given(supports, st.data())
def test_answers_are_those_of_plain_loops(support: np.ndarray, data: st.DataObject) -> None:
    """Prototype, distance, nearest class and margin, each computed with Python integers."""
    queries = data.draw(hnp.arrays(np.int8, (3, support.shape[2])))
    points = []
    for shots in support.tolist():
        sums = [Fraction(16 * sum(column), len(shots)) for column in zip(*shots, strict=True)]
        points.append([int(math.copysign(math.floor(abs(s) + Fraction(1, 2)), s)) for s in sums])
    assert prototypes.prototypes(support).tolist() == points
    answers = prototypes.Prototypes().answer(support, queries)
    for i, query in enumerate(queries.tolist()):
        distances = [sum((16 * q - p) ** 2 for q, p in zip(query, point, strict=True)) for point in points]
        best = distances.index(min(distances))
        ranked = sorted(distances)
        assert answers.ways[i] == best
        assert answers.distances[i] == ranked[0]
        assert answers.margins[i] == (ranked[1] - ranked[0] if len(ranked) > 1 else base.NO_MARGIN)


@given(supports, st.randoms(use_true_random=False))
def test_the_order_of_the_shots_does_not_matter(support: np.ndarray, random: object) -> None:
    """A prototype is a sum: any permutation of the shots gives the same one."""
    order = list(range(support.shape[1]))
    random.shuffle(order)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(prototypes.prototypes(support), prototypes.prototypes(support[:, order]))


def test_ties_go_to_the_earliest_class() -> None:
    """Two equal prototypes: the first enrolled answers, with margin 0."""
    answers = prototypes.Prototypes().answer(np.zeros((3, 2, 4), np.int8), np.ones((1, 4), np.int8))
    assert (answers.ways[0], answers.margins[0]) == (0, 0)


def test_the_largest_distance_fits_32_bits() -> None:
    """Opposite corners of the longest embedding, and as many shots as there may be."""
    support = np.full((1, base.MAX_SHOTS, base.MAX_EMBEDDING_LEN), 127, np.int8)
    answers = prototypes.Prototypes().answer(support, np.full((1, base.MAX_EMBEDDING_LEN), -128, np.int8))
    assert answers.distances[0] == 4080 * 4080 * base.MAX_EMBEDDING_LEN < 2**32
