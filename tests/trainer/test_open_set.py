"""The metrics of the open world, on cases that a person can work out."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.datasets.dataset import Dataset
from trainer.episodes import Episode
from trainer.open_set import (
    OpenSetEpisode,
    Realised,
    Separation,
    auroc,
    equal_error_rate,
    false_rejects,
    oscr,
    sample_open_set_episodes,
)

KNOWN = np.array([1.0, 2.0, 3.0, 6.0])
UNKNOWN = np.array([4.0, 5.0, 7.0, 8.0])
RIGHT = np.array([True, True, False, True])


def labelled(classes: int, each: int) -> Dataset:
    images = np.zeros((classes * each, 2, 2, 1), np.uint8)
    names = tuple(f"c{i}" for i in range(classes))
    return Dataset("made up", images, np.repeat(np.arange(classes), each), names)


def test_auroc_counts_pairs_in_order() -> None:
    """Of 16 pairs, 4 and 5 lie below 6: 14 are in order; equal scores count half."""
    assert auroc(KNOWN, UNKNOWN) == pytest.approx(14 / 16)
    assert auroc(np.array([1.0]), np.array([1.0])) == pytest.approx(0.5)
    assert auroc(UNKNOWN, KNOWN) == pytest.approx(2 / 16)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0.0, 1 / 4),  # up to below 4: 6 is rejected
        (0.25, 1 / 4),  # up to below 5
        (0.5, 0.0),  # up to below 7
        (1.0, 0.0),
    ],
)
def test_false_rejects_at_a_rate(rate: float, expected: float) -> None:
    """The most generous threshold that accepts no more of the unknown."""
    assert false_rejects(KNOWN, UNKNOWN, false_accepts=rate) == pytest.approx(expected)


def test_a_tie_is_rejected_rather_than_accepted() -> None:
    """Accepting a known score that equals an unknown one would accept that, too."""
    assert false_rejects(np.array([1.0, 4.0]), np.array([4.0, 9.0]), false_accepts=0.0) == pytest.approx(0.5)


def test_many_unknown_ones_are_counted_exactly() -> None:
    """At 1 % of 1,000, ten may be accepted: known scores of 10.5 are, of 11.5 are not."""
    unknown = np.arange(1, 1001, dtype=np.float64)
    assert false_rejects(np.array([10.5]), unknown, false_accepts=0.01) == 0.0
    assert false_rejects(np.array([11.5]), unknown, false_accepts=0.01) == 1.0


def test_equal_error_rate_is_where_both_errors_meet() -> None:
    """Between 5 and 6 one of four known is rejected; one of four unknown is accepted only between 4 and 5."""
    assert equal_error_rate(KNOWN, UNKNOWN) == pytest.approx(0.25)
    assert equal_error_rate(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == pytest.approx(0.0)
    assert equal_error_rate(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == pytest.approx(1.0)
    assert equal_error_rate(np.array([1.0]), np.array([1.0])) == pytest.approx(0.5)


def test_oscr_is_the_area_under_right_answers() -> None:
    """Two of four are accepted and right before any unknown one is, and three from the second on."""
    # x = 0, .25 (4), .5 (5), .75 (7), 1 (8); y = .5 up to x = .5, .75 from 6 on
    assert oscr(KNOWN, UNKNOWN, RIGHT) == pytest.approx(0.5 * 0.5 + 0.5 * 0.75)


def test_oscr_of_the_best_is_one_and_bounded_by_accuracy() -> None:
    """Scores that part perfectly leave the accuracy."""
    assert oscr(np.array([1.0, 2.0]), np.array([3.0]), np.array([True, True])) == pytest.approx(1.0)
    assert oscr(np.array([1.0, 2.0]), np.array([3.0]), np.array([True, False])) == pytest.approx(0.5)


def test_a_separation_means_episodes_and_pools_thresholds() -> None:
    """AUROC within each episode; the rest with one threshold for all."""
    shifted = [KNOWN, KNOWN + 100], [UNKNOWN, UNKNOWN + 100]
    found = Separation.of(*shifted, [RIGHT, RIGHT])
    assert found.auroc == pytest.approx(14 / 16)
    assert found.frr_at_5 == pytest.approx(5 / 8)
    assert found.equal_error_rate > 0.25
    with pytest.raises(ValueError, match="no episode"):
        Separation.of([], [], [])


def test_verdicts_are_counted() -> None:
    """A known query that is uncertain is a false reject; an unknown one is no false accept."""
    known, unknown = np.array([2, 2, 1, 0]), np.array([2, 1, 0, 0, 0])
    found = Realised.of(0.05, known, unknown, np.array([True, False, True, True]))
    assert (found.requested, found.false_accepts, found.false_rejects) == (0.05, 0.2, 0.5)
    assert (found.uncertain_known, found.uncertain_unknown, found.wrongly_accepted) == (0.25, 0.2, 0.25)


def test_unknown_samples_are_of_other_classes() -> None:
    """Each episode has its classes, as many others, and no sample twice."""
    dataset = labelled(9, 6)
    drawn = sample_open_set_episodes(
        dataset, n_way=4, k_shot=2, n_unknown=3, n_query=3, episodes=20, rng=np.random.default_rng(0)
    )
    assert len(drawn) == 20
    for episode in drawn:
        assert episode.known.support.shape == (4, 2)
        assert episode.unknown.shape == (3, 3)
        others = dataset.labels[episode.unknown]
        assert (others == others[:, :1]).all()
        assert not np.isin(others, episode.known.classes).any()
        assert len(episode.queries) == 4 * 3 + 3 * 3
        np.testing.assert_array_equal(episode.queries[:12], episode.known.query.reshape(-1))


def test_too_few_classes_are_refused() -> None:
    """Known and unknown classes come from the same set."""
    with pytest.raises(ValueError, match="7-way episodes from 6 classes"):
        sample_open_set_episodes(
            labelled(6, 4), n_way=4, k_shot=1, n_unknown=3, n_query=1, episodes=1, rng=np.random.default_rng(0)
        )


@pytest.mark.parametrize("unknown", [np.array([[4]]), np.array([[8], [8]]), np.zeros((0, 1), np.int64)])
def test_an_episode_that_is_none_cannot_be_built(unknown: np.ndarray) -> None:
    """An unknown sample that was taught or asked already, one that occurs twice, or none at all."""
    known = Episode(np.array([0, 1]), np.array([[0], [1]]), np.array([[4], [5]]))
    with pytest.raises(ValueError, match="unknown sample"):
        OpenSetEpisode(known, unknown)
