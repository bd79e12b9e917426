"""From measured episodes to figures: intervals, the spread over trainings, paired tests, what int8 costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from kshot.comparison.candidates import Candidate
from kshot.comparison.held_out import HeldOut
from kshot.comparison.measuring import STAGES, Exactness, Measured
from trainer.episode_list import EpisodeList
from trainer.evaluate import Accuracy
from trainer.statistics import Interval, class_bootstrap, holm, paired_t, sign_flip

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One candidate, stage and task.

    Attributes
    ----------
    name, learner, backbone : str
    seed : int or None
    stage, task : str
    accuracy : Accuracy
        With the interval over episodes.
    classes : Interval
        The bootstrap over classes.
    """

    name: str
    learner: str
    backbone: str
    seed: int | None
    stage: str
    task: str
    accuracy: Accuracy
    classes: Interval

    def row(self) -> dict[str, str | int | float | None]:
        """Flat; accuracies are fractions of 1."""
        return {
            "name": self.name,
            "learner": self.learner,
            "backbone": self.backbone,
            "seed": self.seed,
            "stage": self.stage,
            "task": self.task,
            "mean": self.accuracy.mean,
            "ci95": self.accuracy.ci95,
            "class_low": self.classes.low,
            "class_high": self.classes.high,
            "episodes": self.accuracy.episodes,
        }


@dataclass(frozen=True)
class Trainings:
    """Several trainings that differ in the seed alone.

    Attributes
    ----------
    label, stage, task : str
    trainings : int
    mean, sd, low, high : float
        Of their accuracies: the mean, the sample standard deviation, the worst and the best, fractions of 1.
    """

    label: str
    stage: str
    task: str
    trainings: int
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedTest:
    """Two learners on the same episodes of one task; where a learner has several trainings, their mean.

    Attributes
    ----------
    first, second : str
        Labels.
    stage, task : str
    difference, ci95 : float
        Mean of first less second over the episodes, and half its 95 % interval, fractions of 1.
    t_p, t_holm : float
        Paired t test, two-sided, as it is and corrected for all tests of this comparison.
    flip_p, flip_holm : float
        Sign-flip permutation test, likewise.
    """

    first: str
    second: str
    stage: str
    task: str
    difference: float
    ci95: float
    t_p: float
    t_holm: float
    flip_p: float
    flip_holm: float


@dataclass(frozen=True)
class Loss:
    """What a candidate loses in one task from float to the last int8 form, over the same episodes.

    Attributes
    ----------
    name, stage, task : str
        The stage is the form that is compared with float.
    difference, ci95 : float
        Float less that form, and half the 95 % interval, fractions of 1.
    """

    name: str
    stage: str
    task: str
    difference: float
    ci95: float


@dataclass(frozen=True, eq=False)
class Figures:
    """All that a comparison found out.

    Attributes
    ----------
    labels : mapping
        For each candidate's name the label of its learner and backbone.
    cells : sequence of Cell
    trainings : sequence of Trainings
        Where a learner and backbone was trained more than once.
    tests : sequence of PairedTest
        Between learners, in the last form that all candidates have.
    losses : sequence of Loss
    exactness : sequence of Exactness
    """

    labels: Mapping[str, str]
    cells: Sequence[Cell]
    trainings: Sequence[Trainings]
    tests: Sequence[PairedTest]
    losses: Sequence[Loss]
    exactness: Sequence[Exactness]


def summarise(
    measured: Sequence[Measured], exactness: Sequence[Exactness], episodes: EpisodeList, held_out: HeldOut
) -> Figures:
    """Work out every figure.

    Parameters
    ----------
    measured : sequence of Measured
    exactness : sequence of Exactness
    episodes : EpisodeList
    held_out : HeldOut
    """
    seed = episodes.protocol.seed
    # A character and its rotations share drawings, so they are one unit; images without rotation come first.
    characters = len(held_out.dataset.class_names)
    units = {task: np.stack([e.classes for e in listed]) % characters for task, listed in episodes.tasks.items()}
    groups = _groups([m.candidate for m in measured])
    return Figures(
        labels={candidate.name: label for label, members in groups.items() for candidate in members},
        cells=[_cell(m, units[m.task], seed) for m in measured],
        trainings=_trainings(measured, groups),
        tests=_tests(measured, groups, seed),
        losses=_losses(measured),
        exactness=exactness,
    )


