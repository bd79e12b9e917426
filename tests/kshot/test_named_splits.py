"""Splits by name in a project: the names, what they load, and the classes that are left to test on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from kshot import pipeline
from kshot.project import SPLITS, Project, load_project
from trainer.datasets import SPLITS as KNOWN


def test_names_are_those_of_the_trainer() -> None:
    """The project file names each split that `split_classes` knows, the default first."""
    assert SPLITS == KNOWN
    assert Project().data.split == SPLITS[0]


def test_a_split_loads_what_it_needs() -> None:
    """Omniglot comes with the evaluation set and rotations where the split has them, other sources as they are."""
    project = Project().with_values("data", {"source": "omniglot"})
    plain = {"source": "omniglot", "input_shape": [28, 28, 1]}
    assert pipeline.training_source(project) == plain
    lake = project.with_values("data", {"split": "background/evaluation"})
    assert pipeline.training_source(lake) == plain | {"evaluation": True}
    vinyals = project.with_values("data", {"split": "vinyals"})
    assert pipeline.training_source(vinyals) == plain | {"evaluation": True, "rotations": True}
    assert "evaluation" not in pipeline.training_source(vinyals.with_values("data", {"source": "digits"}))


@pytest.mark.needs("tensorflow", "gcc")
def test_validation_classes_stand_in_for_test_classes(tiny: Path, tmp_path: Path) -> None:
    """Where training set no class aside to test on, those that it validated on are tested; with neither it says so."""
    project = load_project(tiny / "kshot.toml")
    project = replace(project, root=Path(shutil.copytree(tiny, tmp_path / "tiny")))
    path = project.trained_folder / "embedding.json"
    stored = json.loads(path.read_text())
    parts = stored["split"]
    assert parts["name"] == "default"
    assert set(pipeline.test_dataset(project).class_names) == set(parts["test"])
    path.write_text(json.dumps(stored | {"split": parts | {"test": []}}))
    assert set(pipeline.test_dataset(project).class_names) == set(parts["validation"])
    path.write_text(json.dumps(stored | {"split": parts | {"test": [], "validation": []}}))
    with pytest.raises(pipeline.ArtifactKindError, match="set no classes aside"):
        pipeline.test_dataset(project)
