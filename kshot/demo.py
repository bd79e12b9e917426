"""The demonstration: from print to enrolled handwriting on emulated microcontrollers, step by step."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from firmware_gen import build as firmware_build
from firmware_gen import targets
from firmware_gen.build import Firmware
from firmware_gen.host import HostLibrary
from firmware_gen.source_tree import SourceTree
from kshot import pipeline
from kshot.demo_page import write_demo_page
from kshot.emulation import Emulation, emulate
from kshot.evaluation import (
    Comparison,
    Result,
    Stage,
    Task,
    compare_device,
    device_stage,
    draw_episodes,
    evaluate_stages,
    float_stage,
    int8_stage,
)
from kshot.project import Project
from kshot.report.figures import write_figures
from quantize import learners
from quantize.artifact import Int8Embedding
from trainer.artifact import TrainedEmbedding
from trainer.datasets import Dataset
from trainer.fit import Progress

TARGETS = ("m0", "m4")
_EMULATED = Task(n_way=10, k_shot=2)  # the episode that QEMU runs; smaller where the data set is
_EMULATED_QUERIES = 3
_TRAIN_SECONDS = 200.0  # the limit where the project sets none; a machine of two cores does not reach it
_TOOLS = {
    "cc": "the device's figures: accuracy and mismatches of the compiled C",
    "make": "firmware",
    "arm-none-eabi-gcc": "firmware, with its flash and RAM",
    "qemu-system-arm": "the emulated microcontrollers, with their mismatches and instructions",
}


class MissingToolsError(RuntimeError):
    """Tools are missing that the whole demonstration needs."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """All that the demonstration found out.

    Attributes
    ----------
    trained : TrainedEmbedding
    seconds, train_seconds : float
        Of the whole way, and of training alone.
    results : sequence of Result
    comparison : Comparison or None
        Compiled C beside the NumPy reference, None without a C compiler.
    builds : sequence of Firmware
        The example program for each target.
    emulations : sequence of Emulation
    page : Path
        The pictures.
    missing : sequence of str
        Tools that are not installed; what needs them was left out.
    """

    trained: TrainedEmbedding
    seconds: float
    train_seconds: float
    results: Sequence[Result]
    comparison: Comparison | None
    builds: Sequence[Firmware]
    emulations: Sequence[Emulation]
    page: Path
    missing: Sequence[str]

    @property
    def mismatches(self) -> int:
        """Differences from the reference, compiled C and emulated firmware together."""
        return (self.comparison.mismatches if self.comparison else 0) + sum(run.mismatches for run in self.emulations)

    def figures(self) -> dict[str, str | int | float]:
        """Everything as flat keys; accuracies are fractions of 1, what was left out has no key."""
        figures: dict[str, str | int | float] = {
            "seconds": round(self.seconds, 1),
            "train_seconds": round(self.train_seconds, 1),
            "episodes": self.results[0].accuracy.episodes,
        }
        for result in self.results:
            name = f"{result.stage}_{result.task.name}"
            figures |= {name: result.accuracy.mean, f"{name}_ci95": result.accuracy.ci95}
        if self.comparison:
            figures |= {"host_inputs": self.comparison.inputs, "host_answers": self.comparison.answers}
            figures |= {"host_mismatches": self.comparison.mismatches}
        for firmware in self.builds:
            if firmware.sizes:
                name, sizes = firmware.target.name, firmware.sizes
                figures |= {f"{name}_flash_bytes": sizes.flash_bytes, f"{name}_ram_bytes": sizes.ram_bytes}
        for run in self.emulations:
            figures |= {f"{run.target}_inputs": run.inputs, f"{run.target}_mismatches": run.mismatches}
            figures |= {f"{run.target}_instructions": run.instructions}
        return figures | {"mismatches": self.mismatches}


def run(
    project: Project,
    *,
    require_tools: bool,
    training: Callable[[Progress], None] | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Go the whole way.

    Parameters
    ----------
    project : Project
        Without a project file it is called "demo"; without a limit of its own, training is given one.
    require_tools : bool
        Whether a missing compiler or emulator is an error.
    training : callable, optional
        Receives the progress of training.
    note : callable
        Receives a line for each step.

    Returns
    -------
    Outcome
        Also written to build/figures/demo.json and, as a page with pictures, to the project's folder.

    Raises
    ------
    MissingToolsError
        If `require_tools` and a tool is missing.
    """
    started = time.monotonic()
    project = _with_defaults(project)
    missing = _missing_tools(require_tools, note)
    _check_tasks(project)

    note("1/5 training")
    trained = pipeline.train(project, progress=training)
    train_seconds = time.monotonic() - started
    note("2/5 quantizing to int8, generating C")
    embedding = pipeline.quantize(project, project.trained_folder, project.int8_folder)
    tree = pipeline.generate(project, project.int8_folder, project.source_folder)
    dataset = pipeline.test_dataset(project)

    note("3/5 accuracy over episodes: float, int8, compiled C")
    library = None if "cc" in missing else HostLibrary(tree, project.folder / "host")
    stages = [float_stage(trained, dataset.images), int8_stage(embedding, dataset.images)]
    stages += [device_stage(library, embedding, dataset.images)] if library else []
    results = _accuracies(project, stages, dataset)
    comparison = _compare(project, embedding, library, stages, dataset) if library else None

    note("4/5 firmware for " + " and ".join(TARGETS))
    builds = [] if missing & {"make", "arm-none-eabi-gcc"} else _build(project, tree)
    note("5/5 enrolling and classifying in QEMU")
    emulations = [] if missing - {"cc"} else _emulate(project, embedding, tree, dataset)

    outcome = Outcome(
        trained=trained,
        seconds=time.monotonic() - started,
        train_seconds=train_seconds,
        results=results,
        comparison=comparison,
        builds=builds,
        emulations=emulations,
        page=project.folder / "index.html",
        missing=sorted(missing),
    )
    write_demo_page(outcome, dataset, stages[-1], seed=project.evaluate.seed)
    write_figures("demo", outcome.figures())
    return outcome


