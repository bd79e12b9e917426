"""Accuracy of one embedding in its three forms, float, int8 and device, over the same episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_gen.host import HostLibrary
from quantize import learners as int8_learners
from quantize import reference
from quantize.artifact import Int8Embedding
from quantize.learners import Int8Learner
from trainer import learners
from trainer.artifact import TrainedEmbedding
from trainer.datasets.dataset import Dataset
from trainer.episodes import Episode, sample_episodes
from trainer.evaluate import Accuracy, Classifier, embed_images, evaluate_episodes


@dataclass(frozen=True)
class Task:
    """A kind of episode: `n_way` classes, each learned from `k_shot` examples.

    Raises
    ------
    ValueError
        If there are fewer than two classes or no shot.
    """

    n_way: int
    k_shot: int

    def __post_init__(self) -> None:
        if self.n_way < 2 or self.k_shot < 1:
            raise ValueError(f"task {self.name}: needs at least 2 classes and 1 shot")

    @property
    def name(self) -> str:
        """Short name, such as 5w1s; `parse` reads it."""
        return f"{self.n_way}w{self.k_shot}s"

    @classmethod
    def parse(cls, name: str) -> Task:
        """Read a short name.

        Raises
        ------
        ValueError
            If it is not written like 5w1s.
        """
        n_way, _, k_shot = name.removesuffix("s").partition("w")
        if not (name.endswith("s") and n_way.isdecimal() and k_shot.isdecimal()):
            raise ValueError(f"task {name!r} is not written like 5w1s")
        return cls(int(n_way), int(k_shot))


@dataclass(frozen=True, eq=False)
class Stage:
    """One form of the embedding, with all images of a data set embedded.

    Attributes
    ----------
    name : str
        "float", "int8" (the NumPy reference), "device" (the generated C, compiled) or "host" (what no device can do).
    embeddings : float32 or int8 [n, d]
        Row i embeds image i; of "host", the images themselves.
    classify : Classifier
        The learner in that form.
    """

    name: str
    embeddings: npt.NDArray[Any]
    classify: Classifier


@dataclass(frozen=True)
class Result:
    """Accuracy of one stage on one task."""

    stage: str
    task: Task
    accuracy: Accuracy

    def row(self) -> dict[str, str | int | float]:
        """The result as a flat row; accuracies are fractions of 1."""
        return {
            "stage": self.stage,
            "n_way": self.task.n_way,
            "k_shot": self.task.k_shot,
            "episodes": self.accuracy.episodes,
            "mean": self.accuracy.mean,
            "ci95": self.accuracy.ci95,
        }


def float_stage(trained: TrainedEmbedding, images: npt.NDArray[np.uint8]) -> Stage:
    """Embed `images`, uint8 [n, height, width, channels], with the Keras model."""
    embeddings = embed_images(trained.keras_model(), images, trained.input)
    return Stage(
        "float", embeddings, learners.get(trained.learner, trained.learner_options).classifier(trained.learned)
    )


def host_stages(trained: TrainedEmbedding, images: npt.NDArray[np.uint8]) -> list[Stage]:
    """`float_stage` and, where a method does more on the host than any device can, that as the stage "host".

    What it does is the learner's `host_only_classifier`; its "embeddings" are the images as they are.
    """
    learner = learners.get(trained.learner, trained.learner_options)
    classify = learner.host_only_classifier(trained.keras_model(), trained.input, trained.learned)
    stages = [float_stage(trained, images)]
    return stages if classify is None else [*stages, Stage("host", images, classify)]


def int8_stage(embedding: Int8Embedding, images: npt.NDArray[np.uint8]) -> Stage:
    """Embed `images`, uint8 [n, height, width, channels], with the NumPy reference."""
    embeddings = reference.run(embedding.graph, embedding.quantize_input(images))
    return Stage("int8", embeddings, int8_learners.of(embedding).classify)


def device_stage(library: HostLibrary, embedding: Int8Embedding, images: npt.NDArray[np.uint8]) -> Stage:
    """Embed `images`, uint8 [n, height, width, channels], with the compiled C."""
    return Stage("device", library.embed(embedding.quantize_input(images)), library.classify)


def draw_episodes(dataset: Dataset, task: Task, *, n_query: int, episodes: int, seed: int) -> list[Episode]:
    """Episodes of `task`, the same ones for the same seed whatever else is measured.

    Raises
    ------
    DatasetError
        If the set has too few classes, or a class too few images.
    """
    dataset.require(task.k_shot + n_query, classes=task.n_way)
    rng = np.random.default_rng([seed, task.n_way, task.k_shot])
    return sample_episodes(dataset, n_way=task.n_way, k_shot=task.k_shot, n_query=n_query, episodes=episodes, rng=rng)


def evaluate_stages(
    stages: Sequence[Stage],
    dataset: Dataset,
    tasks: Iterable[Task],
    *,
    n_query: int,
    episodes: int,
    seed: int,
    progress: Callable[[str], None] | None = None,
) -> list[Result]:
    """Measure every stage on every task; all stages answer the same episodes.

    Parameters
    ----------
    stages : sequence of Stage
        Embeddings of the images of `dataset`.
    dataset : Dataset
        Classes that took no part in training.
    tasks : iterable of Task
    n_query, episodes, seed : int
        Queries of each class, episodes of each task, and where they start.
    progress : callable, optional
        Receives what is being measured.

    Raises
    ------
    DatasetError
        If the set has too few classes, or a class too few images.
    """
    results = []
    for task in tasks:
        drawn = draw_episodes(dataset, task, n_query=n_query, episodes=episodes, seed=seed)
        for stage in stages:
            if progress:
                progress(f"{stage.name} {task.name}")
            results.append(Result(stage.name, task, evaluate_episodes(stage.embeddings, drawn, stage.classify)))
    return results


@dataclass(frozen=True)
class Comparison:
    """Two exact stages beside each other.

    Attributes
    ----------
    inputs, answers : int
        Embeddings, and answers to queries, that were compared.
    mismatches : int
        Embeddings that differ in any value, plus answers that differ in class, distance or margin.
    """

    inputs: int
    answers: int
    mismatches: int


def compare_device(
    library: HostLibrary, learner: Int8Learner, int8: Stage, device: Stage, episodes: Iterable[Episode]
) -> Comparison:
    """Hold the compiled C against the NumPy reference: every embedding, and every answer of the episodes.

    Parameters
    ----------
    library : HostLibrary
    learner : Int8Learner
    int8, device : Stage
        Both over the images that the episodes index.
    episodes : iterable of Episode
    """
    mismatches = int((int8.embeddings != device.embeddings).any(axis=1).sum())
    answers = 0
    for episode in episodes:
        rows = episode.query.reshape(-1)
        expected = learner.answer(int8.embeddings[episode.support], int8.embeddings[rows])
        found = library.run_episode(device.embeddings[episode.support], device.embeddings[rows])
        mismatches += found.differing(expected)
        answers += len(rows)
    return Comparison(len(int8.embeddings), answers, mismatches)
