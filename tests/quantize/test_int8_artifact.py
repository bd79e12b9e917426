"""The stored int8 embedding: what is written reads back, what is damaged or foreign is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rejections import random_rejection
from vectors import cases

from quantize.artifact import Examples, Int8Embedding
from quantize.from_tflite import read_tflite
from quantize.tflite_writer import write_tflite
from trainer.artifact import ArtifactError, InputSpec

GRAPHS = {case.name: case.graph for case in cases.cases()}
SHAPE = (3, 4, 5)


@pytest.fixture
def embedding() -> Int8Embedding:
    """A convolution with preprocessing, figures and examples."""
    content = write_tflite(GRAPHS["conv2d_1x1"])
    rng = np.random.default_rng(1)
    examples = Examples(
        rng.integers(0, 256, (6, *SHAPE)).astype(np.uint8), np.repeat(np.arange(2), 3), ("wave", "häkchen")
    )
    return Int8Embedding(
        graph=read_tflite(content),
        input=InputSpec(SHAPE, scale=1 / 255, offset=0.25),
        learner_options={"a": 1},
        source={"model_sha256": "ab"},
        figures={"accuracy": 0.5},
        examples=examples,
        tflite=content,
    )


def test_what_is_saved_loads(embedding: Int8Embedding, tmp_path: Path) -> None:
    """Every field survives, and the fingerprint with them."""
    embedding.save(tmp_path / "out")
    again = Int8Embedding.load(tmp_path / "out")
    assert again.fingerprint == embedding.fingerprint
    for name in ("input", "learner", "learner_options", "source", "figures", "tflite"):
        assert getattr(again, name) == getattr(embedding, name)
    assert again.examples is not None
    assert again.examples.class_names == ("wave", "häkchen")
    np.testing.assert_array_equal(again.examples.inputs, embedding.examples.inputs)


def test_saving_without_examples_removes_old_ones(embedding: Int8Embedding, tmp_path: Path) -> None:
    """A folder never mixes two embeddings."""
    embedding.save(tmp_path)
    replace(embedding, examples=None).save(tmp_path)
    assert Int8Embedding.load(tmp_path).examples is None


def test_the_fingerprint_covers_what_decides_an_answer(embedding: Int8Embedding) -> None:
    """Preprocessing and learner change it; where the model came from and its examples do not."""
    print_ = embedding.fingerprint
    assert len(print_) == 32
    assert replace(embedding, examples=None, source={}, figures={}).fingerprint == print_
    changed = [
        replace(embedding, input=InputSpec(SHAPE, scale=1 / 128, offset=0.25)),
        replace(embedding, learner="another"),
        replace(embedding, learner_options={"a": 2}),
    ]
    assert len({print_, *(other.fingerprint for other in changed)}) == 4


@given(st.floats(2.0**-13, 8, width=32), st.integers(-128, 127), st.floats(1e-4, 10), st.floats(-100, 100))
def test_input_quantization_rounds_halves_away(scale: float, zero_point: int, raw_scale: float, offset: float) -> None:
    """Each raw value: binary32 throughout, halves away from zero, clamped."""
    graph = GRAPHS["conv2d_1x1"]
    source = replace(
        graph.tensors[0], quant=replace(graph.tensors[0].quant, scales=(scale,), zero_points=(zero_point,))
    )
    spec = InputSpec(SHAPE, scale=raw_scale, offset=offset)
    embedding = Int8Embedding(graph=replace(graph, tensors=(source, *graph.tensors[1:])), input=spec)
    raw = np.resize(np.arange(256, dtype=np.uint8), (5, *SHAPE))
    steps = (spec.normalise(raw) / np.float32(scale)).astype(np.float64)
    rounded = np.where(steps < 0, -np.floor(-steps + 0.5), np.floor(steps + 0.5)) + zero_point
    np.testing.assert_array_equal(embedding.quantize_input(raw), np.clip(rounded, -128, 127))


@pytest.mark.parametrize("name", ["conv2d_1x1", "dense", "softmax_rows"])
def test_a_plain_tflite_file_takes_bytes_in_order(name: str, tmp_path: Path) -> None:
    """Without a description, raw byte b is the int8 value b - 128; a vector counts as one pixel."""
    path = tmp_path / "user.tflite"
    path.write_bytes(write_tflite(GRAPHS[name]))
    embedding = Int8Embedding.from_tflite(path)
    raw = np.resize(np.arange(256, dtype=np.uint8), (300, *embedding.input.shape))
    quantized = embedding.quantize_input(raw)
    assert quantized.shape[1:] == embedding.graph.input_tensor.shape[1:]
    np.testing.assert_array_equal(quantized.ravel(), raw.ravel().astype(np.int16) - 128)


def test_samples_of_another_shape_are_refused(embedding: Int8Embedding) -> None:
    """Shape and dtype are checked, and an embedding cannot be made with a wrong one."""
    with pytest.raises(ValueError, match="samples are"):
        embedding.quantize_input(np.zeros((1, 4, 3, 5), np.uint8))
    with pytest.raises(ValueError, match="samples are"):
        embedding.quantize_input(np.zeros((1, *SHAPE), np.int8))
    with pytest.raises(ValueError, match="input shape"):
        replace(embedding, input=InputSpec((4, 3, 5)))


def test_a_graph_without_its_file_cannot_be_saved(embedding: Int8Embedding, tmp_path: Path) -> None:
    """The folder holds a .tflite file, so there must be one."""
    with pytest.raises(ValueError, match="cannot be stored"):
        replace(embedding, tflite=None).save(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.tflite", None, "missing"),
        ("model.tflite", b"\0" * 40, "no .tflite file"),
        ("model.tflite", write_tflite(GRAPHS["conv2d_row"]), "input shape"),
        ("int8_embedding.json", None, "does not exist"),
        ("int8_embedding.json", b"{", "cannot be read"),
        ("int8_embedding.json", b"[]", "does not describe"),
        ("examples.npz", None, "missing"),
        ("examples.npz", b"PK\x03\x04nothing", "damaged"),
    ],
)
def test_damage_is_named(
    embedding: Int8Embedding, tmp_path: Path, file: str, content: bytes | None, message: str
) -> None:
    """A file that is missing or damaged is named in an ArtifactError."""
    embedding.save(tmp_path)
    path = tmp_path / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(ArtifactError, match=message):
        Int8Embedding.load(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("version", 99, "version 99"),
        ("fingerprint", "00" * 32, "not the network"),
        ("learner", "another", "not the network"),
        ("input", {"shape": [3, 4, 5]}, "damaged"),
        ("figures", None, "damaged"),
    ],
)
def test_a_changed_description_is_refused(
    embedding: Int8Embedding, tmp_path: Path, key: str, value: object, message: str
) -> None:
    """Another version, or a description that does not belong to the network."""
    embedding.save(tmp_path)
    path = tmp_path / "int8_embedding.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {key: value}), encoding="utf-8")
    with pytest.raises(ArtifactError, match=message):
        Int8Embedding.load(tmp_path)


def test_pickled_examples_are_refused(embedding: Int8Embedding, tmp_path: Path) -> None:
    """Loading never unpickles."""
    embedding.save(tmp_path)
    np.savez(tmp_path / "examples.npz", inputs=np.array([{}], object), labels=[0], class_names=["a"])
    with pytest.raises(ArtifactError, match="damaged"):
        Int8Embedding.load(tmp_path)


def with_rejection(embedding: Int8Embedding, seed: int = 3) -> Int8Embedding:
    length = embedding.embedding_len
    return replace(embedding, rejection=random_rejection(np.random.default_rng(seed), length))


def test_rejection_survives(embedding: Int8Embedding, tmp_path: Path) -> None:
    """Every table and where it came from; and without one, the file of an earlier one goes."""
    saved = with_rejection(embedding)
    saved.save(tmp_path)
    loaded = Int8Embedding.load(tmp_path).rejection
    assert loaded is not None
    assert saved.rejection is not None
    assert loaded.digest == saved.rejection.digest
    assert (loaded.calibrated_on, loaded.classes) == ("training", ("a", "b"))
    embedding.save(tmp_path)
    assert Int8Embedding.load(tmp_path).rejection is None
    assert not (tmp_path / "rejection.npz").exists()


def test_rejection_is_part_of_the_fingerprint(embedding: Int8Embedding) -> None:
    """It decides verdicts."""
    prints = {e.fingerprint for e in (embedding, with_rejection(embedding), with_rejection(embedding, 4))}
    assert len(prints) == 3


def test_impostors_of_another_length_are_refused(embedding: Int8Embedding) -> None:
    """They must be embeddings of this network."""
    with pytest.raises(ValueError, match="impostors of 3 values"):
        replace(embedding, rejection=random_rejection(np.random.default_rng(0), 3))


@pytest.mark.parametrize("damage", ["gone", "cut", "table", "described"])
def test_damaged_rejection_is_refused(embedding: Int8Embedding, tmp_path: Path, damage: str) -> None:
    """Whether the file or its description is damaged, the message names one of the two."""
    with_rejection(embedding).save(tmp_path)
    path, described = tmp_path / "rejection.npz", tmp_path / "int8_embedding.json"
    document = json.loads(described.read_text())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "table":
        with np.load(path) as stored:
            tables = dict(stored)
        np.savez(path, **tables | {"priors": tables["priors"].astype(np.int64)})
    else:
        document["rejection"]["spread"] = "wide"
        described.write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match=r"rejection\.npz|int8_embedding\.json"):
        Int8Embedding.load(tmp_path)
