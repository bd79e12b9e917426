"""What a method does on the host alone is measured beside what a device can do, under a name of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kshot.evaluation import Task, evaluate_stages, host_stages
from trainer.artifact import Split, TrainedEmbedding
from trainer.datasets.dataset import Dataset
from trainer.fit import train
from trainer.options import TrainOptions

pytestmark = pytest.mark.needs("tensorflow")

NAMES = tuple("abcdef")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Six classes of noisy copies of six random patterns."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 120, (6, 1, 8, 8, 1)) + rng.integers(0, 136, (6, 10, 8, 8, 1))
    return Dataset("noise", images.reshape(-1, 8, 8, 1).astype(np.uint8), np.repeat(np.arange(6), 10), NAMES)


def trained(dataset: Dataset, folder: Path, learner: str, **options: float) -> TrainedEmbedding:
    recipe = TrainOptions(
        backbone_options={"width": 4, "blocks": 2}, learner=learner, learner_options=options, n_way=3, steps=2
    )
    return train(dataset, Split(NAMES), recipe, folder)


def test_maml_has_a_stage_of_its_own(dataset: Dataset, tmp_path: Path) -> None:
    """From the stored artifact: the inner loop through the body gives other answers than the head alone."""
    folder = trained(dataset, tmp_path, "maml", body_rate=0.5, inner_steps=2).folder
    stages = host_stages(TrainedEmbedding.load(folder), dataset.images)
    results = evaluate_stages(stages, dataset, [Task(5, 1)], n_query=9, episodes=20, seed=0)
    assert [result.stage for result in results] == ["float", "host"]
    assert results[0].accuracy.mean != results[1].accuracy.mean


@pytest.mark.parametrize("learner", ["anil", "prototypical"])
def test_other_methods_have_none(dataset: Dataset, tmp_path: Path, learner: str) -> None:
    """A device does all that they do."""
    stages = host_stages(trained(dataset, tmp_path, learner), dataset.images)
    assert [stage.name for stage in stages] == ["float"]
