"""The tasks of a comparison, and the one stored list of their episodes that all candidates answer."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kshot.comparison.candidates import ComparisonError
from kshot.comparison.held_out import HeldOut
from kshot.evaluation import Task
from trainer.datasets import DatasetError
from trainer.episode_list import EpisodeList, Protocol
from trainer.episodes import Episode, group_labels, sample_episodes, sample_group_episodes

WITHIN = "within-alphabet-"
"""Begins the name of a task whose classes all belong to one alphabet, without rotations."""

TASKS = ("5w1s", "5w5s", "20w1s", "20w5s", f"{WITHIN}20w1s")

SEED, EPISODES, QUERIES = 1, 1000, 5


@dataclass(frozen=True)
class Wanted:
    """What was asked for; None takes what the stored list has, or the default.

    Attributes
    ----------
    tasks : tuple of str
        Empty for all.
    seed, episodes, n_query : int or None
    """

    tasks: tuple[str, ...] = ()
    seed: int | None = None
    episodes: int | None = None
    n_query: int | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """The list, where it is stored, and what could not be drawn.

    Attributes
    ----------
    file : Path
    episodes : EpisodeList
        The tasks that are measured, no others.
    skipped : tuple of str
        A line for each task that these classes do not allow, and for what a task leaves out.
    """

    file: Path
    episodes: EpisodeList
    skipped: tuple[str, ...]


def episode_list(held_out: HeldOut, wanted: Wanted, *, folder: Path, file: Path | None = None) -> Drawn:
    """Read the stored list of episodes, or draw and store it.

    Parameters
    ----------
    held_out : HeldOut
    wanted : Wanted
    folder : Path
        Where a list goes that is not named; its name says what it was drawn from.
    file : Path, optional
        A list by name, which must then be of these classes and drawn as asked for.

    Raises
    ------
    ComparisonError
        If a stored list is of other data, or drawn differently, or no task can be drawn.
    ArtifactError
        If the file is damaged.
    ValueError
        If a task's name cannot be read.
    """
    for task in wanted.tasks:
        parse_task(task)
    protocol = Protocol(
        dataset_sha256=held_out.dataset.sha256,
        rotations=held_out.rotations,
        seed=SEED if wanted.seed is None else wanted.seed,
        episodes=EPISODES if wanted.episodes is None else wanted.episodes,
        n_query=QUERIES if wanted.n_query is None else wanted.n_query,
    )
    path = file or folder / _file_name(protocol, wanted.tasks or TASKS)
    if path.exists():
        stored = EpisodeList.load(
            path,
            dataset_sha256=protocol.dataset_sha256,
            rotations=protocol.rotations,
            labels=held_out.turned.labels,
        )
        return _use(stored, path, held_out, wanted)
    tasks, skipped = _possible(wanted.tasks or TASKS, held_out, protocol.n_query)
    drawn = EpisodeList(protocol, {task: _draw(task, held_out, protocol) for task in tasks})
    drawn.save(path)
    return Drawn(path, drawn, skipped)


def parse_task(name: str) -> tuple[Task, bool]:
    """Read a task's name; the second value says whether it stays within an alphabet.

    Raises
    ------
    ValueError
        If it is not written like 5w1s or within-alphabet-20w1s.
    """
    return Task.parse(name.removeprefix(WITHIN)), name.startswith(WITHIN)


def _file_name(protocol: Protocol, tasks: Sequence[str]) -> str:
    """Another name for everything that was drawn otherwise."""
    text = json.dumps([vars(protocol), list(tasks)], sort_keys=True)
    return f"episodes-{hashlib.sha256(text.encode()).hexdigest()[:12]}.npz"


def _use(stored: EpisodeList, path: Path, held_out: HeldOut, wanted: Wanted) -> Drawn:
    """Take from a stored list what was asked for."""
    for name in ("seed", "episodes", "n_query"):
        asked, there = getattr(wanted, name), getattr(stored.protocol, name)
        if asked not in (None, there):
            raise ComparisonError(f"{path} was drawn with {name} {there}, not {asked}; name another --episodes-file")
    if not wanted.tasks:
        left = [task for task in TASKS if task not in stored.tasks]
        reasons = [f"{task} is not in {path}" for task in left]
        return Drawn(path, stored, (*reasons, *_left_out(stored.tasks, held_out)))
    tasks, skipped = _possible(wanted.tasks, held_out, stored.protocol.n_query)
    lacking = [task for task in tasks if task not in stored.tasks]
    if lacking:
        raise ComparisonError(f"{path} holds no episodes of {', '.join(lacking)}; name another --episodes-file")
    return Drawn(path, EpisodeList(stored.protocol, {task: stored.tasks[task] for task in tasks}), skipped)


def _possible(tasks: Sequence[str], held_out: HeldOut, n_query: int) -> tuple[list[str], tuple[str, ...]]:
    """The tasks that these classes allow, and why the others are skipped."""
    possible, skipped = [], []
    for name in dict.fromkeys(tasks):
        task, within = parse_task(name)
        dataset = held_out.dataset if within else held_out.turned
        try:
            dataset.require(task.k_shot + n_query, classes=task.n_way)
            if within and not group_labels(dataset, classes=task.n_way):
                raise DatasetError(f"{dataset.name}: no alphabet has {task.n_way} characters")
        except DatasetError as error:
            skipped.append(f"{name} is skipped: {error}")
        else:
            possible.append(name)
    if not possible:
        raise ComparisonError("nothing can be measured: " + "; ".join(skipped))
    return possible, (*skipped, *_left_out(possible, held_out))


def _left_out(tasks: Iterable[str], held_out: HeldOut) -> list[str]:
    """A line for each task within an alphabet that is not drawn from all of them."""
    lines = []
    for name in tasks:
        task, within = parse_task(name)
        if within:
            kept = {int(label) for labels in group_labels(held_out.dataset, classes=task.n_way) for label in labels}
            small = Counter(held_out.alphabet(i) for i in range(len(held_out.dataset.class_names)) if i not in kept)
            if small:
                named = ", ".join(f"{alphabet} ({count} characters)" for alphabet, count in small.items())
                lines.append(f"{name} leaves out alphabets of fewer than {task.n_way} characters: {named}")
    return lines


def _draw(name: str, held_out: HeldOut, protocol: Protocol) -> list[Episode]:
    """The episodes of one task; they depend on nothing but the data, the seed and the task."""
    task, within = parse_task(name)
    rng = np.random.default_rng([protocol.seed, task.n_way, task.k_shot, within])
    sample = sample_group_episodes if within else sample_episodes
    return sample(
        held_out.dataset if within else held_out.turned,
        n_way=task.n_way,
        k_shot=task.k_shot,
        n_query=protocol.n_query,
        episodes=protocol.episodes,
        rng=rng,
    )
