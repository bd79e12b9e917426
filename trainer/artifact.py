"""`TrainedEmbedding`: what training leaves behind, a folder with ``model.keras`` and ``embedding.json``.

The JSON holds everything that a later stage needs to know about the network and that the network does not say itself:
how raw samples are normalised, which learner it was trained for, on which classes, from which seed, how well it did.
Reading it needs no TensorFlow.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.backend import load_keras

FORMAT = "kshot-trained-embedding"
VERSION = 2
MODEL_FILE = "model.keras"
JSON_FILE = "embedding.json"


class ArtifactError(ValueError):
    """A stored artifact is missing, damaged or of another version; the message names the file and the way out."""


@dataclass(frozen=True)
class InputSpec:
    """What the network reads, and how raw samples become it: ``real = raw * scale + offset``.

    Attributes
    ----------
    shape : tuple of int
        Height, width and channels of one sample.
    scale, offset : float
        Real value of one raw unit, and of raw 0. The defaults map 0..255 to 0..1.

    Raises
    ------
    ValueError
        If an axis is empty, or scale or offset cannot be used.
    """

    shape: tuple[int, int, int]
    scale: float = 1 / 255
    offset: float = 0.0

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or any(n < 1 for n in self.shape):
            raise ValueError(f"input shape {self.shape} is not height, width and channels")
        if not (math.isfinite(self.scale) and self.scale > 0 and math.isfinite(self.offset)):
            raise ValueError(f"input scale {self.scale} must be positive, and offset {self.offset} finite")

    def normalise(self, raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Turn raw samples into what the network reads.

        Parameters
        ----------
        raw : uint8 [n, height, width, channels]

        Returns
        -------
        float32 [n, height, width, channels]

        Raises
        ------
        ValueError
            If the samples have another shape.
        """
        if raw.shape[1:] != self.shape:
            raise ValueError(f"samples of shape {raw.shape[1:]} where the network reads {self.shape}")
        return raw.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset)


