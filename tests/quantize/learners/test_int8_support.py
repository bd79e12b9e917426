"""What all learners share: the shots of classes, answers, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quantize.learners import Answers, Attention, GradientHead, Int8Learner, Nearest, Prototypes, base

LEARNERS = [
    Prototypes(),
    Nearest(),
    Attention.of_temperature(20.0, zero_point=-3),
    GradientHead(-3, 4, (1e-4,), (0.1,), init_scale=1e-4),
    GradientHead(-3, 4, (1e-4,), (0.1,), initial_weights=(0.01, -0.02, 0.0), initial_bias=0.5),
]
each_learner = pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: type(learner).__name__)


@given(counts=st.lists(st.integers(1, 5), min_size=1, max_size=4), data=st.data())
def test_classes_lie_behind_each_other(counts: list[int], data: st.DataObject) -> None:
    """Shots, where each class begins, and whose each shot is, for any numbers of shots."""
    support = [data.draw(hnp.arrays(np.int8, (count, 3))) for count in counts]
    enrolled = base.Enrolled.of(support)
    assert enrolled.counts.tolist() == counts
    assert enrolled.ways.tolist() == [way for way, count in enumerate(counts) for _ in range(count)]
    for way, start in enumerate(enrolled.starts):
        np.testing.assert_array_equal(enrolled.shots[start : start + counts[way]], support[way])


@each_learner
def test_an_array_of_classes_and_a_list_of_them_are_alike(learner: Int8Learner) -> None:
    """Both forms of a support give the same answers."""
    rng = np.random.default_rng(0)
    support = rng.integers(-128, 128, (4, 3, 3)).astype(np.int8)
    queries = rng.integers(-128, 128, (30, 3)).astype(np.int8)
    assert learner.answer(support, queries).differing(learner.answer(list(support), queries)) == 0
    np.testing.assert_array_equal(learner.classify(support, queries), learner.answer(support, queries).ways)


@each_learner
def test_a_single_class_always_wins(learner: Int8Learner) -> None:
    """There is no second one, and so no margin."""
    queries = np.random.default_rng(1).integers(-128, 128, (9, 3)).astype(np.int8)
    answers = learner.answer(queries[np.newaxis, :2], queries)
    assert not answers.ways.any()
    assert (answers.margins == base.NO_MARGIN).all()


@each_learner
def test_of_equal_classes_the_first_answers(learner: Int8Learner) -> None:
    """Classes that learned the same differ by nothing."""
    support = np.tile(np.array([[5, -9, 30]], np.int8), (3, 2, 1))
    answers = learner.answer(support, np.array([[1, 2, 3]], np.int8))
    assert (answers.ways[0], answers.margins[0]) == (0, 0)


@each_learner
@pytest.mark.parametrize(
    "support",
    [
        np.zeros((0, 1, 3), np.int8),
        np.zeros((1, 0, 3), np.int8),
        np.zeros((1, 4096, 3), np.int8),
        np.zeros((1, 1, 257), np.int8),
        np.zeros((1, 1, 0), np.int8),
        np.zeros((1, 1, 3), np.int16),
        np.zeros((2, 3), np.int8),
        [],
        [np.zeros((1, 3), np.int8), np.zeros((1, 4), np.int8)],
        [np.zeros((1, 3), np.int8), np.zeros((0, 3), np.int8)],
    ],
    ids=lambda support: (
        f"{type(support).__name__}{np.shape(support) if isinstance(support, np.ndarray) else len(support)}"
    ),
)
def test_what_a_device_cannot_enroll_is_refused(learner: Int8Learner, support: base.Support) -> None:
    """No class, no shot, too many shots, too long, of different lengths, the wrong type."""
    with pytest.raises(ValueError, match=r"support is|a device takes"):
        learner.answer(support, np.zeros((1, 3), np.int8))


@each_learner
@pytest.mark.parametrize("queries", [np.zeros((1, 4), np.int8), np.zeros((1, 3), np.uint8), np.zeros(3, np.int8)])
def test_other_queries_are_refused(learner: Int8Learner, queries: np.ndarray) -> None:
    """An embedding has the shots' length and type."""
    with pytest.raises(ValueError, match="queries are"):
        learner.answer(np.zeros((2, 1, 3), np.int8), queries)


def test_differing_counts_queries() -> None:
    """A query counts once, whether class, distance, margin or all of them differ."""
    answers = Answers(np.array([0, 1, 2, 0]), np.arange(4, dtype=np.uint32), np.arange(4, dtype=np.uint32))
    other = Answers(np.array([0, 0, 2, 1]), np.array([0, 1, 5, 9], np.uint32), np.array([0, 1, 2, 7], np.uint32))
    assert answers.differing(answers) == 0
    assert answers.differing(other) == 3
