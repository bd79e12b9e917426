"""`make switches`: what each switch of the training does for a small network, on Omniglot.

The recipe of examples/omniglot/prototypical-32.toml with fewer steps, and beside it the same with one thing changed at
a time. All of them answer one stored list of episodes. A difference speaks of one training each; `make compare` shows
how far seeds alone lie apart. Trainings that are there are not repeated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kshot import comparison, pipeline
from kshot.comparison import Comparison
from kshot.project import Project, ProjectTable, load_project
from kshot.report.comparison import rows_of
from kshot.report.figures import write_figures
from kshot.report.live import TrainingDisplay
from kshot.report.output import note_console, print_lines
from kshot.report.tables import ReportTable
from trainer.datasets import DatasetError

RECIPE = Path("examples/omniglot/prototypical-32.toml")
TEACHER = Path("build/omniglot/prototypical-64/trained")
FOLDER = Path("build/switches")
BASE = "recipe"


@dataclass(frozen=True)
class Switch:
    """One thing that a training does otherwise than the recipe.

    Attributes
    ----------
    what : str
        For people.
    train : mapping
        Keys of the table [train].
    normalize : bool
        Of the table [prototypical]; such a network stays float.
    """

    what: str
    train: Mapping[str, object]
    normalize: bool = False


def switches(steps: int) -> dict[str, Switch]:
    """By name; the recipe itself first.

    Parameters
    ----------
    steps : int
        Of a training; those of a phase are a share of them.
    """
    return {
        BASE: Switch("the recipe", {}),
        "one-turn": Switch("samples do not take turns as shots", {"turns": 1}),
        "20-way": Switch("20 classes an episode, not 60", {"n_way": 20}),
        "undistorted": Switch("no distortion", {"distortion": 0.0}),
        "no-mirror": Switch("no mirrored classes", {"mirror_classes": False}),
        "last-weights": Switch("no average of the weights", {"averaging": 0.0}),
        "slower": Switch("learning rate 2e-3, not 8e-3", {"learning_rate": 2e-3}),
        "pretrained": Switch("first quarter: cosine softmax over all classes", {"pretrain_steps": steps // 4}),
        "distilled": Switch("distilled from conv4-64", {"teacher": str(TEACHER.resolve())}),
        "qat": Switch("last tenth: rounded as int8", {"qat_steps": steps // 10}),
        "normalized": Switch("embeddings centred, of length 1 (float)", {}, normalize=True),
    }


def main() -> None:
    """Train each, answer the episodes, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.switches", description=__doc__)
    parser.add_argument("--steps", type=int, default=1000, help="of each training (default: %(default)s)")
    parser.add_argument("--episodes", type=int, default=1000, help="test episodes a task (default: %(default)s)")
    options = parser.parse_args()
    if not (TEACHER / "embedding.json").exists():
        sys.exit(f"{TEACHER} is missing, the teacher: examples/omniglot/train.sh prototypical-64 trains it")
    chosen = switches(options.steps)
    folders = []
    try:
        for name, switch in chosen.items():
            project = _project(f"{name}-{options.steps}", switch, options.steps)
            _train(project)
            folders.append(project.trained_folder)
        wanted = comparison.Wanted(episodes=options.episodes)
        console = note_console()
        result = comparison.compare(
            folders, folder=FOLDER, wanted=wanted, note=lambda what: console.print(f"{what} ...")
        )
    except DatasetError as error:
        sys.exit(f"{error}")
    _table(result, chosen, options.steps).print()
    print_lines(*result.notes, f"figures: {write_figures('switches', rows_of(result))}")


def _project(name: str, switch: Switch, steps: int) -> Project:
    """The recipe's project, in a folder of its own, with the switch set."""
    project = replace(load_project(RECIPE), root=Path(), project=ProjectTable(name=name, output=str(FOLDER)))
    project = project.with_values("train", {"steps": steps, "validate_every": steps, **switch.train})
    return project.with_values("prototypical", {"normalize": switch.normalize})


def _train(project: Project) -> None:
    """Train and quantize what is not there yet; what was interrupted is taken up again."""
    folder = project.trained_folder
    if not (folder / "embedding.json").exists():
        print_lines(f"training {folder}")
        with TrainingDisplay(quiet=False) as display:
            pipeline.train(project, resume=(folder / "checkpoint.npz").exists(), progress=display.update)
    if not (project.prototypical.normalize or (project.int8_folder / "int8_embedding.json").exists()):
        pipeline.quantize(project, folder, project.int8_folder)


def _table(result: Comparison, chosen: Mapping[str, Switch], steps: int) -> ReportTable:
    """Float and device accuracy of each, with what it gains over the recipe."""
    means = {(c.name, c.stage, c.task): c.accuracy.mean for c in result.figures.cells}
    tasks = list(result.drawn.episodes.tasks)
    rows = []
    for name, switch in chosen.items():
        for stage in ("float", "device"):
            here = [means.get((f"{name}-{steps}", stage, task)) for task in tasks]
            base = [means.get((f"{BASE}-{steps}", stage, task)) for task in tasks]
            cells = [
                f"{100 * mean:.2f}" + ("" if name == BASE else f" ({100 * (mean - plain):+.2f})")
                for mean, plain in zip(here, base, strict=True)
                if mean is not None and plain is not None
            ]
            if cells:
                rows.append((switch.what, stage, *cells))
    episodes = result.drawn.episodes.protocol.episodes
    title = f"Accuracy in % (gained over the recipe), {steps:,} steps each, {episodes:,} episodes a task"
    return ReportTable(title, ("", "stage", *tasks), rows)


if __name__ == "__main__":
    main()
