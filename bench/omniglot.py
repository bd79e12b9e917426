"""`make omniglot`: conv4-32 on Omniglot's background set, trained on 25 alphabets and tested on the other five.

The recipe is examples/omniglot/prototypical-32.toml, with a limit of time. The protocol is that of
`trainer.datasets.splits` for Omniglot: the last five alphabets by name are held out, each character's four rotations
count as classes of their own. Nothing is selected on the held-out alphabets: training runs its schedule to the end and
the last weights (their running average) are what is measured.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from firmware_gen import emit
from firmware_gen.host import HostLibrary
from kshot import pipeline
from kshot.evaluation import (
    Result,
    Task,
    compare_device,
    device_stage,
    draw_episodes,
    evaluate_stages,
    float_stage,
    int8_stage,
)
from kshot.project import load_project
from kshot.report.figures import write_figures
from kshot.report.live import TrainingDisplay
from kshot.report.tables import accuracy_table
from quantize import convert, learners
from quantize.artifact import Int8Embedding
from trainer.artifact import Split, TrainedEmbedding
from trainer.datasets import Dataset, DatasetError, load_dataset, split_classes
from trainer.fit import train

TASKS = (Task(5, 1), Task(5, 5), Task(20, 1), Task(20, 5))
RECIPE = Path("examples/omniglot/prototypical-32.toml")
SOURCE: dict[str, Any] = {"source": "omniglot", "rotations": True}
FOLDER = Path("build/omniglot")


def main() -> None:
    """Train, quantize, compile, measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.omniglot", description=__doc__)
    parser.add_argument("--steps", type=int, help="training episodes (default: those of the recipe)")
    parser.add_argument("--max-seconds", type=float, default=1170.0, help="limit of training (default: %(default)s)")
    parser.add_argument("--episodes", type=int, default=1000, help="test episodes a task (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        dataset = load_dataset(**SOURCE)
    except DatasetError as error:
        sys.exit(f"{error}")

    names = split_classes(dataset)
    split = Split(train=names.train, validation=(), test=names.validation)
    started = time.monotonic()
    trained = _train(dataset, split, options)
    train_seconds = time.monotonic() - started
    embedding = _quantize(trained, dataset.subset(split.train), seed=options.seed)
    results, mismatches = _measure(trained, embedding, dataset.subset(split.test), options)

    accuracy_table(results).print()
    print(f"compiled C and NumPy reference: {mismatches} mismatches; trained in {train_seconds:.0f} s")
    figures: dict[str, float | int] = {"train_seconds": round(train_seconds, 1), "episodes": options.episodes}
    for result in results:
        key = f"{result.stage}_{result.task.name}"
        figures |= {key: result.accuracy.mean, f"{key}_ci95": result.accuracy.ci95}
    print(f"figures: {write_figures('omniglot', figures | {'mismatches': mismatches})}")


def _train(dataset: Dataset, split: Split, options: argparse.Namespace) -> TrainedEmbedding:
    recipe = pipeline.train_options(load_project(RECIPE))
    steps = options.steps or recipe.steps
    recipe = replace(recipe, steps=steps, max_seconds=options.max_seconds, seed=options.seed)
    with TrainingDisplay(quiet=False) as display:
        return train(dataset, split, recipe, FOLDER / "trained", source=SOURCE, progress=display.update)


def _quantize(trained: TrainedEmbedding, training: Dataset, *, seed: int) -> Int8Embedding:
    images = convert.representative_images(training, rng=np.random.default_rng(seed))
    embedding = convert.quantize(trained, images)
    embedding.save(FOLDER / "int8")
    return embedding


def _measure(
    trained: TrainedEmbedding, embedding: Int8Embedding, held_out: Dataset, options: argparse.Namespace
) -> tuple[list[Result], int]:
    """Accuracy of float, int8 and device over the same episodes, and how often the last two differ."""
    library = HostLibrary(emit.generate(embedding, name="omniglot"), FOLDER / "host")
    int8 = int8_stage(embedding, held_out.images)
    device = device_stage(library, embedding, held_out.images)
    stages = [float_stage(trained, held_out.images), int8, device]
    drawing: dict[str, Any] = {"n_query": 5, "episodes": options.episodes, "seed": options.seed}
    results = evaluate_stages(stages, held_out, TASKS, **drawing)
    drawn = [episode for task in TASKS for episode in draw_episodes(held_out, task, **drawing)]
    return results, compare_device(library, learners.of(embedding), int8, device, drawn).mismatches


if __name__ == "__main__":
    main()
