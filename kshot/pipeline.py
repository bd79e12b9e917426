"""The stages of a project, each from the folder that the one before it wrote to its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firmware_gen import build as firmware_build
from firmware_gen import emit, targets
from firmware_gen.build import Firmware
from firmware_gen.host import HostLibrary
from firmware_gen.packages import Publisher
from firmware_gen.source_tree import SourceTree
from kshot import emulation, evaluation
from kshot.emulation import Emulation
from kshot.evaluation import Result, Stage, Task
from kshot.project import Project
from kshot.store_flash import store_flash
from quantize import artifact as int8_artifact
from quantize import convert
from quantize.artifact import Int8Embedding
from quantize.learners.base import MAX_EMBEDDING_LEN
from quantize.reject_calibration import ENOUGH_CLASSES, ENOUGH_GROUPS, RejectionError, with_rejection
from trainer import artifact as trained_artifact
from trainer.artifact import TrainedEmbedding
from trainer.datasets import OPTIONS, Dataset, load_dataset, split_classes
from trainer.datasets.splits import LOADING
from trainer.fit import Progress
from trainer.fit import train as fit
from trainer.options import TrainOptions

log = logging.getLogger(__name__)


class ArtifactKindError(ValueError):
    """A path holds no artifact that the command can use; the message says what it takes."""


def train(
    project: Project, *, resume: bool = False, progress: Callable[[Progress], None] | None = None
) -> TrainedEmbedding:
    """Train on the project's source and write its trained folder.

    Raises
    ------
    DatasetError, CheckpointError, ValueError
        If data or options cannot be used, or there is nothing to resume.
    """
    source = training_source(project)
    dataset = load_dataset(**source)
    test = _load_test_source(project) if project.data.test_source else None
    return fit(
        dataset,
        split_classes(dataset, named=project.data.split, test=test, seed=project.train.seed),
        train_options(project),
        project.trained_folder,
        source=source,
        progress=progress,
        resume=resume,
    )


def train_options(project: Project) -> TrainOptions:
    """The [train] table as the trainer takes it."""
    values = dict(vars(project.train))
    backbone_options = {"width": values.pop("width")}
    limits: dict[str, Any] = {name: values.pop(name) or None for name in ("max_seconds", "patience")}
    if values["teacher"]:
        values["teacher"] = str(project.root / values["teacher"])
    return TrainOptions(
        **values, **limits, backbone_options=backbone_options, learner_options=_learner_options(project)
    )


def _learner_options(project: Project) -> dict[str, Any]:
    """The options of the project's learner, from the table of its name; anil shares that of maml."""
    options: dict[str, dict[str, Any]] = {
        "prototypical": vars(project.prototypical),
        "siamese": vars(project.siamese),
        "matching": vars(project.matching),
        "maml": vars(project.maml),
        "anil": {name: value for name, value in vars(project.maml).items() if name != "body_rate"},
    }
    return dict(options.get(project.train.learner, {}))


def training_source(project: Project) -> dict[str, Any]:
    """Arguments of `load_dataset` for the training data; JSON can hold them."""
    chosen = {name: True for name in ("invert", "rotations") if getattr(project.data, name)}
    if project.data.source == "omniglot":
        chosen |= LOADING.get(project.data.split, {})
    return {"source": project.source(project.data.source), "input_shape": list(project.data.input_shape), **chosen}


def test_dataset(project: Project) -> Dataset:
    """The classes to evaluate on: the project's test source, or the classes that training set aside.

    Where training set none aside to test on, those that it validated on are taken.

    Raises
    ------
    DatasetError, ArtifactError
        If the data cannot be used, or nothing says which classes were set aside.
    """
    if project.data.test_source:
        return _load_test_source(project)
    trained = TrainedEmbedding.load(project.trained_folder)
    names = trained.split.test or trained.split.validation
    if not names:
        raise ArtifactKindError(f"{trained.folder} set no classes aside to test on: name others with --test-source")
    return load_dataset(**trained.dataset).subset(names)


def _load_test_source(project: Project) -> Dataset:
    source = training_source(project) | {"source": project.source(project.data.test_source)}
    allowed = OPTIONS.get(source["source"].partition(":")[0], ())
    return load_dataset(**{k: v for k, v in source.items() if k in ("source", "input_shape", *allowed)})


