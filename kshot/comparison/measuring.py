"""Answering the stored episodes: every candidate in every form, each image embedded once for each form."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_gen import emit
from firmware_gen.host import HostLibrary
from kshot import evaluation
from kshot.comparison.candidates import Candidate
from quantize import learners as int8_learners
from quantize.artifact import Int8Embedding
from trainer.episode_list import EpisodeList
from trainer.episodes import Episode
from trainer.evaluate import Classifier, class_accuracies

STAGES = ("float", "int8", "device")
COMPILER = "cc"

Note = Callable[[str], None]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measured:
    """What one form of one candidate did in one task.

    Attributes
    ----------
    candidate : Candidate
    stage : str
        "float", "int8" (the NumPy reference) or "device" (the generated C, compiled).
    task : str
    hits : float64 [episodes, n_way]
        Share of each class's queries that were recognised.
    """

    candidate: Candidate
    stage: str
    task: str
    hits: Floats

    @property
    def accuracies(self) -> Floats:
        """Of each episode, float64 [episodes]."""
        means: Floats = self.hits.mean(axis=1)
        return means


@dataclass(frozen=True)
class Exactness:
    """The compiled C beside the NumPy reference, over all images and all episodes.

    Attributes
    ----------
    name : str
        Of the candidate.
    embeddings, answers : int
        How many were compared.
    embedding_mismatches, answer_mismatches : int
        Embeddings that differ in any value; answers that differ in class, distance or margin.
    """

    name: str
    embeddings: int
    answers: int
    embedding_mismatches: int
    answer_mismatches: int

    @property
    def mismatches(self) -> int:
        """Both kinds together."""
        return self.embedding_mismatches + self.answer_mismatches


def can_compile() -> bool:
    """Whether the device's C can be compiled here."""
    return shutil.which(COMPILER) is not None


def measure(
    candidate: Candidate, images: npt.NDArray[np.uint8], episodes: EpisodeList, *, folder: Path, note: Note
) -> tuple[list[Measured], Exactness | None]:
    """Let one candidate answer all episodes.

    Parameters
    ----------
    candidate : Candidate
    images : uint8 [n, height, width, channels]
        What the episodes index.
    episodes : EpisodeList
    folder : Path
        Where compiled libraries are kept.
    note : callable
        Receives what is being done.

    Returns
    -------
    list of Measured
        By stage, then by task.
    Exactness or None
        None without an int8 form or a C compiler.

    Raises
    ------
    ArtifactError, UnsupportedModelError, HostBuildError
        If a form cannot be loaded, has no learner on the device, or does not compile.
    """
    measured: list[Measured] = []
    if candidate.measures_float and candidate.trained is not None:
        note(f"{candidate.name}: float")
        stage = evaluation.float_stage(candidate.trained, images)
        for task, listed in episodes.tasks.items():
            hits = _float_hits(stage.embeddings, listed, stage.classify)
            measured.append(Measured(candidate, "float", task, hits))
    if candidate.int8 is None:
        return measured, None
    exact, exactness = _measure_int8(candidate, candidate.int8, images, episodes, folder=folder, note=note)
    return measured + exact, exactness


def _float_hits(embeddings: npt.NDArray[Any], episodes: Sequence[Episode], classify: Classifier) -> Floats:
    rows = [class_accuracies(classify(embeddings[e.support], embeddings[e.query.reshape(-1)]), e) for e in episodes]
    return np.stack(rows)


def _measure_int8(
    candidate: Candidate,
    int8: Int8Embedding,
    images: npt.NDArray[np.uint8],
    episodes: EpisodeList,
    *,
    folder: Path,
    note: Note,
) -> tuple[list[Measured], Exactness | None]:
    """The NumPy reference and, where there is a compiler, the C beside it, each asked once."""
    note(f"{candidate.name}: int8")
    learner = int8_learners.of(int8)
    reference = evaluation.int8_stage(int8, images).embeddings
    library, device = None, reference
    if can_compile():
        note(f"{candidate.name}: device")
        library = HostLibrary(emit.generate(int8, name="compared"), folder)
        device = evaluation.device_stage(library, int8, images).embeddings
    hits: dict[tuple[str, str], list[Floats]] = {}
    answered, differing = 0, 0
    for task, listed in episodes.tasks.items():
        for episode in listed:
            asked = episode.query.reshape(-1)
            wanted = learner.answer(reference[episode.support], reference[asked])
            hits.setdefault(("int8", task), []).append(class_accuracies(wanted.ways, episode))
            if library is not None:
                found = library.run_episode(device[episode.support], device[asked])
                hits.setdefault(("device", task), []).append(class_accuracies(found.ways, episode))
                differing += found.differing(wanted)
                answered += len(asked)
    in_order = sorted(hits.items(), key=lambda item: STAGES.index(item[0][0]))
    measured = [Measured(candidate, stage, task, np.stack(rows)) for (stage, task), rows in in_order]
    if library is None:
        return measured, None
    unlike = int((reference != device).any(axis=1).sum())
    return measured, Exactness(candidate.name, len(reference), answered, unlike, differing)
