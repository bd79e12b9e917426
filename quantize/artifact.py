"""`Int8Embedding`: what quantization leaves behind, a folder with ``model.tflite``, ``int8_embedding.json`` and more.

The JSON says what the .tflite file does not: how raw samples become the network's input, which learner its embeddings
are for, where it came from. ``rejection.npz``, if present, holds what rejects samples of unknown classes.
``examples.npz``, if present, holds a few samples of classes that were never trained on, so that firmware can be shown
real data where no data set is at hand. Reading all of it needs no TensorFlow.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from quantize.errors import ModelError
from quantize.from_tflite import read_tflite
from quantize.graph import Int8Graph
from quantize.rejection import Rejection
from trainer.artifact import ArtifactError, InputSpec, read_document

FORMAT = "kshot-int8-embedding"
VERSION = 3
MODEL_FILE = "model.tflite"
JSON_FILE = "int8_embedding.json"
EXAMPLES_FILE = "examples.npz"
REJECTION_FILE = "rejection.npz"

_MAX_EXAMPLE_BYTES = 64 << 20
_MAX_REJECTION_BYTES = 1 << 20
_TABLES = ("impostors", "factors", "priors", "typical", "far")


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled samples that travel with a network.

    Attributes
    ----------
    inputs : uint8 or int8 [m, height, width, channels]
        Raw samples (uint8), or ones that are quantized already (int8).
    labels : int64 [m]
        Indices into `class_names`.
    class_names : tuple of str

    Raises
    ------
    ValueError
        If the three do not fit together.
    """

    inputs: npt.NDArray[np.uint8] | npt.NDArray[np.int8]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.inputs.dtype not in (np.uint8, np.int8) or self.inputs.ndim != 4:
            raise ValueError(f"examples are {self.inputs.dtype}{self.inputs.shape}, not uint8 or int8 images")
        if self.labels.dtype != np.int64 or self.labels.shape != self.inputs.shape[:1]:
            raise ValueError(f"labels are {self.labels.dtype}{self.labels.shape} for {len(self.inputs)} examples")
        if self.labels.size and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise ValueError(f"a label lies outside the {len(self.class_names)} classes")