def _cell(measured: Measured, units: npt.NDArray[np.int64], seed: int) -> Cell:
    candidate = measured.candidate
    return Cell(
        candidate.name,
        candidate.learner,
        candidate.backbone,
        candidate.seed,
        measured.stage,
        measured.task,
        Accuracy.of(measured.accuracies),
        class_bootstrap(measured.hits, units, rng=np.random.default_rng(seed)),
    )


def _groups(candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    """Trainings of one recipe by a label, in order; the name of the first tells apart recipes of equal label."""
    by_recipe: dict[str, list[Candidate]] = {}
    for candidate in dict.fromkeys(candidates):
        by_recipe.setdefault(candidate.recipe, []).append(candidate)
    labels = [f"{members[0].learner} {members[0].backbone}" for members in by_recipe.values()]
    return {
        label if labels.count(label) == 1 else f"{label} ({members[0].name})": members
        for label, members in zip(labels, by_recipe.values(), strict=True)
    }


def _by_key(measured: Sequence[Measured]) -> dict[tuple[str, str, str], Floats]:
    return {(m.candidate.name, m.stage, m.task): m.accuracies for m in measured}


def _trainings(measured: Sequence[Measured], groups: Mapping[str, Sequence[Candidate]]) -> list[Trainings]:
    found = _by_key(measured)
    keys = list(dict.fromkeys((m.stage, m.task) for m in measured))
    summaries = []
    for label, members in groups.items():
        for stage, task in keys if len(members) > 1 else []:
            means = [float(found[m.name, stage, task].mean()) for m in members if (m.name, stage, task) in found]
            if len(means) > 1:
                spread = float(np.std(means, ddof=1))
                summary = Trainings(
                    label, stage, task, len(means), float(np.mean(means)), spread, min(means), max(means)
                )
                summaries.append(summary)
    return summaries


def _tests(measured: Sequence[Measured], groups: Mapping[str, Sequence[Candidate]], seed: int) -> list[PairedTest]:
    """All pairs of learners in all tasks, one family for Holm's correction."""
    found = _by_key(measured)
    names = {m.candidate.name for m in measured}
    tasks = list(dict.fromkeys(m.task for m in measured))
    stage = next((s for s in reversed(STAGES) if all((n, s, tasks[0]) in found for n in names)), None)
    if stage is None or len(groups) < 2:
        return []
    averaged = {
        (label, task): np.mean([found[member.name, stage, task] for member in members], axis=0)
        for label, members in groups.items()
        for task in tasks
    }
    pairs = [(first, second, task) for task in tasks for first, second in combinations(groups, 2)]
    differences = np.stack([averaged[first, task] - averaged[second, task] for first, second, task in pairs], axis=1)
    t_values, flip_values = paired_t(differences), sign_flip(differences, rng=np.random.default_rng(seed))
    values = zip(t_values, holm(t_values), flip_values, holm(flip_values), strict=True)
    return [
        PairedTest(first, second, stage, task, *_mean_and_ci95(column), *map(float, p))
        for (first, second, task), column, p in zip(pairs, differences.T, values, strict=True)
    ]


def _losses(measured: Sequence[Measured]) -> list[Loss]:
    found = _by_key(measured)
    losses = []
    for m in measured:
        stage = next((s for s in ("device", "int8") if (m.candidate.name, s, m.task) in found), None)
        if m.stage == "float" and stage is not None:
            lost = m.accuracies - found[m.candidate.name, stage, m.task]
            losses.append(Loss(m.candidate.name, stage, m.task, *_mean_and_ci95(lost)))
    return losses


def _mean_and_ci95(values: Floats) -> tuple[float, float]:
    return float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))
