"""Firmware in QEMU on real images: enrolled and classified inside it, compared with the NumPy reference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firmware_gen import build as firmware_build
from firmware_gen import targets
from firmware_gen.emulate import Emulator
from firmware_gen.source_tree import SourceTree
from quantize import learners, reference
from quantize.artifact import Int8Embedding

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Emulation:
    """What an emulated firmware did.

    Attributes
    ----------
    target, board : str
    qemu : str
        QEMU's version; instruction counts belong to it.
    inputs : int
        Images that the firmware embedded.
    queries : int
        Images that it classified after enrollment.
    mismatches : int
        Embeddings that differ in any value, plus answers that differ in class, distance or margin.
    accuracy : float
        Share of the queries that were answered rightly.
    instructions : int
        Of one inference, the mean over the inputs.
    """

    target: str
    board: str
    qemu: str
    inputs: int
    queries: int
    mismatches: int
    accuracy: float
    instructions: int

    def row(self) -> dict[str, str | int | float]:
        """The run as a flat row."""
        return dict(vars(self))


def emulate(
    embedding: Int8Embedding, tree: SourceTree, target_name: str, folder: Path, *, support: Images, queries: Images
) -> Emulation:
    """Build the emulation program and let it enroll and classify.

    Parameters
    ----------
    embedding : Int8Embedding
        What `tree` was generated from.
    tree : SourceTree
    target_name : str
        A target that QEMU runs.
    folder : Path
        Where the firmware is built.
    support : uint8 [n_way, k_shot, height, width, channels]
    queries : uint8 [n_way, n_query, height, width, channels]

    Raises
    ------
    BuildError, EmulationError
        If a tool is missing, the model does not fit or the firmware fails.
    """
    firmware = firmware_build.build(tree, targets.get(target_name), folder, main="emulation")
    emulator = Emulator(firmware)
    shots = _quantized(embedding, support)
    asked = _quantized(embedding, queries).reshape(-1, *support.shape[2:])
    inputs = np.concatenate([shots.reshape(-1, *support.shape[2:]), asked])

    embeddings, instructions = emulator.embed(inputs)
    (episode,) = emulator.classify_episodes([(shots, asked)])
    expected = reference.run(embedding.graph, inputs).reshape(len(inputs), -1)
    taught = expected[: shots.shape[0] * shots.shape[1]].reshape(*shots.shape[:2], -1)
    wanted = learners.of(embedding).answer(taught, expected[len(inputs) - len(asked) :])

    right = episode.answers.ways == np.repeat(np.arange(len(queries)), queries.shape[1])
    return Emulation(
        target=target_name,
        board=firmware.board.name,
        qemu=emulator.version,
        inputs=len(inputs),
        queries=len(asked),
        mismatches=int((embeddings != expected).any(axis=1).sum() + episode.answers.differing(wanted)),
        accuracy=float(right.mean()),
        instructions=round(float(instructions.mean())),
    )


def _quantized(embedding: Int8Embedding, images: Images) -> npt.NDArray[np.int8]:
    """Quantize images behind two leading axes."""
    flat = embedding.quantize_input(images.reshape(-1, *images.shape[2:]))
    return flat.reshape(images.shape)


def split_examples(embedding: Int8Embedding, *, shots: int, max_classes: int) -> tuple[Images, Images]:
    """Divide the examples that travel with an embedding into those that teach and those that ask.

    Parameters
    ----------
    embedding : Int8Embedding
    shots : int
        Examples of each class that teach.
    max_classes : int
        Classes that the device holds; more are left out.

    Returns
    -------
    support : uint8 [n_way, shots, height, width, channels]
    queries : uint8 [n_way, n_query, height, width, channels]

    Raises
    ------
    ValueError
        If there are no examples, or too few of some class.
    """
    examples = embedding.examples
    if examples is None:
        raise ValueError("this embedding carries no examples to emulate with: `kshot quantize` stores some")
    if examples.inputs.dtype != np.uint8:
        raise ValueError("the examples of this embedding are int8 inputs, not images: `kshot quantize` stores images")
    counts = np.bincount(examples.labels, minlength=len(examples.class_names))
    each = int(counts.min())
    if each <= shots:
        name = examples.class_names[int(counts.argmin())]
        raise ValueError(f"class {name!r} has {each} examples: --shots must leave one to ask about, try {each - 1}")
    ways = range(min(len(counts), max_classes))
    rows = np.stack([np.flatnonzero(examples.labels == way)[:each] for way in ways])
    images = examples.inputs[rows].astype(np.uint8)
    return images[:, :shots], images[:, shots:]
