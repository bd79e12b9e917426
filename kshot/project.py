"""The project file: `kshot.toml` to frozen dataclasses, every key with a default.

A relative path in the file, and the output folder, count from the folder of the file; without a file, from the
current directory.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from firmware_gen.flash_families import FAMILIES
from firmware_gen.packages import FORMATS, PLAIN, Publisher
from firmware_gen.targets import TARGETS
from kshot.schema import ProjectError, Table, key, nearest
from trainer.options import TrainOptions

PROJECT_FILE = "kshot.toml"
BACKBONES = ("conv4", "separable")  # of trainer.backbones, named here so that --help need not import NumPy
LEARNERS = ("prototypical", "siamese", "matching", "maml", "anil")  # of trainer.learners
SPLITS = ("default", "background/evaluation", "vinyals", "folders")  # of trainer.datasets.splits
_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]{0,31}"
_TRAIN = TrainOptions()
_PUBLISHER = Publisher()
_FOLDER_NAME = "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"


@dataclass(frozen=True)
class ProjectTable(Table):
    """[project]: what it is called and where its results go."""

    name: str = key("digits", "Name of the project and of its folder among the results.", pattern=_FOLDER_NAME)
    output: str = key("build", "Folder of the results; each project gets a folder of its own in it.", pattern=".+")


@dataclass(frozen=True)
class DataTable(Table):
    """[data]: the classes to learn from and those never seen in training."""

    source: str = key(
        "glyphs",
        'Classes to train on: "glyphs", "digits", "omniglot", "folder:PATH" or "npz:PATH".',
        pattern=".+",
    )
    test_source: str = key(
        "digits",
        'Classes to evaluate on: a source as above, or "" for the test classes of the training source.',
    )
    split: str = key(
        "default",
        "How the classes of source are shared out: omniglot may also be split background/evaluation or vinyals, and a "
        "folder that holds the folders train, validation and test by folders.",
        choices=SPLITS,
    )
    input_shape: tuple[int, ...] = key(
        (28, 28, 1), "Height, width and channels of the model's input, in pixels.", length=3, minimum=1, maximum=4096
    )
    invert: bool = key(False, "Whether the images of a folder have dark ink on light ground.")
    rotations: bool = key(False, "Whether images turned by 90, 180 and 270 degrees are classes of their own.")


@dataclass(frozen=True)
class TrainTable(Table):
    """[train]: the network, the learner and the episodes it learns from."""

    backbone: str = key(_TRAIN.backbone, "Network that embeds an image.", choices=BACKBONES)
    width: int = key(32, "Filters of each layer of the backbone.", minimum=1, maximum=1024)
    learner: str = key(_TRAIN.learner, "How classes are learned from embeddings.", choices=LEARNERS)
    n_way: int = key(_TRAIN.n_way, "Classes of a training episode.", minimum=2, maximum=10_000)
    k_shot: int = key(_TRAIN.k_shot, "Examples that each class of an episode is learned from.", minimum=1, maximum=1000)
    n_query: int = key(_TRAIN.n_query, "Examples of each class that an episode asks about.", minimum=1, maximum=1000)
    steps: int = key(_TRAIN.steps, "Training steps; one step is one episode.", minimum=1, maximum=100_000_000)
    max_seconds: float = key(
        _TRAIN.max_seconds or 0.0,
        "Time limit in seconds; where it cuts steps, the schedule still comes to its end. 0 sets none.",
        minimum=0,
    )
    learning_rate: float = key(
        _TRAIN.learning_rate, "Adam's learning rate at the start of the cosine decay.", minimum=1e-9, maximum=10
    )
    averaging: float = key(
        _TRAIN.averaging,
        "Decay of the running average of the weights; 0 takes the last ones.",
        minimum=0,
        maximum=0.999999,
    )
    shift_pixels: int = key(
        _TRAIN.shift_pixels, "Pixels by which training images are moved about, at most.", minimum=0, maximum=1000
    )
    distortion: float = key(
        _TRAIN.distortion,
        "How far training images are turned, scaled, sheared; 0 leaves them.",
        minimum=0,
        maximum=0.99,
    )
    mirror_classes: bool = key(
        _TRAIN.mirror_classes, "Whether mirrored images train as classes of their own, as characters may."
    )
    turns: int = key(
        _TRAIN.turns,
        "How often the samples of an episode change roles; 0 as often as they can, which learns most from a step.",
        minimum=0,
        maximum=1000,
    )
    pretrain_steps: int = key(
        _TRAIN.pretrain_steps, "First steps, that tell all training classes apart instead of an episode's.", minimum=0
    )
    pretrain_scale: float = key(
        _TRAIN.pretrain_scale, "Scale of the cosines in these steps; 0 learns it.", minimum=0, maximum=1000
    )
    teacher: str = key(
        _TRAIN.teacher, 'Folder of a trained network with the same input to learn from besides; "" for none.'
    )
    distillation: float = key(
        _TRAIN.distillation, "Weight of what the teacher says in the loss.", minimum=1e-6, maximum=1e6
    )
    distillation_temperature: float = key(
        _TRAIN.distillation_temperature,
        "How far the teacher looks around a sample: 1 is the mean squared distance.",
        minimum=1e-6,
        maximum=1e6,
    )
    qat_steps: int = key(_TRAIN.qat_steps, "Last steps, that see the network rounded as int8 will be.", minimum=0)
    validate_every: int = key(_TRAIN.validate_every, "Steps between two validations.", minimum=1)
    validation_way: int = key(
        _TRAIN.validation_way, "Classes to tell apart in a validation.", minimum=2, maximum=10_000
    )
    validation_shot: int = key(
        _TRAIN.validation_shot, "Examples of each class in a validation.", minimum=1, maximum=1000
    )
    validation_episodes: int = key(_TRAIN.validation_episodes, "Episodes of a validation.", minimum=1, maximum=100_000)
    patience: int = key(
        _TRAIN.patience or 0, "Validations without progress after which training stops; 0 never stops early.", minimum=0
    )
    tensorboard: bool = key(_TRAIN.tensorboard, "Write logs for TensorBoard into the trained folder.")
    seed: int = key(_TRAIN.seed, "Seed of weights, episodes and shifts.", minimum=0, maximum=2**32 - 1)


@dataclass(frozen=True)
class PrototypicalTable(Table):
    """[prototypical]: options of the learner prototypical."""

    normalize: bool = key(
        False, "Whether embeddings are centred and scaled to length 1: on the host only, never on a device."
    )


@dataclass(frozen=True)
class SiameseTable(Table):
    """[siamese]: options of the learner siamese."""

    loss_form: str = key(
        "contrastive",
        "Loss of a pair: the contrastive one linear in the distance, Hadsell's squared form, or triplets.",
        choices=("contrastive", "squared", "triplet"),
    )
    margin: float = key(4.0, "Distance beyond which classes are far enough apart.", minimum=1e-6, maximum=1e6)
    negatives: str = key(
        "violating",
        "Pairs of different classes that count: all within the margin, or the nearest, as many as of the same class.",
        choices=("violating", "hardest"),
    )


@dataclass(frozen=True)
class MatchingTable(Table):
    """[matching]: options of the learner matching."""

    initial_temperature: float = key(
        10.0, "Factor of the cosines, where learning it begins.", minimum=1e-3, maximum=5000
    )
    full_context: bool = key(
        False, "Whether images are embedded in the light of the whole support: on the host only, never on a device."
    )
    processing_steps: int = key(5, "Steps in which a query reads the support, in full context.", minimum=1, maximum=100)


@dataclass(frozen=True)
class MamlTable(Table):
    """[maml]: options of the learners maml and anil."""

    head: str = key(
        "prototypes",
        "Where the head of a class starts: from the mean of its shots, or from a row that is learned.",
        choices=("prototypes", "learned"),
    )
    inner_steps: int = key(5, "Gradient steps of the inner loop in training.", minimum=1, maximum=100)
    inner_rate: float = key(0.1, "Rate of the head's steps, where learning it begins.", minimum=1e-6, maximum=100)
    adapt_steps: int = key(10, "Gradient steps after training, on the device too.", minimum=0, maximum=1000)
    first_order: bool = key(False, "Whether the outer gradient leaves out what goes through the inner ones.")
    multi_step: float = key(
        0.0, "Share of the training in which the queries count after every inner step.", minimum=0, maximum=1
    )
    body_rate: float = key(
        0.01, "Rate of the network's own inner steps, where learning it begins; maml alone.", minimum=1e-6, maximum=100
    )


@dataclass(frozen=True)
class QuantizeTable(Table):
    """[quantize]: the conversion to int8."""

    representative_images: int = key(
        500, "Training images that the ranges of activations are taken from.", minimum=1, maximum=1_000_000
    )
    example_classes: int = key(
        5, "Test classes whose images travel with the model, for the firmware's example.", minimum=2, maximum=10
    )
    examples_per_class: int = key(10, "Images of each of those classes.", minimum=2, maximum=20)
    impostors: int = key(
        64,
        "Embeddings of training images that travel with the model, to reject unknown classes by; 0 leaves that out.",
        minimum=0,
        maximum=1024,
    )


@dataclass(frozen=True)
class EvaluateTable(Table):
    """[evaluate]: how accuracy is measured."""

    tasks: tuple[str, ...] = key(
        ("5w1s", "5w5s", "10w5s"),
        'Tasks to measure: "5w1s" is 5 classes to tell apart, each learned from 1 shot.',
        pattern="([2-9]|[1-9][0-9]{1,3})w[1-9][0-9]{0,3}s",
    )
    n_query: int = key(10, "Examples of each class that an episode asks about.", minimum=1, maximum=1000)
    episodes: int = key(600, "Episodes per row.", minimum=2, maximum=1_000_000)
    seed: int = key(1, "Seed of the episodes.", minimum=0, maximum=2**32 - 1)


@dataclass(frozen=True)
class GenerateTable(Table):
    """[generate]: the C project."""

    name: str = key("", "Prefix of the generated C names; empty takes the project's name.", pattern=f"({_IDENTIFIER})?")
    max_classes: int = key(10, "Classes that the device can hold at a time.", minimum=1, maximum=1000)
    max_shots: int = key(8, "Shots of a class that it can keep; prototypes take any number.", minimum=1, maximum=255)
    format: str = key(
        PLAIN, "Plain C with Makefile and CMake, or a package for another build system.", choices=(PLAIN, *FORMATS)
    )
    author: str = key(_PUBLISHER.author, "Author that a package names.", pattern=r"\S(.*\S)?")
    url: str = key(_PUBLISHER.url, "Home page that a package names.", pattern="https?://[!-~]+")
    arena_bytes: int = key(0, "Bytes that one inference may work in, the arena; 0 sets no limit.", minimum=0)
    ends_in_arena: bool = key(False, "Let input and output live in the arena, where activations overwrite them.")


@dataclass(frozen=True)
class StoreTable(Table):
    """[store]: the flash that keeps the classes through a reset."""

    flash: str = key("nrf52", 'Family of the flash; "none" leaves the store out.', choices=("none", *FAMILIES))
    banks: int = key(3, "Banks; two wear faster and need cells that read alike at every boot.", minimum=2, maximum=16)
    units_per_bank: int = key(
        0, "Erase units of a bank; 0 takes as many as the classes need.", minimum=0, maximum=65535
    )
    erase_unit_bytes: int = key(
        0, "Bytes that are erased together, a power of two; 0 takes the family's.", minimum=0, maximum=131072
    )
    program_unit_bytes: int = key(
        0, "Smallest piece that a cut can damage, a power of two; 0 takes the family's.", minimum=0, maximum=256
    )
    erased_value: int = key(
        -1, "An erased byte; -1 takes the family's, 256 is for flash where it is undefined.", minimum=-1, maximum=256
    )
    endurance: int = key(0, "Erases that flash bears; 0 takes the family's.", minimum=0, maximum=10_000_000)


@dataclass(frozen=True)
class BuildTable(Table):
    """[build]: the firmware."""

    targets: tuple[str, ...] = key(("m0", "m4"), "Targets to build for.", choices=tuple(TARGETS))


@dataclass(frozen=True)
class Project:
    """A project: its tables, and the folder that its paths count from.

    Attributes
    ----------
    root : Path
        Folder of the project file, or the current directory.
    file : Path or None
        The project file, when there is one.
    """

    root: Path = field(default_factory=Path)
    file: Path | None = None
    project: ProjectTable = ProjectTable()
    data: DataTable = DataTable()
    train: TrainTable = TrainTable()
    prototypical: PrototypicalTable = PrototypicalTable()
    siamese: SiameseTable = SiameseTable()
    matching: MatchingTable = MatchingTable()
    maml: MamlTable = MamlTable()
    quantize: QuantizeTable = QuantizeTable()
    evaluate: EvaluateTable = EvaluateTable()
    generate: GenerateTable = GenerateTable()
    store: StoreTable = StoreTable()
    build: BuildTable = BuildTable()

    def with_values(self, table: str, values: Mapping[str, object]) -> Project:
        """The project with keys of one table replaced, as the command line does.

        Raises
        ------
        ProjectError
            If a value is not acceptable.
        """
        changed: Any = replace(getattr(self, table), **dict(values))
        return replace(self, **{table: changed})

    @property
    def folder(self) -> Path:
        """Folder of all results of this project."""
        return self.root / self.project.output / self.project.name

    @property
    def trained_folder(self) -> Path:
        """Folder of the trained embedding."""
        return self.folder / "trained"

    @property
    def int8_folder(self) -> Path:
        """Folder of the quantized embedding."""
        return self.folder / "int8"

    @property
    def source_folder(self) -> Path:
        """Folder of the generated C project."""
        return self.folder / "source"

    @property
    def package_folder(self) -> Path:
        """Folder of what is generated: the C project, or a package."""
        return self.source_folder if self.generate.format == PLAIN else self.folder / self.generate.format

    def firmware_folder(self, target: str) -> Path:
        """Folder of the firmware for `target`."""
        return self.folder / "firmware" / target

    @property
    def c_name(self) -> str:
        """Prefix of the generated C names."""
        if self.generate.name:
            return self.generate.name
        name = "".join(c if c.isalnum() and c.isascii() else "_" for c in self.project.name)[:32].lower()
        return f"_{name}"[:32] if name[0].isdigit() else name

    def source(self, spelled: str) -> str:
        """A data source as `spelled` in the file, its path made to count from `root`."""
        kind, colon, path = spelled.partition(":")
        return f"{kind}:{self.root / path}" if colon else spelled


def table_types() -> dict[str, type[Table]]:
    """The tables of a project file by name, in the order of the file."""
    return {f.name: type(f.default) for f in fields(Project) if isinstance(f.default, Table)}


def load_project(path: Path | None = None, *, folder: Path | None = None) -> Project:
    """Read a project file.

    Parameters
    ----------
    path : Path or None
        The file. None takes `kshot.toml` of `folder` when there is one, and the defaults when there is none.
    folder : Path or None
        Where to look for the file; None is the current directory.

    Raises
    ------
    ProjectError
        If the file is missing, is not TOML, or holds a table, key or value that does not exist.
    """
    if path is None:
        path = (folder or Path()) / PROJECT_FILE
        if not path.exists():
            return Project(root=path.parent)
    try:
        parsed = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(f"{path}: no such file; `kshot init` writes one") from None
    except OSError as error:
        raise ProjectError(f"{path}: {error.strerror}; name a project file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path}: not TOML: {error}") from None
    try:
        return replace(Project(root=path.parent, file=path), **_tables(parsed))
    except ProjectError as error:
        raise ProjectError(f"{path}: {error}") from None


def _tables(parsed: Mapping[str, object]) -> dict[str, Any]:
    """Parsed TOML to tables; unknown tables and keys are refused."""
    types = table_types()
    tables: dict[str, Any] = {}
    for name, values in parsed.items():
        if name not in types:
            homes = [f"[{t}]" for t, cls in types.items() if name in {f.name for f in fields(cls)}]
            hint = f"; it belongs under {' or '.join(homes)}" if homes else nearest(name, types)
            raise ProjectError(f'there is no table or key "{name}" at the top{hint}')
        if not isinstance(values, Mapping):
            raise ProjectError(f"{name} is a table: write [{name}] and its keys below")
        tables[name] = types[name].from_mapping(values)
    return tables
