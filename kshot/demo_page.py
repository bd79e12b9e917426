"""The page of the demonstration: one episode in pictures, and the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kshot.evaluation import Stage, Task, draw_episodes
from kshot.report.figures import write_atomically
from kshot.report.page import ClassRow, Query, demo_page
from kshot.report.tables import accuracy_table, device_table
from trainer.datasets import Dataset

if TYPE_CHECKING:
    from kshot.demo import Outcome

_WAYS, _SHOTS, _QUERIES = 10, 5, 10  # fewer where the data set has fewer
_INTRO = (
    "The network learned from other characters, none of them a class below. Of these it was shown the examples on the"
    " left, and asked about the images on the right. Answers are those of the {stage}."
)
_STAGES = {"device": "generated C", "int8": "int8 reference, for want of a C compiler"}


def write_demo_page(outcome: Outcome, dataset: Dataset, stage: Stage, *, seed: int) -> None:
    """Write `outcome.page`: support and answers of one episode that `stage` answers, and the tables."""
    smallest = int(dataset.counts.min())
    task = Task(n_way=min(_WAYS, len(dataset.class_names)), k_shot=min(_SHOTS, smallest - 1))
    n_query = min(_QUERIES, smallest - task.k_shot)
    (episode,) = draw_episodes(dataset, task, n_query=n_query, episodes=1, seed=seed)
    order = np.argsort(episode.classes)
    ways = stage.classify(stage.embeddings[episode.support], stage.embeddings[episode.query.reshape(-1)])
    ways = ways.reshape(episode.query.shape)
    labels = [dataset.class_names[c] for c in episode.classes]
    rows = [
        ClassRow(
            label=labels[way],
            support=dataset.images[episode.support[way]],
            queries=[
                Query(dataset.images[image], labels[answer], bool(answer == way))
                for image, answer in zip(episode.query[way], ways[way], strict=True)
            ],
        )
        for way in order
    ]
    tables = [accuracy_table(outcome.results)]
    if outcome.builds:
        tables.append(device_table(outcome.builds, outcome.emulations))
    text = demo_page(
        title="kshot: learning handwriting from five examples",
        intro=_INTRO.format(stage=_STAGES[stage.name]),
        classes=rows,
        tables=tables,
    )
    write_atomically(outcome.page, text)
