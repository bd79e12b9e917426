"""Accuracy over episodes: embed each image once, then let a classifier answer every episode.

Nothing here is transductive: an embedding depends on its own image alone (batch normalisation uses the statistics of
the training), and a classifier sees the queries of an episode only as rows that it must answer one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.artifact import InputSpec
from trainer.episodes import Episode

Classifier = Callable[[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[np.int64]]
"""``(support [n_way, k_shot, d], queries [n, d]) -> ways int64 [n]``: for each query a row of the support."""


@dataclass(frozen=True)
class Accuracy:
    """Mean accuracy of the episodes and half the width of its 95 % interval, as fractions of 1.

    Raises
    ------
    ValueError
        If a value lies outside what it can be.
    """

    mean: float
    ci95: float
    episodes: int

    def __post_init__(self) -> None:
        if not (0 <= self.mean <= 1 and self.ci95 >= 0 and self.episodes >= 1):
            raise ValueError(f"accuracy {self.mean} +- {self.ci95} over {self.episodes} episodes")

    @classmethod
    def of(cls, per_episode: npt.ArrayLike) -> Accuracy:
        """Summarise the accuracies of single episodes: ``1.96 * s / sqrt(n)``, s the sample standard deviation.

        The interval is that of the few-shot literature: the spread over episodes, not over trainings or classes.
        With one episode it is unknown and given as 1.
        """
        values = np.asarray(per_episode, dtype=np.float64)
        n = values.size
        ci95 = 1.96 * float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else 1.0
        return cls(float(values.mean()), ci95, n)

    def __str__(self) -> str:
        return f"{100 * self.mean:.2f} ± {100 * self.ci95:.2f} %"


def evaluate_episodes(
    embeddings: npt.NDArray[Any],
    episodes: Sequence[Episode],
    classify: Classifier,
    progress: Callable[[int, int], None] | None = None,
) -> Accuracy:
    """Answer every episode and summarise.

    Parameters
    ----------
    embeddings : any real dtype [n, d]
        Row i embeds image i of the set that the episodes index.
    episodes : sequence of Episode
    classify : Classifier
    progress : callable, optional
        Receives the number of episodes done, and of all.

    Raises
    ------
    ValueError
        If there is no episode, or the classifier answers with another number of values than was asked.
    """
    if not episodes:
        raise ValueError("no episode to evaluate")
    correct = []
    for done, episode in enumerate(episodes, start=1):
        answers = classify(embeddings[episode.support], embeddings[episode.query.reshape(-1)])
        correct.append(class_accuracies(answers, episode).mean())
        if progress:
            progress(done, len(episodes))
    return Accuracy.of(correct)


def class_accuracies(answers: npt.NDArray[np.int64], episode: Episode) -> npt.NDArray[np.float64]:
    """Share of each class's queries that were recognised; every class has equally many.

    Parameters
    ----------
    answers : int64 [n_way * n_query]
        To the flattened query of the episode, as rows of its support.
    episode : Episode

    Returns
    -------
    float64 [n_way]

    Raises
    ------
    ValueError
        If there are more or fewer answers than queries.
    """
    if answers.shape != (episode.query.size,):
        raise ValueError(f"{answers.shape} answers to {episode.query.size} queries")
    right: npt.NDArray[np.float64] = (answers == episode.query_ways).reshape(episode.query.shape).mean(axis=1)
    return right


def embed_images(
    model: Any, images: npt.NDArray[np.uint8], spec: InputSpec, *, batch: int = 256
) -> npt.NDArray[np.float32]:
    """Embed raw images with a Keras model, in inference mode.

    Parameters
    ----------
    model : keras.Model
        Maps ``[n, *spec.shape]`` to ``[n, d]``.
    images : uint8 [n, height, width, channels]
    spec : InputSpec
    batch : int
        Images at a time; bounds the memory.

    Returns
    -------
    float32 [n, d]
    """
    starts = range(0, len(images), batch)
    parts = [np.asarray(model(spec.normalise(images[i : i + batch]), training=False), np.float32) for i in starts]
    embeddings: npt.NDArray[np.float32] = np.concatenate(parts)
    return embeddings
