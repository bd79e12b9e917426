"""The open world in int8: what a device accepts, doubts and rejects, with thresholds fixed at enrollment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_gen.host import HostLibrary
from kshot.evaluation import Task
from quantize import reject
from quantize.learners import Answers, Int8Learner
from quantize.rejection import Rejection
from trainer.datasets.dataset import Dataset
from trainer.open_set import OpenSetEpisode, Realised, Separation, sample_open_set_episodes

RATES = (0.01, 0.05)
"""The false-accept rates that are asked for."""

Int8Array = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Judged:
    """What was said in the episodes of one task.

    Attributes
    ----------
    known, unknown : sequence of float64
        Scores of each episode's queries: the distance over the threshold at 5 % of the class that answered.
    right : sequence of bool
        Whether each known query was given its class.
    verdicts : mapping of float to (int64, int64)
        By rate: verdicts on all known queries, and on all unknown ones.
    answers, mismatches : int
        Answers that the compiled C gave, and those that differ from NumPy's in class, distance, margin or verdict.
    """

    known: Sequence[npt.NDArray[np.float64]]
    unknown: Sequence[npt.NDArray[np.float64]]
    right: Sequence[npt.NDArray[np.bool_]]
    verdicts: dict[float, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]
    answers: int
    mismatches: int


@dataclass(frozen=True)
class OpenSetResult:
    """One task, one requested rate.

    Attributes
    ----------
    name : str
        Of what was measured.
    task : Task
    episodes : int
    separation : Separation
    realised : Realised
    answers, mismatches : int
        As in `Judged`, over all rates; no answers where nothing was compiled.
    """

    name: str
    task: Task
    episodes: int
    separation: Separation
    realised: Realised
    answers: int
    mismatches: int

    def row(self) -> dict[str, str | int | float]:
        """The result as a flat row; rates are fractions of 1."""
        return {
            "name": self.name,
            "n_way": self.task.n_way,
            "shots": self.task.k_shot,
            "episodes": self.episodes,
            "requested_far": self.realised.requested,
            "realised_far": self.realised.false_accepts,
            "frr": self.realised.false_rejects,
            "uncertain_known": self.realised.uncertain_known,
            "uncertain_unknown": self.realised.uncertain_unknown,
            "wrongly_accepted": self.realised.wrongly_accepted,
            "auroc": self.separation.auroc,
            "frr_at_1": self.separation.frr_at_1,
            "frr_at_5": self.separation.frr_at_5,
            "eer": self.separation.equal_error_rate,
            "oscr": self.separation.oscr,
            "answers": self.answers,
            "mismatches": self.mismatches,
        }


def draw_open_set_episodes(
    dataset: Dataset, task: Task, *, n_unknown: int, n_query: int, episodes: int, seed: int
) -> list[OpenSetEpisode]:
    """Episodes of `task` with `n_unknown` unknown classes, the same ones for the same seed.

    Raises
    ------
    DatasetError
        If the set has too few classes, or a class too few images.
    """
    dataset.require(task.k_shot + n_query, classes=task.n_way + n_unknown)
    rng = np.random.default_rng([seed, task.n_way, task.k_shot, n_unknown])
    sizes: dict[str, Any] = {"n_way": task.n_way, "k_shot": task.k_shot, "n_unknown": n_unknown, "n_query": n_query}
    return sample_open_set_episodes(dataset, **sizes, episodes=episodes, rng=rng)


def judge(
    learner: Int8Learner,
    rejection: Rejection,
    embeddings: Int8Array,
    episodes: Iterable[OpenSetEpisode],
    *,
    library: HostLibrary | None = None,
    rates: Sequence[float] = RATES,
) -> Judged:
    """Answer every episode at every rate, in NumPy and, where there is a library, in the compiled C.

    Parameters
    ----------
    learner : Int8Learner
    rejection : Rejection
    embeddings : int8 [n, d]
        Of the images that the episodes index.
    episodes : iterable of OpenSetEpisode
    library : HostLibrary, optional
        Of a project that was generated with this rejection.
    rates : sequence of float
        Whole thousandths.
    """
    known, unknown, right = [], [], []
    verdicts: dict[float, list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]] = {rate: [] for rate in rates}
    answered, mismatches = 0, 0
    for episode in episodes:
        support, queries = embeddings[episode.known.support], embeddings[episode.queries]
        answers, count = learner.answer(support, queries), episode.known.query.size
        for rate in rates:
            judged = reject.verdicts(answers, learner, rejection, support, queries, rate=reject.rate_of(rate))
            verdicts[rate].append((judged[:count], judged[count:]))
            if library is not None:
                found, said = library.judge_episode(support, queries, per_mille=round(1000 * rate))
                mismatches += _differing(found, answers, said != judged)
                answered += len(queries)
        limits = reject.thresholds(learner, rejection, support, rate=reject.rate_of(0.05)).accept
        scores = answers.distances / np.maximum(limits[answers.ways], 1)
        known.append(scores[:count])
        unknown.append(scores[count:])
        right.append(answers.ways[:count] == episode.known.query_ways)
    joined = {
        rate: (np.concatenate([k for k, _ in parts]), np.concatenate([u for _, u in parts]))
        for rate, parts in verdicts.items()
    }
    return Judged(known, unknown, right, joined, answered, mismatches)


def results_of(name: str, task: Task, judged: Judged) -> list[OpenSetResult]:
    """Summarise one task, a result a rate."""
    separation = Separation.of(judged.known, judged.unknown, judged.right)
    right = np.concatenate(judged.right)
    return [
        OpenSetResult(
            name=name,
            task=task,
            episodes=len(judged.known),
            separation=separation,
            realised=Realised.of(rate, known, unknown, right),
            answers=judged.answers,
            mismatches=judged.mismatches,
        )
        for rate, (known, unknown) in judged.verdicts.items()
    ]


def _differing(found: Answers, wanted: Answers, other_verdict: npt.NDArray[np.bool_]) -> int:
    """Answers that differ in anything, the verdict included."""
    same = (found.ways == wanted.ways) & (found.distances == wanted.distances) & (found.margins == wanted.margins)
    return int((~same | other_verdict).sum())
