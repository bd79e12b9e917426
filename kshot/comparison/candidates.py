"""What is compared: trained folders with the int8 folders beside them, and where each came from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantize import artifact as int8_artifact
from quantize.artifact import Int8Embedding
from trainer import artifact as trained_artifact
from trainer.artifact import ArtifactError, InputSpec, TrainedEmbedding

TRAINED, INT8 = "trained", "int8"
"""Names of the two folders, as the pipeline gives them."""


class ComparisonError(ValueError):
    """Artifacts, test classes or episodes that cannot be compared; the message says what would work."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One training, in the forms that exist of it.

    Attributes
    ----------
    name : str
        No other candidate's.
    path : Path
        As it was named.
    trained : TrainedEmbedding or None
        None where an int8 folder stands alone: then nothing says which classes it was trained on.
    int8 : Int8Embedding or None
        None where there is no int8 folder yet.
    measures_float : bool
        Whether the Keras network is measured, too.

    Raises
    ------
    ValueError
        If both forms are missing.
    """

    name: str
    path: Path
    trained: TrainedEmbedding | None
    int8: Int8Embedding | None
    measures_float: bool

    def __post_init__(self) -> None:
        if self.trained is None and self.int8 is None:
            raise ValueError(f"{self.path}: neither trained nor int8")

    @property
    def _described(self) -> TrainedEmbedding | Int8Embedding:
        found = self.trained or self.int8
        assert found is not None
        return found

    @property
    def input(self) -> InputSpec:
        """What the network reads."""
        return self._described.input

    @property
    def learner(self) -> str:
        """Registered name of the learner."""
        return self._described.learner

    @property
    def backbone(self) -> str:
        """Such as conv4-32: the backbone and its width; other options follow by name."""
        if self.trained is None:
            assert self.int8 is not None
            return str(self.int8.source.get("backbone", "unknown"))
        options = dict(self.trained.backbone_options)
        width = [str(options.pop("width"))] if "width" in options else []
        return "-".join([self.trained.backbone, *width, *[f"{name}={value}" for name, value in options.items()]])

    @property
    def seed(self) -> int | None:
        """Of the training, where it is known."""
        if self.trained is not None:
            return self.trained.seed
        assert self.int8 is not None
        seed = self.int8.source.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def recipe(self) -> str:
        """Equal for trainings that differ in nothing but the seed."""
        if self.trained is None:
            return str(self.path.resolve())
        trained = self.trained
        training = {name: value for name, value in trained.training.items() if name != "seed"}
        parts: list[Mapping[str, Any] | str] = [trained.learner, trained.learner_options, trained.backbone]
        parts += [trained.backbone_options, training, trained.dataset_sha256, json.dumps(trained.split.train)]
        return json.dumps([dict(part) if isinstance(part, Mapping) else part for part in parts], sort_keys=True)


def load_candidates(paths: Sequence[Path]) -> list[Candidate]:
    """Load every artifact, checked.

    Parameters
    ----------
    paths : sequence of Path
        Folders that `kshot train` or `kshot quantize` wrote. Beside a folder its counterpart is found if the two are
        called ``trained`` and ``int8``.

    Raises
    ------
    ComparisonError
        If a path is no such folder, two folders beside each other do not belong together, or one is named twice.
    ArtifactError
        If a folder is damaged.
    """
    candidates: list[Candidate] = []
    seen: dict[Path, Path] = {}
    for path, name in zip(paths, _names(paths), strict=True):
        candidate = _load(path, name)
        forms = {path.resolve(), path.resolve().parent / (INT8 if candidate.measures_float else path.name)}
        for form in forms:
            if form in seen:
                raise ComparisonError(f"{path} and {seen[form]} are the same training; name it once")
        seen |= dict.fromkeys(forms, path)
        candidates.append(candidate)
    return candidates


def _names(paths: Sequence[Path]) -> list[str]:
    """For each path the folder that belongs to the training alone, or all of its path where another's is called so."""
    homes = [path.parent if path.name in (TRAINED, INT8) else path for path in map(Path.absolute, paths)]
    names = [home.name for home in homes]
    return [name if names.count(name) == 1 else home.as_posix() for name, home in zip(names, homes, strict=True)]


def _load(path: Path, name: str) -> Candidate:
    if (path / trained_artifact.JSON_FILE).is_file():
        trained = TrainedEmbedding.load(path)
        beside = path.resolve().parent / INT8
        int8 = Int8Embedding.load(beside) if (beside / int8_artifact.JSON_FILE).is_file() else None
        return Candidate(name, path, trained, _belonging(int8, trained, path), measures_float=True)
    if (path / int8_artifact.JSON_FILE).is_file():
        int8 = Int8Embedding.load(path)
        beside = path.resolve().parent / TRAINED
        origin = TrainedEmbedding.load(beside) if (beside / trained_artifact.JSON_FILE).is_file() else None
        if origin is not None:
            _belonging(int8, origin, path)
        return Candidate(name, path, origin, int8, measures_float=False)
    raise ComparisonError(
        f"{path} is no folder that `kshot train` or `kshot quantize` wrote; name one that holds "
        f"{trained_artifact.JSON_FILE} or {int8_artifact.JSON_FILE}"
    )


def _belonging(int8: Int8Embedding | None, trained: TrainedEmbedding, path: Path) -> Int8Embedding | None:
    """The int8 form, checked to come from this network."""
    if int8 is not None and int8.source.get("model_sha256") != trained.model_sha256:
        raise ArtifactError(
            f"{path}: the folders trained and int8 beside each other are of two networks; quantize again"
        )
    return int8
