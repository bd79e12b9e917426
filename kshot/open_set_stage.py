"""Rejection of a project's int8 folders, measured on its test classes."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from firmware_gen import emit
from firmware_gen.host import HostLibrary
from kshot import open_set, pipeline
from kshot.evaluation import Task
from kshot.open_set import OpenSetResult
from kshot.project import Project
from quantize import learners, reference
from quantize.rejection import Rejection
from trainer.datasets import Dataset

log = logging.getLogger(__name__)

COMPILER = "cc"


def evaluate(
    project: Project,
    artifacts: Sequence[Path],
    tasks: Iterable[str],
    *,
    n_unknown: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[OpenSetResult]:
    """Measure how int8 folders reject classes that were not enrolled, in compiled C where there is a compiler.

    Parameters
    ----------
    project : Project
    artifacts : sequence of Path
        Int8 folders; none takes that of the project.
    tasks : iterable of str
        Such as 5w1s.
    n_unknown : int, optional
        Classes of an episode that are asked about and not enrolled; as many as are when not given.
    progress : callable, optional
        Receives what is being measured.

    Raises
    ------
    ArtifactError, ArtifactKindError
        If a folder is missing, or holds no rejection.
    DatasetError
        If the test classes are too few or too small.
    """
    dataset, options = pipeline.test_dataset(project), project.evaluate
    drawing = {"n_query": options.n_query, "episodes": options.episodes, "seed": options.seed}
    paths, results = list(artifacts) or [project.int8_folder], []
    for path in paths:
        embedding = pipeline.load_int8(path)
        if embedding.rejection is None:
            raise pipeline.ArtifactKindError(
                f"{path} rejects nothing: set [quantize] impostors, and run `kshot quantize` again"
            )
        _warn_of_shared_classes(path, embedding.rejection, dataset)
        library = None
        if shutil.which(COMPILER):
            library = HostLibrary(emit.generate(embedding, name="open_set"), project.folder / "host")
        inputs = embedding.quantize_input(dataset.images)
        embedded = library.embed(inputs) if library else reference.run(embedding.graph, inputs)
        for task in map(Task.parse, tasks):
            if progress:
                progress(f"{path} {task.name}")
            drawn = open_set.draw_open_set_episodes(dataset, task, n_unknown=n_unknown or task.n_way, **drawing)
            learner = learners.of(embedding)
            judged = open_set.judge(learner, embedding.rejection, embedded, drawn, library=library)
            results += open_set.results_of(embedding.learner if len(paths) == 1 else str(path), task, judged)
    return results


def _warn_of_shared_classes(path: Path, rejection: Rejection, dataset: Dataset) -> None:
    """Say so where rates are measured on the classes that they were calibrated on."""
    shared = set(rejection.classes) & set(dataset.class_names)
    if shared:
        log.warning(
            "%s: rejection was calibrated on %d of the %d test classes; others may fare worse",
            path,
            len(shared),
            len(dataset.class_names),
        )