def quantize(project: Project, source: Path, folder: Path) -> Int8Embedding:
    """Convert a trained folder, or wrap a .tflite file, into an int8 folder.

    Raises
    ------
    ArtifactError, ModelError, ConversionError
        If the source cannot be used or converted.
    """
    if source.is_file():
        embedding = Int8Embedding.from_tflite(source)
    else:
        trained = TrainedEmbedding.load(source)
        training = load_dataset(**trained.dataset)
        if training.sha256 != trained.dataset_sha256:
            log.warning("the data of %s changed since %s was trained on it", training.name, source)
        rng = np.random.default_rng(trained.seed)
        seen = training.subset(trained.split.train)
        rows = convert.representative_rows(seen, rng=rng, images=project.quantize.representative_images)
        options = project.quantize
        examples = convert.draw_examples(
            test_dataset(project), rng=rng, classes=options.example_classes, each=options.examples_per_class
        )
        embedding = convert.quantize(trained, seen.images[rows], labels=seen.labels[rows], examples=examples)
        if options.impostors:
            # without classes to test on, those that validated are what is measured, and so must not calibrate
            spare = trained.split.validation if trained.split.test else ()
            held_out = training.subset(spare) if spare else None
            embedding = _with_rejection(embedding, seen, held_out, impostors=options.impostors, rng=rng)
    embedding.save(folder)
    return embedding


def _with_rejection(
    embedding: Int8Embedding,
    training: Dataset,
    held_out: Dataset | None,
    *,
    impostors: int,
    rng: np.random.Generator,
) -> Int8Embedding:
    """Calibrate rejection; what keeps a device from it, or its rates from holding, is said as a warning."""
    if embedding.embedding_len > MAX_EMBEDDING_LEN:
        return embedding
    try:
        found = with_rejection(embedding, training, held_out, impostors=impostors, rng=rng)
    except RejectionError as error:
        log.warning("no rejection of unknown classes: %s", error)
        return embedding
    if found.rejection is not None and found.rejection.calibrated_on == "training":
        log.warning(
            "rejection was calibrated on the training classes: fewer than %d were held out to validate beside those to "
            "test on, and those trained on are of fewer than %d groups; more unknown ones will be accepted than asked",
            ENOUGH_CLASSES,
            ENOUGH_GROUPS,
        )
    return found


def load_int8(path: Path) -> Int8Embedding:
    """Load an int8 folder, or wrap a .tflite file of the user's own.

    Raises
    ------
    ArtifactError, ModelError
        If it is missing or damaged, or holds what cannot run.
    """
    return Int8Embedding.from_tflite(path) if path.is_file() else Int8Embedding.load(path)


def describe(embedding: Int8Embedding) -> dict[str, str | int]:
    """What a person wants to know of an int8 embedding."""
    graph = embedding.graph
    constants = [t for t in graph.tensors if t.data is not None]
    return {
        "layers": len(graph.ops),
        "constant_bytes": sum(t.data.nbytes for t in constants if t.data is not None),
        "input": "x".join(map(str, embedding.input.shape)),
        "embedding_len": embedding.embedding_len,
        "examples": 0 if embedding.examples is None else len(embedding.examples.inputs),
        "impostors": 0 if embedding.rejection is None else len(embedding.rejection.impostors),
        "rejection_calibrated_on": "nothing" if embedding.rejection is None else embedding.rejection.calibrated_on,
        "fingerprint": embedding.fingerprint.hex(),
    }


def generate(project: Project, source: Path, folder: Path) -> SourceTree:
    """Generate the C project, or package, of an int8 folder or .tflite file.

    Raises
    ------
    ArtifactError, ModelError, InvalidNameError
        If the source or the name cannot be used.
    GeometryError
        If the flash cannot be a store, or does not hold the classes.
    """
    tree = emit.generate(
        load_int8(source),
        name=project.c_name,
        max_classes=project.generate.max_classes,
        max_shots=project.generate.max_shots,
        package=project.generate.format,
        publisher=Publisher(project.generate.author, project.generate.url),
        store=store_flash(project),
    )
    tree.write(folder)
    return tree


def build(project: Project, source: Path, target: str) -> Firmware:
    """Compile a generated project for a target.

    Raises
    ------
    SourceTreeError, BuildError
        If the source is no generated project, a tool is missing, or compiling fails.
    """
    return firmware_build.build(SourceTree.read(source), targets.get(target), project.firmware_folder(target))


