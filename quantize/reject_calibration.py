"""Calibration of `quantize.reject.Rejection`: which impostors travel, and the tables, from int8 embeddings.

What is calibrated is the share of unknown samples that are accepted. Classes that the network was not trained on say it
best, for they lie closer together than those that it was trained to hold apart. Where none can be spared, training
classes serve, drawn from few of their groups at a time: characters of a few alphabets resemble each other more than
those of all, which weighs about as much as the training did.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
import numpy.typing as npt

from quantize import learners, reference
from quantize.artifact import Int8Embedding
from quantize.learners import Int8Learner, Nearest, Prototypes
from quantize.learners.base import Int8Array
from quantize.learners.exemplars import squared_distances
from quantize.reject import (
    FACTOR_BITS,
    NEARLY_BITS,
    RATE_ONE,
    RATIO_BITS,
    base_of_impostors,
    distances_to_classes,
    ratios,
    spreads,
)
from quantize.rejection import LOWEST_RATE_BITS, MIN_IMPOSTORS, RATE_KNOTS, Rejection, tail_bits_of
from trainer.datasets.dataset import Dataset

Int64Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

WAY_KNOTS, SHOT_KNOTS = 5, 5
MIN_CLASSES = 3
DEFAULT_IMPOSTORS = 64

ENOUGH_CLASSES = 10
"""From so many held-out classes on, these calibrate; with fewer, the training classes do."""
GROUP_PARTS = 5
"""Training classes calibrate from a fifth of their groups at a time ..."""
ENOUGH_GROUPS = 2 * GROUP_PARTS
"""... if there are so many groups; else from all at once, and more of the unknown is accepted than asked for."""

_CANDIDATES = 1000
_CLASSES, _CLASS_SAMPLES = 240, 16
_GROUPED_CLASSES, _GROUPED_SAMPLES = 640, 12
_UNKNOWN_SAMPLES = 20_000
_EPISODES, _GROUPED_EPISODES = (50, 300), 400
_OWN_SAMPLES = 10
_RATES = 2.0 ** np.arange(LOWEST_RATE_BITS, LOWEST_RATE_BITS + RATE_KNOTS) / RATE_ONE


class RejectionError(ValueError):
    """Rejection cannot be calibrated from these samples; the message says what would work."""


def with_rejection(
    embedding: Int8Embedding,
    training: Dataset,
    held_out: Dataset | None,
    *,
    impostors: int = DEFAULT_IMPOSTORS,
    rng: np.random.Generator,
) -> Int8Embedding:
    """Give an embedding what it needs to reject.

    Parameters
    ----------
    embedding : Int8Embedding
    training : Dataset
        The classes that the network was trained on; impostors are chosen from them.
    held_out : Dataset or None
        Classes that it was not trained on, and that no test will use. With none, or fewer than `ENOUGH_CLASSES`, the
        training classes calibrate: by fifths of their groups, or, with fewer groups than `ENOUGH_GROUPS`, all
        together, and then realised rates will lie above the requested ones.
    impostors : int
        How many to choose.
    rng : numpy.random.Generator

    Raises
    ------
    RejectionError
        If there are too few samples or classes.
    """
    pool = rng.permutation(len(training))[: 2 * max(_CANDIDATES, impostors)]
    chosen = choose_impostors(_embedded(embedding, training, pool), count=impostors, rng=rng)
    source = training if held_out is None or len(held_out.class_names) < ENOUGH_CLASSES else held_out
    groups = training.groups if source is training else None
    if groups is not None and len(np.unique(groups)) < ENOUGH_GROUPS:
        groups = None
    count, each = (_CLASSES, _CLASS_SAMPLES) if groups is None else (_GROUPED_CLASSES, _GROUPED_SAMPLES)
    classes = np.sort(rng.permutation(len(source.class_names))[:count])
    of_class = [np.flatnonzero(source.labels == label) for label in classes]
    rows = np.concatenate([rng.permutation(found)[:each] for found in of_class])
    rejection = calibrate(
        learners.of(embedding),
        chosen,
        _embedded(embedding, source, rows),
        source.labels[rows],
        rng=rng,
        groups=None if groups is None else groups[classes],
        calibrated_on="training groups" if groups is not None else "training" if source is training else "validation",
        classes=tuple(source.class_names[label] for label in classes),
    )
    return replace(embedding, rejection=rejection)


def _embedded(embedding: Int8Embedding, dataset: Dataset, rows: Int64Array) -> Int8Array:
    found = reference.run(embedding.graph, embedding.quantize_input(dataset.images[rows]))
    return found.reshape(len(rows), -1)


def choose_impostors(embeddings: Int8Array, *, count: int, rng: np.random.Generator) -> Int8Array:
    """Choose samples near which any new class is likely to lie.

    Greedy facility location (Cornuejols, Fisher and Nemhauser, 1977): one after the other, the candidate that most
    shortens the mean distance of other samples to the nearest chosen one.

    Parameters
    ----------
    embeddings : int8 [n, d]
        Of samples of training classes.
    count : int
        How many to choose.
    rng : numpy.random.Generator

    Returns
    -------
    int8 [count, d]

    Raises
    ------
    RejectionError
        If there are too few.
    """
    if count < MIN_IMPOSTORS or len(embeddings) < 2 * count:
        raise RejectionError(
            f"{count} impostors from {len(embeddings)} training samples: at least {MIN_IMPOSTORS} are needed, "
            "and twice as many samples as impostors; set [quantize] impostors to 0 to leave rejection out"
        )
    order = rng.permutation(len(embeddings))
    size = min(max(_CANDIDATES, count), len(embeddings) // 2)
    candidates, points = embeddings[order[:size]], embeddings[order[size : 2 * size]]
    # a root keeps samples that are far from everything from deciding alone
    table = np.sqrt(squared_distances(candidates, points)).astype(np.float32)
    nearest = np.full(len(points), np.float32(np.inf))
    chosen: list[int] = []
    for _ in range(count):
        left = np.minimum(table, nearest).sum(axis=1)
        left[chosen] = np.inf
        chosen.append(int(left.argmin()))
        nearest = np.minimum(nearest, table[chosen[-1]])
    found: Int8Array = candidates[chosen]
    return found


def calibrate(
    learner: Int8Learner,
    impostors: Int8Array,
    embeddings: Int8Array,
    labels: npt.NDArray[np.int64],
    *,
    rng: np.random.Generator,
    groups: Int64Array | None = None,
    calibrated_on: str = "validation",
    classes: tuple[str, ...] = (),
) -> Rejection:
    """Find the tables for a learner.

    Parameters
    ----------
    learner : Int8Learner
    impostors : int8 [m, d]
        From `choose_impostors`.
    embeddings : int8 [n, d]
        Samples of classes that the network was not trained on, or of training classes.
    labels : int64 [n]
    rng : numpy.random.Generator
    groups : int64 [classes], optional
        Of the classes, in the order of their labels. An episode is then drawn from a fifth of the groups.
    calibrated_on, classes
        As in `quantize.reject.Rejection`.

    Raises
    ------
    RejectionError
        If there are too few classes, or none with two samples.

    Notes
    -----
    For 1, 2, 4, 8 and 16 classes, each of 1, 2, 4, 8 and 16 shots, many episodes are drawn: the classes of one are
    enrolled, and one sample of every other class is unknown. A factor is the quantile of the unknowns' distances over
    their class's base. Where the data allow no more classes or shots, the last row stands for what would follow.
    """
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    if len(members) < MIN_CLASSES or max(map(len, members)) < 2:
        raise RejectionError(
            f"{len(members)} classes to calibrate rejection on; at least {MIN_CLASSES} are needed, of two samples or "
            "more: hold out more classes, or set [quantize] impostors to 0 to leave rejection out"
        )
    pool = _Pool(learner, impostors, embeddings, members, groups, _spread(embeddings, members))
    knots_shots = [1 << i for i in range(SHOT_KNOTS) if pool.allows(1, 1 << i)]
    knots_ways = [1 << i for i in range(WAY_KNOTS) if pool.allows(1 << i, 1)]
    cells: dict[tuple[int, int], _Cell] = {}
    for ways in knots_ways:
        for shots in knots_shots:
            fits = pool.allows(ways, shots)
            cells[ways, shots] = pool.cell(ways, shots, rng) if fits else cells[ways, shots // 2]
    own = [np.concatenate([cells[ways, shots].own for ways in knots_ways]) for shots in knots_shots]
    return Rejection(
        impostors=impostors,
        factors=np.array([[cells[w, s].factors for s in knots_shots] for w in knots_ways], np.uint16),
        priors=np.array([[cells[w, s].prior for s in knots_shots] for w in knots_ways], np.uint32),
        typical=np.array([np.quantile(values, 0.5) for values in own], np.uint32),
        far=np.array([np.quantile(values, 0.98) for values in own], np.uint32),
        spread=pool.spread,
        calibrated_on=calibrated_on,
        classes=classes,
    )


@dataclass(frozen=True, eq=False)
class _Cell:
    """What was found for one number of classes and of shots."""

    factors: npt.NDArray[np.uint16]
    prior: int
    own: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Pool:
    """Samples that episodes are drawn from."""

    learner: Int8Learner
    impostors: Int8Array
    embeddings: Int8Array
    members: list[npt.NDArray[np.int64]]
    groups: Int64Array | None
    spread: int

    def allows(self, ways: int, shots: int) -> bool:
        """Whether so many classes can be enrolled while as many stay unknown, and the enrolled have a sample left."""
        return 2 * ways <= len(self.members) and sum(len(rows) > shots for rows in self.members) >= ways

    def cell(self, ways: int, shots: int, rng: np.random.Generator) -> _Cell:
        """Draw the episodes of one number of classes and of shots."""
        counts = np.array([len(rows) for rows in self.members])
        starts, rows_by_class = np.cumsum(counts) - counts, np.concatenate(self.members)
        bases, between, own = [], [], []
        tail_bits = tail_bits_of(len(self.impostors))
        for world in self._worlds(ways, shots, rng):
            enrolled = rng.choice(world[counts[world] > shots], ways, replace=False)
            others = np.setdiff1d(world, enrolled)
            rows = [rng.permutation(self.members[i])[: shots + _OWN_SAMPLES] for i in enrolled]
            support = [self.embeddings[row[:shots]] for row in rows]
            left = np.concatenate([row[shots:] for row in rows])
            unknown = rows_by_class[starts[others] + rng.integers(counts[others])]
            asked = np.concatenate([self.impostors, self.embeddings[left], self.embeddings[unknown]])
            table = distances_to_classes(self.learner, support, asked)
            impostors, known, strangers = np.split(table, np.cumsum([len(self.impostors), len(left)]))
            bases.append(base_of_impostors(impostors.min(axis=1), tail_bits))
            of = np.repeat(np.arange(ways), [len(row) - shots for row in rows])
            own.append(known[np.arange(len(of)), of])
            answered = self._answered(support, unknown, strangers)
            between.append(_accepted_between(strangers, answered, ratios(support, self.spread)))
        prior = round(float(np.mean(bases)))
        scores = [found / max((base + prior) // 2, 1) for found, base in zip(between, bases, strict=True)]
        return _Cell(_factors(np.concatenate(scores)), prior, np.concatenate(own))

    def _worlds(self, ways: int, shots: int, rng: np.random.Generator) -> Iterator[Int64Array]:
        """The classes of each episode, ascending; groups are dealt into parts, so that all come equally often."""
        everything = np.arange(len(self.members))
        if self.groups is None:
            episodes = math.ceil(_UNKNOWN_SAMPLES / (len(everything) - ways))
            yield from repeat(everything, int(np.clip(episodes, *_EPISODES)))
            return
        can_teach = np.array([len(rows) > shots for rows in self.members])
        for _ in range(_GROUPED_EPISODES // GROUP_PARTS):
            for part in np.array_split(rng.permutation(np.unique(self.groups)), GROUP_PARTS):
                world = np.flatnonzero(np.isin(self.groups, part))
                yield world if len(world) >= 2 * ways and can_teach[world].sum() >= ways else everything

    def _answered(self, support: list[Int8Array], unknown: Int64Array, table: Int64Array) -> Int64Array:
        """The class that the learner answers each unknown sample with."""
        if isinstance(self.learner, Prototypes | Nearest):
            nearest: Int64Array = table.argmin(axis=1)
            return nearest
        return self.learner.answer(support, self.embeddings[unknown]).ways


def _accepted_between(table: Int64Array, answered: Int64Array, ratio: Int64Array) -> Floats:
    """From which factor of the base on each sample is accepted, and from which on a rival is, too, float64 [n, 2]."""
    rows = np.arange(len(table))
    scaled = table * (1 << RATIO_BITS) / ratio
    own = table[rows, answered]
    rivals = table - own[:, None] <= own[:, None] >> NEARLY_BITS
    rivals[rows, answered] = False
    found: Floats = np.stack([scaled[rows, answered], np.where(rivals, scaled, np.inf).min(axis=1)], axis=1)
    return found


def _factors(between: Floats) -> npt.NDArray[np.uint16]:
    """For each rate the largest factor up to which no more samples are accepted, uint16 [9], Q14."""
    accepted_from, rivalled_from = np.sort(between[between[:, 0] < between[:, 1]], axis=0).T
    accepted = 1 + np.arange(len(accepted_from)) - np.searchsorted(rivalled_from, accepted_from, side="right")
    # the first sample that makes them too many ends it: if rivals make them fewer again, that is not looked for
    ends = np.searchsorted(np.maximum.accumulate(accepted), _RATES * len(between), side="right")
    at = accepted_from[np.minimum(ends, len(accepted_from) - 1)] if len(accepted_from) else np.zeros(len(_RATES))
    limited: npt.NDArray[np.uint16] = np.clip(np.ceil(at * (1 << FACTOR_BITS)) - 1, 0, 2**16 - 1).astype(np.uint16)
    return limited


def _spread(embeddings: Int8Array, members: list[npt.NDArray[np.int64]]) -> int:
    several = [embeddings[rows] for rows in members if len(rows) > 1]
    return max(1, round(float(spreads(several).mean())))