@dataclass(frozen=True)
class Split:
    """Names of the classes that train, validate and test; no class is in two of them.

    Attributes
    ----------
    train, validation, test : tuple of str
    name : str
        Of the rule that shared them out, such as "vinyals"; empty where there was none.

    Raises
    ------
    ValueError
        If a class occurs twice, or nothing trains.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        if not self.train:
            raise ValueError("the split leaves no class to train on")
        seen: dict[str, str] = {}
        for part in ("train", "validation", "test"):
            for name in getattr(self, part):
                if name in seen:
                    raise ValueError(f"class {name!r} is in both {seen[name]} and {part}; the parts must be disjoint")
                seen[name] = part


@dataclass(frozen=True, kw_only=True)
class TrainedEmbedding:
    """A trained network and its provenance.

    Attributes
    ----------
    folder : Path
        Where ``model.keras`` and ``embedding.json`` lie; not stored in the JSON, so that a folder can move.
    input : InputSpec
    embedding_len : int
        Length of the vector that the network returns.
    learner, backbone : str
        Registered names, with the options that rebuild them.
    dataset : mapping
        What `trainer.datasets.load_dataset` needs to load the training data again.
    dataset_sha256 : str
        Hex digest of the training data.
    split : Split
    seed : int
    training : mapping
        The options of the training, as given.
    learned : mapping of str to float or list of float
        What the learner learned besides the network; see `trainer.learners.Learner.learned`.
    figures : mapping of str to float
        Accuracies as fractions of 1, durations in seconds.
    teacher_sha256 : str
        Hex digest of the network that taught this one, or empty.
    model_sha256 : str
        Hex digest of ``model.keras``; ties the two files together.

    Raises
    ------
    ValueError
        If `embedding_len` is not positive or a digest is not 64 hex digits.
    """

    folder: Path
    input: InputSpec
    embedding_len: int
    learner: str
    backbone: str
    split: Split
    seed: int
    dataset_sha256: str
    model_sha256: str = ""
    teacher_sha256: str = ""
    learner_options: Mapping[str, Any] = field(default_factory=dict)
    backbone_options: Mapping[str, Any] = field(default_factory=dict)
    dataset: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    learned: Mapping[str, float | list[float]] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.embedding_len < 1:
            raise ValueError(f"an embedding of {self.embedding_len} values")
        for name in ("dataset_sha256", "model_sha256", "teacher_sha256"):
            digest = getattr(self, name)
            if digest and (len(digest) != 64 or set(digest) - set("0123456789abcdef")):
                raise ValueError(f"{name} {digest!r} is not a SHA-256 in hex")

    @property
    def model_path(self) -> Path:
        """The network's file."""
        return self.folder / MODEL_FILE

    def save(self, model: Any) -> TrainedEmbedding:
        """Write `model` and this description into `folder`, each file atomically.

        Parameters
        ----------
        model : keras.Model
            Maps ``[n, *input.shape]`` to ``[n, embedding_len]``.

        Returns
        -------
        TrainedEmbedding
            This one, with `model_sha256` filled in.

        Raises
        ------
        ValueError
            If the model's shapes are not those of this description.
        """
        self._check_shapes(model)
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"partial-{MODEL_FILE}"
        model.save(partial)
        partial.replace(self.model_path)
        saved = replace(self, model_sha256=_sha256(self.model_path))
        saved._write_json()
        return saved

    def with_figures(self, **figures: float) -> TrainedEmbedding:
        """Add figures and store them."""
        updated = replace(self, figures={**self.figures, **figures})
        updated._write_json()
        return updated

    @classmethod
    def load(cls, folder: Path | str) -> TrainedEmbedding:
        """Read and check a folder that `save` wrote; the network itself stays unread.

        Raises
        ------
        ArtifactError
            If a file is missing or damaged, has another version, or the two do not belong together.
        """
        folder = Path(folder)
        path = folder / JSON_FILE
        document = read_document(path, format_name=FORMAT, version=VERSION, what="a trained embedding", command="train")
        del document["format"], document["version"]
        try:
            spec, parts = document.pop("input"), document.pop("split")
            split_name = str(parts.pop("name", ""))
            embedding = cls(
                folder=folder,
                input=InputSpec(**{**spec, "shape": tuple(spec["shape"])}),
                split=Split(**{part: tuple(names) for part, names in parts.items()}, name=split_name),
                **document,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(f"{path} is damaged: {error}") from error
        if not embedding.model_path.is_file():
            raise ArtifactError(f"{embedding.model_path} is missing beside {JSON_FILE}; copy the whole folder")
        if _sha256(embedding.model_path) != embedding.model_sha256:
            raise ArtifactError(f"{embedding.model_path} is not the network that {JSON_FILE} describes; train again")
        return embedding

    def keras_model(self) -> Any:
        """Load the network (this imports Keras).

        Returns
        -------
        keras.Model
            Uncompiled; maps ``float32 [n, *input.shape]`` to ``float32 [n, embedding_len]``.

        Raises
        ------
        ArtifactError
            If Keras cannot read the file or its shapes are not those described.
        """
        try:
            model = load_keras().models.load_model(self.model_path, compile=False, safe_mode=True)
            self._check_shapes(model)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ArtifactError(f"{self.model_path} cannot be used: {error}") from error
        return model

    def _check_shapes(self, model: Any) -> None:
        found = (tuple(model.input_shape[1:]), tuple(model.output_shape[1:]))
        described = (tuple(self.input.shape), (self.embedding_len,))
        if found != described:
            raise ValueError(
                f"the network maps {found[0]} to {found[1]}, described is {described[0]} to {described[1]}"
            )

    def _write_json(self) -> None:
        body = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in {"folder", "input", "split"}}
        body = {k: dict(v) if isinstance(v, Mapping) else v for k, v in body.items()}
        document = {
            "format": FORMAT,
            "version": VERSION,
            **body,
            "input": asdict(self.input),
            "split": asdict(self.split),
        }
        partial = self.folder / f"partial-{JSON_FILE}"
        partial.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(self.folder / JSON_FILE)


def read_document(path: Path, *, format_name: str, version: int, what: str, command: str) -> dict[str, Any]:
    """Read the JSON file that describes an artifact.

    Parameters
    ----------
    path : Path
    format_name : str
        What its key ``format`` must say.
    version : int
        What its key ``version`` must say.
    what, command : str
        The kind of artifact and the subcommand of kshot that writes it, for messages.

    Raises
    ------
    ArtifactError
        If the file is missing or no JSON, or describes something else or in another version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError(f"{path} does not exist; `kshot {command}` writes it") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("format") != format_name:
        raise ArtifactError(f"{path} does not describe {what}; `kshot {command}` writes one")
    found = document.get("version")
    if found != version:
        raise ArtifactError(
            f"{path} has version {found}, this kshot reads {version}: {command} again, or use its kshot"
        )
    return document


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
