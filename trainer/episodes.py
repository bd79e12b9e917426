"""Episodes: small classification tasks drawn from a labelled set, as indices into it.

An episode has ``n_way`` classes; of each, ``k_shot`` samples are the support that teaches and ``n_query`` others are
the query that is recognised. Classes, and the samples of a class, are drawn without replacement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from trainer.datasets.dataset import Dataset

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Episode:
    """One task; `support` and `query` index the images of the set that it was drawn from.

    Attributes
    ----------
    classes : int64 [n_way]
        Labels, distinct; row i of the others belongs to ``classes[i]``.
    support : int64 [n_way, k_shot]
    query : int64 [n_way, n_query]

    Raises
    ------
    ValueError
        If the shapes contradict each other, or a class or a sample occurs twice.
    """

    classes: Indices
    support: Indices
    query: Indices

    def __post_init__(self) -> None:
        if self.classes.ndim != 1 or self.support.ndim != 2 or self.query.ndim != 2:
            raise ValueError("an episode has classes [n_way], support [n_way, k_shot] and query [n_way, n_query]")
        if not len(self.classes) == len(self.support) == len(self.query):
            raise ValueError(f"{len(self.classes)} classes, {len(self.support)} supports, {len(self.query)} queries")
        used = np.concatenate([self.support, self.query], axis=1)
        if len(np.unique(self.classes)) != self.classes.size or len(np.unique(used)) != used.size:
            raise ValueError("a class or a sample occurs twice in one episode")

    @property
    def n_way(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def query_ways(self) -> Indices:
        """int64 [n_way * n_query]: the right answers for the flattened query, as rows of the support."""
        return np.repeat(np.arange(self.n_way), self.query.shape[1])


class EpisodeSampler:
    """Draws episodes of one size from labelled samples.

    Parameters
    ----------
    labels : int64 [n]
        Class of each sample.
    n_way, k_shot, n_query : int
        Classes of an episode, and samples of each class that teach and that are recognised.

    Raises
    ------
    ValueError
        If the set has too few classes, or a class too few samples; the message names the class.
    """

    def __init__(self, labels: Indices, *, n_way: int, k_shot: int, n_query: int) -> None:
        if n_way < 2 or k_shot < 1 or n_query < 1:
            raise ValueError(f"{n_way}-way {k_shot}-shot with {n_query} queries is no task")
        self.n_way, self.k_shot, self.n_query = n_way, k_shot, n_query
        self._classes, counts = np.unique(labels, return_counts=True)
        if len(self._classes) < n_way:
            raise ValueError(f"{n_way}-way episodes from {len(self._classes)} classes: lower n_way or add classes")
        if counts.min() < k_shot + n_query:
            label = self._classes[counts.argmin()]
            raise ValueError(
                f"class {label} has {counts.min()} samples, {k_shot}-shot episodes with {n_query} queries need "
                f"{k_shot + n_query}: add samples or lower one of the two"
            )
        order = np.argsort(labels, kind="stable").astype(np.int64)
        starts = np.cumsum(counts) - counts
        # Row c: the samples of class c; short classes are padded with positions that `_keys` never lets win.
        position = np.arange(counts.max())
        self._missing = position >= counts[:, None]
        self._members = order[starts[:, None] + np.where(self._missing, 0, position)]

    def sample(self, rng: np.random.Generator) -> Episode:
        """Draw one episode, every choice of classes and samples equally likely."""
        ways = rng.choice(len(self._classes), self.n_way, replace=False)
        keys = rng.random((self.n_way, self._members.shape[1]))
        keys[self._missing[ways]] = 2.0
        picked = np.argsort(keys, axis=1)[:, : self.k_shot + self.n_query]
        drawn = np.take_along_axis(self._members[ways], picked, axis=1)
        return Episode(self._classes[ways], drawn[:, : self.k_shot], drawn[:, self.k_shot :])

    def stream(self, *, seed: int, start: int, stop: int) -> Iterator[Episode]:
        """Yield the episodes of the training steps ``start`` to ``stop - 1``.

        The episode of a step depends on `seed` and the step alone, so that a training that is taken up again sees
        what it would have seen.
        """
        for step in range(start, stop):
            yield self.sample(np.random.default_rng([seed, step]))


def sample_episodes(
    dataset: Dataset, *, n_way: int, k_shot: int, n_query: int, episodes: int, rng: np.random.Generator
) -> list[Episode]:
    """Draw a fixed list of episodes, for example to evaluate several models on the same tasks.

    Raises
    ------
    ValueError
        As `EpisodeSampler`.
    """
    sampler = EpisodeSampler(dataset.labels, n_way=n_way, k_shot=k_shot, n_query=n_query)
    return [sampler.sample(rng) for _ in range(episodes)]


def group_labels(dataset: Dataset, *, classes: int) -> list[Indices]:
    """The labels of each group that has at least so many classes, in the order of the groups; none without groups."""
    if dataset.groups is None:
        return []
    members = [np.flatnonzero(dataset.groups == group) for group in np.unique(dataset.groups)]
    return [labels.astype(np.int64) for labels in members if len(labels) >= classes]


def sample_group_episodes(
    dataset: Dataset, *, n_way: int, k_shot: int, n_query: int, episodes: int, rng: np.random.Generator
) -> list[Episode]:
    """Draw episodes whose classes all belong to one group, such as an alphabet.

    Each episode draws its group first, all groups of `n_way` classes or more being equally likely; smaller ones are
    left out.

    Raises
    ------
    ValueError
        If no group has enough classes, or a class too few samples.
    """
    groups = group_labels(dataset, classes=n_way)
    if not groups:
        raise ValueError(f"no group has {n_way} classes: lower n_way or add classes")
    rows = [np.flatnonzero(np.isin(dataset.labels, labels)).astype(np.int64) for labels in groups]
    samplers = [EpisodeSampler(dataset.labels[r], n_way=n_way, k_shot=k_shot, n_query=n_query) for r in rows]
    drawn = []
    for group in rng.integers(len(groups), size=episodes):
        episode = samplers[group].sample(rng)
        drawn.append(Episode(episode.classes, rows[group][episode.support], rows[group][episode.query]))
    return drawn
