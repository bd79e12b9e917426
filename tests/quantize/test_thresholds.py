"""Where the error rates of verification meet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantize import thresholds
from quantize.thresholds import EqualError, equal_error, same_distance

distances = st.lists(st.integers(0, 60), min_size=1, max_size=25)


@given(distances, distances)
def test_no_other_distance_is_nearer_to_equal_errors(same: list[int], different: list[int]) -> None:
    """Over every distance there is, by plain counting; of those equally near the middle one."""
    found = equal_error(np.array(same), np.array(different))

    def gap(distance: int) -> int:
        accepts, rejects = sum(d <= distance for d in different), sum(d > distance for d in same)
        return abs(accepts * len(same) - rejects * len(different))

    everything = range(min(same + different), max(same + different) + 1)
    best = [d for d in everything if gap(d) == min(map(gap, everything))]
    assert found.distance == max(1, (best[0] + best[-1]) // 2)
    assert found.false_accepts == pytest.approx(sum(d <= found.distance for d in different) / len(different))
    assert found.false_rejects == pytest.approx(sum(d > found.distance for d in same) / len(same))


def test_pairs_well_apart_leave_their_middle() -> None:
    """Both error rates are 0 from the farthest of the one kind to the nearest of the other."""
    assert equal_error(np.array([3, 10]), np.array([101, 90])) == EqualError((10 + 89) // 2, 0.0, 0.0)


def test_the_rates_count_not_the_pairs() -> None:
    """Many pairs of different classes do not outweigh the few of one."""
    same, different = np.array([1, 2, 3, 4]), np.repeat(np.array([3, 8, 9, 10]), 1000)
    assert equal_error(same, different) == EqualError(3, 0.25, 0.25)


def test_a_distance_of_zero_is_raised_to_one() -> None:
    """Zero would say that nothing was calibrated."""
    assert equal_error(np.array([0]), np.array([1])).distance == 1


def test_pairs_are_made_of_all_samples() -> None:
    """Each two once, none with itself, in squared distances of int8."""
    embeddings = np.array([[-128, 0], [-128, 6], [127, 0], [127, 10]], np.int8)
    found = same_distance(embeddings, np.array([4, 4, 9, 9]))
    assert (found.false_accepts, found.false_rejects) == (0.0, 0.0)
    assert found.distance == (10**2 + 255**2 - 1) // 2


@pytest.mark.parametrize("labels", [[0, 1, 2], [5, 5, 5]])
def test_both_kinds_of_pairs_are_needed(labels: list[int]) -> None:
    """Without the other kind there is nothing to compare."""
    with pytest.raises(ValueError, match=r"(0 pairs of one class|0 of two)"):
        thresholds.same_distance(np.zeros((3, 2), np.int8), np.array(labels))
