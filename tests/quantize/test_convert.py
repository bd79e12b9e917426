"""Conversion of trained networks: deterministic, quiet, and close to what was trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from quantize import convert, learners, reference
from quantize.artifact import Int8Embedding
from quantize.errors import UnsupportedModelError
from quantize.from_tflite import read_tflite
from quantize.thresholds import same_distance
from trainer.artifact import InputSpec, Split, TrainedEmbedding
from trainer.datasets.dataset import Dataset

SHAPE = (16, 16, 1)


def _dataset(classes: int = 6, each: int = 8) -> Dataset:
    """Noise over a bar whose place tells the class; every image spans 0 to 255."""
    rng = np.random.default_rng(2)
    images = rng.integers(0, 60, (classes * each, *SHAPE)).astype(np.uint8)
    labels = np.repeat(np.arange(classes), each).astype(np.int64)
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 2] = 255
        image[0, 0] = 0
    return Dataset(name="bars", images=images, labels=labels, class_names=tuple(f"bar{i}" for i in range(classes)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedEmbedding:
    """A conv4 with fresh weights, stored."""
    from trainer.backbones import build_backbone

    model = build_backbone("conv4", SHAPE, {"width": 8}, seed=1)
    return TrainedEmbedding(
        folder=tmp_path_factory.mktemp("trained"),
        input=InputSpec(SHAPE),
        embedding_len=8,
        learner="prototypical",
        backbone="conv4",
        split=Split(("a",)),
        seed=1,
        dataset_sha256="0" * 64,
    ).save(model)


@pytest.mark.needs("tensorflow")
def test_conversion(trained: TrainedEmbedding, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One conversion: same bytes twice, nothing printed, the input as bytes, close to float, and it stores."""
    data = _dataset()
    images = convert.representative_images(data, rng=np.random.default_rng(3), images=30)
    examples = convert.draw_examples(data, rng=np.random.default_rng(4), classes=3, each=4)
    first = convert.quantize(trained, images, examples=examples)
    second = convert.quantize(trained, images)
    assert first.tflite == second.tflite
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")

    quant = first.graph.input_tensor.quant
    assert (round(1 / quant.scale), quant.zero_point) == (255, -128)
    np.testing.assert_array_equal(
        first.quantize_input(images).astype(np.int16), images.astype(np.int16) - 128
    )  # the device can take bytes as they are

    model = trained.keras_model()
    expected = model.predict(trained.input.normalise(data.images), verbose=0)
    output = first.graph.output_tensor.quant
    found = reference.run(first.graph, first.quantize_input(data.images)).astype(np.float32) - output.zero_point
    error = np.abs(found * output.scale - expected).max()
    assert error < 0.08 * np.abs(expected).max()

    first.save(tmp_path)
    assert Int8Embedding.load(tmp_path).fingerprint == first.fingerprint
    assert first.source["model_sha256"] == trained.model_sha256


@pytest.mark.needs("tensorflow")
def test_siamese_networks_are_calibrated(
    trained: TrainedEmbedding, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The distance of equal errors over the samples, in int8 units, is stored; where there is none, a warning comes."""
    data = _dataset()
    siamese = replace(trained, learner="siamese")
    rows = convert.representative_rows(data, rng=np.random.default_rng(3), images=60)
    images, labels = data.images[rows], data.labels[rows]
    embedding = convert.quantize(siamese, images, labels=labels)
    different = np.unique(rows)
    assert len(different) < len(rows)
    embeddings = reference.run(embedding.graph, embedding.quantize_input(data.images[different]))
    expected = same_distance(embeddings, data.labels[different])
    assert embedding.learned == {"same_distance": expected.distance}
    assert learners.of(embedding) == learners.Nearest(same_distance=expected.distance)
    embedding.save(tmp_path)
    assert Int8Embedding.load(tmp_path).learned == embedding.learned

    plain = convert.quantize(siamese, images)
    assert plain.fingerprint != embedding.fingerprint
    assert convert.quantize(trained, images, labels=labels).learned == plain.learned == {}
    assert convert.quantize(siamese, images[:1], labels=labels[:1]).learned == {}
    assert "verification is not calibrated: 0 pairs" in caplog.text


@pytest.mark.needs("tensorflow")
@pytest.mark.parametrize(("learner", "switch"), [("matching", "full_context"), ("prototypical", "normalize")])
def test_what_runs_on_the_host_only_is_refused(trained: TrainedEmbedding, learner: str, switch: str) -> None:
    """It has no part on the device; the error says what to train instead."""
    host_only = replace(trained, learner=learner, learner_options={switch: True})
    images = np.zeros((20, *SHAPE), np.uint8)
    with pytest.raises(UnsupportedModelError, match=f"host only: train with {switch} = false"):
        convert.quantize(host_only, images)
    convert.quantize(replace(host_only, learner_options={switch: False}), images)


@pytest.mark.needs("tensorflow")
def test_no_samples_are_refused(trained: TrainedEmbedding) -> None:
    """Without representative samples no range can be found."""
    with pytest.raises(ValueError, match="no representative samples"):
        convert.quantize(trained, np.zeros((0, *SHAPE), np.uint8))


@pytest.mark.needs("tensorflow")
def test_what_int8_cannot_hold_is_named() -> None:
    """A layer that leaves a float operator behind converts, and is refused on import with its name."""
    from trainer.backend import load_keras

    keras = load_keras()
    layers = keras.layers
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.UnitNormalization(name="unit")])
    content = convert.convert(model, np.random.default_rng(0).random((4, 4, 4, 1), dtype=np.float32))
    with pytest.raises(UnsupportedModelError, match=r"in layer .*/unit.*: it computes in float"):
        read_tflite(content)


@pytest.mark.needs("tensorflow")
def test_the_converter_s_exceptions_become_one(trained: TrainedEmbedding) -> None:
    """Whatever goes wrong inside TensorFlow is a ConversionError that says what."""
    with pytest.raises(convert.ConversionError, match="cannot convert this network"):
        convert.convert(trained.keras_model(), np.ones((2, 5, 5, 3), np.float32))


def test_representative_images_come_in_episodes() -> None:
    """Every class is drawn from, as often as the next, and a seed decides the draw."""
    data = _dataset()
    drawn = convert.representative_images(data, rng=np.random.default_rng(5), images=24, n_way=6, k_shot=4)
    again = convert.representative_images(data, rng=np.random.default_rng(5), images=24, n_way=6, k_shot=4)
    np.testing.assert_array_equal(drawn, again)
    bars = (drawn[:, 2:, 4, 0] == 255).argmax(axis=1)
    first = drawn[:, 0, 4, 0] == 255
    assert drawn.shape == (24, *SHAPE)
    assert np.bincount(np.where(first, 0, 1 + bars // 2)).tolist() == [4] * 6


def test_few_images_still_serve() -> None:
    """Two samples a class are enough to draw from."""
    data = _dataset(classes=2, each=2)
    assert len(convert.representative_images(data, rng=np.random.default_rng(0))) >= 2


def test_examples_keep_their_names() -> None:
    """Classes are a sorted choice, and each sample carries the class it has in the data set."""
    data = _dataset()
    examples = convert.draw_examples(data, rng=np.random.default_rng(6), classes=4, each=5)
    assert np.bincount(examples.labels).tolist() == [5] * 4
    for image, label in zip(examples.inputs, examples.labels, strict=True):
        bar = int(examples.class_names[label].removeprefix("bar"))
        assert (image[2 * bar : 2 * bar + 2, 1:] == 255).all()