def emulate(project: Project, target: str, *, shots: int) -> Emulation:
    """Run the project's generated C in QEMU on the examples of its int8 folder.

    Parameters
    ----------
    project : Project
    target : str
    shots : int
        Examples that each class is enrolled from; the others are classified.

    Raises
    ------
    ArtifactError, SourceTreeError
        If a folder is missing or damaged.
    BuildError, EmulationError
        If a tool is missing or the firmware fails.
    """
    embedding = load_int8(project.int8_folder)
    tree = SourceTree.read(project.source_folder)
    support, queries = emulation.split_examples(embedding, shots=shots, max_classes=project.generate.max_classes)
    folder = project.firmware_folder(target)
    return emulation.emulate(embedding, tree, target, folder, support=support, queries=queries)


def evaluate(
    project: Project,
    artifacts: Sequence[Path],
    tasks: Iterable[str],
    *,
    progress: Callable[[str], None] | None = None,
) -> list[Result]:
    """Measure artifacts on the same episodes.

    Parameters
    ----------
    project : Project
    artifacts : sequence of Path
        Folders of any stage, or .tflite files; none takes those of the project that exist.
    tasks : iterable of str
        Such as 5w1s.
    progress : callable, optional
        Receives what is being measured.

    Raises
    ------
    ArtifactKindError
        If there is nothing to measure, or a path is no artifact.
    DatasetError
        If the test classes are too few or too small.
    """
    folders = (project.trained_folder, project.int8_folder, project.source_folder)
    paths = list(artifacts) or [folder for folder in folders if folder.exists()]
    if not paths:
        raise ArtifactKindError(f"there is nothing to evaluate in {project.folder}: run `kshot train` first")
    parsed = [Task.parse(task) for task in tasks]
    dataset = test_dataset(project)
    options = project.evaluate
    return evaluation.evaluate_stages(
        [stage for path in paths for stage in stages(project, path, dataset)],
        dataset,
        parsed,
        n_query=options.n_query,
        episodes=options.episodes,
        seed=options.seed,
        progress=progress,
    )


def stages(project: Project, path: Path, dataset: Dataset) -> list[Stage]:
    """Embed the images of a data set with whatever artifact `path` is: one stage, or two where the host does more.

    A generated project is compiled for this computer, and its images are quantized as the project's int8 folder says.

    Raises
    ------
    ArtifactKindError
        If the path is no artifact, or the C was generated from another network than the int8 folder's.
    """
    if (path / trained_artifact.JSON_FILE).is_file():
        return evaluation.host_stages(TrainedEmbedding.load(path), dataset.images)
    if path.is_file() or (path / int8_artifact.JSON_FILE).is_file():
        return [evaluation.int8_stage(load_int8(path), dataset.images)]
    if (path / "Makefile").is_file():
        library = HostLibrary(SourceTree.read(path), project.folder / "host")
        embedding = load_int8(project.int8_folder)
        if library.fingerprint != embedding.fingerprint:
            raise ArtifactKindError(f"{path} was not generated from {project.int8_folder}: run `kshot generate` again")
        return [evaluation.device_stage(library, embedding, dataset.images)]
    raise ArtifactKindError(
        f"{path} is no folder that `kshot train`, `quantize` or `generate` wrote, and no .tflite file"
    )


def firmware_row(firmware: Firmware) -> Mapping[str, str | int | None]:
    """A build as a flat row, sizes in bytes."""
    files = {"elf": firmware.elf, "bin": firmware.bin, "hex": firmware.hex}
    return {
        "target": firmware.target.name,
        "board": firmware.board.name,
        **{name: None if path is None else str(path) for name, path in files.items()},
        **(vars(firmware.sizes) if firmware.sizes else {}),
    }


def describe_data(dataset: Dataset) -> dict[str, str | int]:
    """What a person wants to know of a data set."""
    return {
        "source": dataset.name,
        "classes": len(dataset.class_names),
        "images": len(dataset.images),
        "smallest_class": int(dataset.counts.min()),
        "largest_class": int(dataset.counts.max()),
        "image": "x".join(map(str, dataset.input_shape)),
        "sha256": dataset.sha256,
    }
