"""Episodes are drawn without replacement, from a seed alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.datasets import Dataset
from trainer.episodes import Episode, EpisodeSampler, group_labels, sample_group_episodes


@st.composite
def tasks(draw):
    """Labels with gaps and uneven classes, in any order, and an episode that they can feed."""
    k_shot, n_query = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    counts = draw(st.lists(st.integers(k_shot + n_query, 9), min_size=2, max_size=6))
    names = draw(st.lists(st.integers(0, 99), min_size=len(counts), max_size=len(counts), unique=True))
    labels = np.random.default_rng(draw(st.integers(0, 9))).permutation(np.repeat(names, counts).astype(np.int64))
    return labels, {"n_way": draw(st.integers(2, len(counts))), "k_shot": k_shot, "n_query": n_query}


@given(tasks(), st.integers(0, 2**32))
def test_an_episode_repeats_no_class_and_no_sample(task, seed):
    """Row i holds samples of class i only, and nothing is drawn twice."""
    labels, size = task
    episode = EpisodeSampler(labels, **size).sample(np.random.default_rng(seed))
    assert episode.support.shape == (size["n_way"], size["k_shot"])
    assert episode.query.shape == (size["n_way"], size["n_query"])
    drawn = np.concatenate([episode.support, episode.query], axis=1)
    assert len(set(drawn.flat)) == drawn.size
    assert len(set(episode.classes)) == size["n_way"]
    assert (labels[drawn] == episode.classes[:, None]).all()
    assert (labels[episode.query].reshape(-1) == episode.classes[episode.query_ways]).all()


@given(tasks(), st.integers(0, 2**32), st.integers(0, 20))
def test_the_episode_of_a_step_depends_on_seed_and_step_alone(task, seed, start):
    """A stream that begins later yields what the whole stream yields there."""
    labels, size = task
    sampler = EpisodeSampler(labels, **size)
    whole = list(sampler.stream(seed=seed, start=0, stop=start + 2))[start:]
    late = list(EpisodeSampler(labels, **size).stream(seed=seed, start=start, stop=start + 2))
    for a, b in zip(whole, late, strict=True):
        assert (a.support == b.support).all()
        assert (a.query == b.query).all()


def test_every_sample_is_drawn_equally_often():
    """Neither long nor short classes, nor first nor last samples, are preferred."""
    labels = np.repeat([0, 1, 2], [4, 8, 16])
    sampler, rng = EpisodeSampler(labels, n_way=2, k_shot=1, n_query=1), np.random.default_rng(0)
    drawn = np.concatenate([np.ravel([e.support, e.query]) for e in (sampler.sample(rng) for _ in range(6000))])
    expected = np.repeat([2 / 3 * 2 / 4, 2 / 3 * 2 / 8, 2 / 3 * 2 / 16], [4, 8, 16])
    np.testing.assert_allclose(np.bincount(drawn) / 6000, expected, rtol=0.12)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"n_way": 4, "k_shot": 1, "n_query": 1}, "4-way episodes from 3 classes"),
        ({"n_way": 2, "k_shot": 2, "n_query": 2}, "class 7 has 3 samples"),
        ({"n_way": 1, "k_shot": 1, "n_query": 1}, "no task"),
    ],
)
def test_a_set_that_is_too_small_is_refused_by_name(size, message):
    """The error says what is missing and where."""
    with pytest.raises(ValueError, match=message):
        EpisodeSampler(np.repeat([3, 5, 7], [5, 5, 3]), **size)


@pytest.mark.parametrize(
    ("classes", "support", "query"),
    [
        ([0, 0], [[0], [1]], [[2], [3]]),
        ([0, 1], [[0], [1]], [[2], [0]]),
        ([0, 1], [[0]], [[2], [3]]),
        ([0, 1], [0, 1], [[2], [3]]),
    ],
)
def test_an_impossible_episode_cannot_be_built(classes, support, query):
    """Twice the same class or sample, or shapes that differ, are refused."""
    with pytest.raises(ValueError, match=r"."):
        Episode(np.array(classes), np.array(support), np.array(query))


def grouped(sizes, each=4):
    """A set of classes in groups of these sizes, the classes of a group not beside each other."""
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    names = tuple(f"{group}/{i}" for i, group in enumerate(groups))
    labels = np.repeat(np.arange(len(names)), each)
    images = np.zeros((len(labels), 2, 2, 1), np.uint8)
    return Dataset("npz:toy", images, labels, names, groups)


def test_group_episodes_stay_within_a_group():
    """All classes of an episode share their group; groups too small are left out, the others all occur."""
    dataset = grouped([5, 2, 4, 3])
    rng = np.random.default_rng(1)
    episodes = sample_group_episodes(dataset, n_way=3, k_shot=1, n_query=3, episodes=300, rng=rng)
    homes = [{dataset.groups[label] for label in episode.classes} for episode in episodes]
    assert all(len(home) == 1 for home in homes)
    counts = [sum(home == {group} for home in homes) for group in range(4)]
    assert counts[1] == 0
    assert min(counts[0], counts[2], counts[3]) > 70
    for episode in episodes:
        drawn = np.concatenate([episode.support, episode.query], axis=1)
        assert (dataset.labels[drawn] == episode.classes[:, None]).all()


def test_group_episodes_need_a_group_that_is_large_enough():
    """Without groups, or with small ones alone, there is nothing to draw from."""
    dataset = grouped([5, 2])
    assert [len(labels) for labels in group_labels(dataset, classes=3)] == [5]
    for unfit, n_way in ((dataset, 6), (dataset.subset(dataset.class_names), 8)):
        with pytest.raises(ValueError, match=f"no group has {n_way} classes"):
            sample_group_episodes(unfit, n_way=n_way, k_shot=1, n_query=1, episodes=1, rng=np.random.default_rng(0))
    alone = Dataset("npz:toy", dataset.images, dataset.labels, dataset.class_names)
    assert group_labels(alone, classes=1) == []