@dataclass(frozen=True, kw_only=True, eq=False)
class Int8Embedding:
    """An int8 network, and how it is used.

    Attributes
    ----------
    graph : Int8Graph
    input : InputSpec
        How raw samples become real numbers; the graph's input quantization does the rest.
    learner : str
        What its embeddings were trained for.
    learner_options : mapping
    learned : mapping of str to float or list of float
        What the learner learned besides the network.
    source : mapping
        Where it came from, such as the SHA-256 of the trained network.
    figures : mapping of str to float
        Accuracies as fractions of 1.
    examples : Examples or None
    rejection : Rejection or None
        None leaves rejection out: every answer is accepted.
    tflite : bytes or None
        The file that `graph` was read from; needed to save.

    Raises
    ------
    ValueError
        If input or examples have another shape than the graph reads.
    """

    graph: Int8Graph
    input: InputSpec
    learner: str = "prototypical"
    learner_options: Mapping[str, Any] = field(default_factory=dict)
    learned: Mapping[str, float | list[float]] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    examples: Examples | None = None
    rejection: Rejection | None = None
    tflite: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        reads = self.graph.input_tensor.shape[1:]
        if self.input.shape != _sample_shape(self.graph):
            raise ValueError(f"input shape {self.input.shape} where the network reads {reads}")
        if self.examples is not None and self.examples.inputs.shape[1:] != self.input.shape:
            raise ValueError(f"examples of shape {self.examples.inputs.shape[1:]} where the network reads {reads}")
        if self.rejection is not None and self.rejection.impostors.shape[1] != self.embedding_len:
            length = self.rejection.impostors.shape[1]
            raise ValueError(f"impostors of {length} values where the network returns {self.embedding_len}")

    @property
    def embedding_len(self) -> int:
        """Number of values that the network returns."""
        return self.graph.output_tensor.size

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 (32 bytes) over everything that decides an answer: network, preprocessing, learner, rejection.

        Classes that were enrolled under one fingerprint mean nothing under another.
        """
        options = json.dumps([dict(self.learner_options), dict(self.learned)], sort_keys=True)
        preprocessing = [self.input.shape, self.input.scale.hex(), self.input.offset.hex()]
        rejection = None if self.rejection is None else self.rejection.digest
        head = [FORMAT, VERSION, preprocessing, self.learner, options, self.embedding_len, rejection]
        return hashlib.sha256(json.dumps(head).encode() + self.graph.fingerprint).digest()

    def quantize_input(self, raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
        """Turn raw samples into what the int8 network reads.

        ``real = raw * scale + offset`` and ``real / input scale`` are computed in binary32 and rounded half away from
        zero, as TensorFlow Lite's QUANTIZE does; then the zero point is added and the result clamped to int8. A raw
        value has 256 states, so this is a table, on the device as here.

        Parameters
        ----------
        raw : uint8 [n, *input.shape]

        Returns
        -------
        int8 [n, *graph.input_tensor.shape[1:]]

        Raises
        ------
        ValueError
            If the samples have another dtype or shape.
        """
        if raw.dtype != np.uint8 or raw.shape[1:] != self.input.shape:
            raise ValueError(f"samples are {raw.dtype}{raw.shape}, the network reads uint8[n, {self.input.shape}]")
        return self._input_table[raw].reshape(len(raw), *self.graph.input_tensor.shape[1:])

    @cached_property
    def _input_table(self) -> npt.NDArray[np.int8]:
        """The int8 value of each raw value, int8 [256]."""
        ramp = np.arange(256, dtype=np.uint8).reshape(1, 256, 1, 1)
        real = replace(self.input, shape=(256, 1, 1)).normalise(ramp).reshape(256)
        quant = self.graph.input_tensor.quant
        steps = (real / np.float32(quant.scale)).astype(np.float64)
        rounded = np.copysign(np.floor(np.abs(steps) + 0.5), steps) + quant.zero_point
        return np.clip(rounded, -128, 127).astype(np.int8)

    @classmethod
    def from_tflite(cls, path: Path | str) -> Int8Embedding:
        """Wrap an int8 .tflite file of any origin; its input takes the bytes 0..255 as its 256 int8 values in order.

        Raises
        ------
        ModelError
            If the file is damaged or holds a layer without an int8 kernel.
        OSError
            If it cannot be read.
        """
        content = Path(path).read_bytes()
        graph = read_tflite(content)
        quant = graph.input_tensor.quant
        spec = InputSpec(_sample_shape(graph), scale=quant.scale, offset=quant.scale * (-128 - quant.zero_point))
        digest = hashlib.sha256(content).hexdigest()
        return cls(graph=graph, input=spec, source={"tflite_sha256": digest}, tflite=content)

    def save(self, folder: Path | str) -> None:
        """Write the folder, each file atomically.

        Raises
        ------
        ValueError
            If the graph was built in memory and has no file.
        """
        if self.tflite is None:
            raise ValueError("this network was not read from a .tflite file and cannot be stored")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / MODEL_FILE, self.tflite)
        (folder / EXAMPLES_FILE).unlink(missing_ok=True)
        if self.examples is not None:
            partial = folder / f"partial-{EXAMPLES_FILE}"
            names = np.array(self.examples.class_names, dtype=np.str_)
            np.savez_compressed(partial, inputs=self.examples.inputs, labels=self.examples.labels, class_names=names)
            partial.replace(folder / EXAMPLES_FILE)
        (folder / REJECTION_FILE).unlink(missing_ok=True)
        if self.rejection is not None:
            partial = folder / f"partial-{REJECTION_FILE}"
            np.savez_compressed(partial, **{name: getattr(self.rejection, name) for name in _TABLES})
            partial.replace(folder / REJECTION_FILE)
        document = {
            "format": FORMAT,
            "version": VERSION,
            "fingerprint": self.fingerprint.hex(),
            "input": asdict(self.input),
            "learner": self.learner,
            "learner_options": dict(self.learner_options),
            "learned": dict(self.learned),
            "source": dict(self.source),
            "figures": dict(self.figures),
            "examples": self.examples is not None,
            "rejection": None if self.rejection is None else _described(self.rejection),
        }
        _write(folder / JSON_FILE, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, folder: Path | str) -> Int8Embedding:
        """Read and check a folder that `save` wrote.

        Raises
        ------
        ArtifactError
            If a file is missing or damaged, has another version, or the files do not belong together.
        """
        folder = Path(folder)
        path = folder / JSON_FILE
        document = read_document(
            path, format_name=FORMAT, version=VERSION, what="an int8 embedding", command="quantize"
        )
        try:
            content = (folder / MODEL_FILE).read_bytes()
            spec = document["input"]
            embedding = cls(
                graph=read_tflite(content),
                input=InputSpec(tuple(spec["shape"]), float(spec["scale"]), float(spec["offset"])),
                learner=str(document["learner"]),
                learner_options=dict(document["learner_options"]),
                learned=dict(document["learned"]),
                source=dict(document["source"]),
                figures={str(k): float(v) for k, v in document["figures"].items()},
                examples=_read_examples(folder / EXAMPLES_FILE) if document["examples"] else None,
                rejection=_read_rejection(folder / REJECTION_FILE, document["rejection"]),
                tflite=content,
            )
        except FileNotFoundError as error:
            raise ArtifactError(f"{error.filename} is missing beside {JSON_FILE}; copy the whole folder") from error
        except ModelError as error:
            raise ArtifactError(f"{folder / MODEL_FILE}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            raise ArtifactError(f"{path} is damaged: {error}") from error
        if embedding.fingerprint.hex() != document.get("fingerprint"):
            raise ArtifactError(f"{folder / MODEL_FILE} is not the network that {JSON_FILE} describes; quantize again")
        return embedding


def _sample_shape(graph: Int8Graph) -> tuple[int, int, int]:
    """Height, width and channels of one sample; a vector is one pixel, a sequence one row."""
    rest = graph.input_tensor.shape[1:]
    if len(rest) > 3:
        raise ValueError(f"samples of shape {rest}; up to three axes work")
    height, width, channels = (1,) * (3 - len(rest)) + rest
    return height, width, channels


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f"partial-{path.name}")
    partial.write_bytes(content)
    partial.replace(path)


def _read_examples(path: Path) -> Examples:
    stored = _read_arrays(path, ("inputs", "labels", "class_names"), largest_bytes=_MAX_EXAMPLE_BYTES)
    names = tuple(str(name) for name in stored.pop("class_names"))
    try:
        return Examples(**stored, class_names=names)
    except ValueError as error:
        raise ArtifactError(f"{path} is damaged: {error}") from error


def _described(rejection: Rejection) -> dict[str, Any]:
    return {
        "spread": rejection.spread,
        "calibrated_on": rejection.calibrated_on,
        "classes": list(rejection.classes),
    }


def _read_rejection(path: Path, described: Mapping[str, Any] | None) -> Rejection | None:
    if described is None:
        return None
    tables = _read_arrays(path, _TABLES, largest_bytes=_MAX_REJECTION_BYTES)
    try:
        return Rejection(
            **tables,
            spread=int(described["spread"]),
            calibrated_on=str(described["calibrated_on"]),
            classes=tuple(map(str, described["classes"])),
        )
    except ValueError as error:
        raise ArtifactError(f"{path} is damaged: {error}") from error


def _read_arrays(path: Path, names: Sequence[str], *, largest_bytes: int) -> dict[str, npt.NDArray[Any]]:
    """Arrays of an ``.npz`` file that is not trusted."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > largest_bytes:
            raise ArtifactError(f"{path} unpacks to {size:,} bytes; up to {largest_bytes:,} are read")
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, ArtifactError):
            raise
        raise ArtifactError(f"{path} is damaged: {error}") from error