def _with_defaults(project: Project) -> Project:
    if project.file is None:
        project = project.with_values("project", {"name": "demo"})
    if not project.train.max_seconds:
        project = project.with_values("train", {"max_seconds": _TRAIN_SECONDS})
    return project


def _check_tasks(project: Project) -> None:
    """Refuse tasks that the test source cannot give before training, not after it."""
    if project.data.test_source:
        dataset = pipeline.test_dataset(project)
        for task in map(Task.parse, project.evaluate.tasks):
            dataset.require(task.k_shot + project.evaluate.n_query, classes=task.n_way)


def _missing_tools(required: bool, note: Callable[[str], None]) -> set[str]:
    missing = {tool: cost for tool, cost in _TOOLS.items() if shutil.which(tool) is None}
    if missing:
        text = "; ".join(f"{tool} is not installed, it takes {cost}" for tool, cost in missing.items())
        if required:
            raise MissingToolsError(f"{text}; `kshot doctor` says how to get it")
        note(f"left out: {text}; `kshot doctor` says how to get it")
    return set(missing)


def _compare(
    project: Project, embedding: Int8Embedding, library: HostLibrary, stages: Sequence[Stage], dataset: Dataset
) -> Comparison:
    """Hold the compiled C against the reference, over all episodes that were measured."""
    options = project.evaluate
    _, int8, device = stages
    episodes = (
        episode
        for task in map(Task.parse, options.tasks)
        for episode in draw_episodes(
            dataset, task, n_query=options.n_query, episodes=options.episodes, seed=options.seed
        )
    )
    return compare_device(library, learners.of(embedding), int8, device, episodes)


def _accuracies(project: Project, stages: Sequence[Stage], dataset: Dataset) -> list[Result]:
    options = project.evaluate
    tasks = map(Task.parse, options.tasks)
    return evaluate_stages(
        stages, dataset, tasks, n_query=options.n_query, episodes=options.episodes, seed=options.seed
    )


def _build(project: Project, tree: SourceTree) -> list[Firmware]:
    return [firmware_build.build(tree, targets.get(name), project.firmware_folder(name)) for name in TARGETS]


def _emulate(project: Project, embedding: Int8Embedding, tree: SourceTree, dataset: Dataset) -> list[Emulation]:
    """One episode of the test classes inside each firmware, the emulators side by side."""
    smallest = int(dataset.counts.min())
    ways = min(_EMULATED.n_way, len(dataset.class_names), project.generate.max_classes)
    task = Task(n_way=ways, k_shot=min(_EMULATED.k_shot, smallest - 1))
    n_query = min(_EMULATED_QUERIES, smallest - task.k_shot)
    (episode,) = draw_episodes(dataset, task, n_query=n_query, episodes=1, seed=project.evaluate.seed)
    support, queries = dataset.images[episode.support], dataset.images[episode.query]

    def one(name: str) -> Emulation:
        folder = project.firmware_folder(name)
        return emulate(embedding, tree, name, folder, support=support, queries=queries)

    with ThreadPoolExecutor(len(TARGETS)) as pool:
        return list(pool.map(one, TARGETS))
