"""Whole networks: the NumPy reference equals both oracles in every value, on MLPerf Tiny and on Keras conversions."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quantize import oracles, reference
from quantize.from_tflite import read_tflite
from quantize.graph import Int8Graph

MLPERF = ("ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8")


def _samples(graph: Int8Graph, count: int) -> np.ndarray:
    """Random inputs, some of them near the ends of the range, where activations saturate."""
    rng = np.random.default_rng(5)
    shape = graph.input_tensor.shape[1:]
    flat = rng.integers(-128, 128, (count, *shape)).astype(np.int8)
    flat[0], flat[1] = -128, 127
    flat[2] = rng.choice(np.array([-128, 127], np.int8), shape)
    return flat


def _check(content: bytes, count: int, oracle: Callable[[bytes, np.ndarray], np.ndarray]) -> None:
    graph = read_tflite(content)
    inputs = _samples(graph, count)
    outputs = reference.run(graph, inputs)
    assert len(np.unique(outputs)) > 1
    np.testing.assert_array_equal(outputs, oracle(content, inputs))


@pytest.mark.needs("mlperf", "tflite-micro")
@pytest.mark.parametrize("name", MLPERF)
def test_mlperf_equals_tflite_micro(name: str) -> None:
    """The four MLPerf Tiny models import unmodified and are exact against TensorFlow Lite Micro."""
    content = (Path(os.environ["KSHOT_DATA"]) / "mlperf_tiny" / f"{name}.tflite").read_bytes()
    _check(content, 1000 if name == "ad01_int8" else 30, oracles.tflite_micro_outputs)


@pytest.mark.needs("mlperf", "tflite-runtime")
@pytest.mark.parametrize("name", [name for name in MLPERF if name != "ad01_int8"])
def test_mlperf_equals_tflite_runtime(name: str) -> None:
    """... and, those with convolutions, against tflite-runtime's reference kernels."""
    content = (Path(os.environ["KSHOT_DATA"]) / "mlperf_tiny" / f"{name}.tflite").read_bytes()
    _check(content, 10, oracles.tflite_runtime_outputs)


@pytest.mark.needs("mlperf", "tflite-runtime")
def test_the_one_difference_between_the_oracles_stays_rare() -> None:
    """tflite-runtime rounds a dense layer's single weight scale to binary32: a unit's difference, in few outputs."""
    content = (Path(os.environ["KSHOT_DATA"]) / "mlperf_tiny" / "ad01_int8.tflite").read_bytes()
    graph = read_tflite(content)
    inputs = _samples(graph, 100)
    theirs = oracles.tflite_runtime_outputs(content, inputs).astype(np.int16)
    assert (theirs != reference.run(graph, inputs)).mean() < 1e-4


def _convolutional(keras: Any) -> Any:
    """Strides, dilation, both paddings, batch normalisation, both poolings, flatten, softmax."""
    layers = keras.layers
    return [
        layers.ZeroPadding2D(((1, 0), (0, 2))),
        layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(5, 3, dilation_rate=2, padding="same", activation="relu6"),
        layers.MaxPooling2D(2),
        layers.AveragePooling2D(2, strides=1, padding="same"),
        layers.Flatten(),
        layers.Dense(7),
        layers.Softmax(),
    ]


def _separable(keras: Any) -> Any:
    """Depthwise with a multiplier, pointwise, global mean, dense."""
    layers = keras.layers
    return [
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=4, activation="relu"),
        layers.Conv2D(8, 1),
        layers.DepthwiseConv2D(3, strides=2, padding="valid"),
        layers.ReLU(6.0),
        layers.GlobalAveragePooling2D(),
        layers.Dense(5, use_bias=False),
    ]


def _residual(keras: Any) -> Any:
    """A sum of two branches with different scales, with an activation."""
    source = keras.Input((8, 8, 3))
    left = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(source)
    right = keras.layers.Conv2D(4, 1)(source)
    total = keras.layers.ReLU()(keras.layers.Add()([left, right]))
    return keras.Model(source, keras.layers.GlobalAveragePooling2D(keepdims=True)(total))


NETWORKS = {
    "convolutional": (_convolutional, (11, 9, 2)),
    "separable": (_separable, (9, 9, 2)),
    "residual": (_residual, None),
}


@pytest.fixture(scope="session", params=NETWORKS)
def converted(request: pytest.FixtureRequest) -> bytes:
    """A small Keras network with random weights, converted to int8."""
    from quantize import convert
    from trainer.backend import load_keras

    keras = load_keras()
    keras.utils.set_random_seed(3)
    build, shape = NETWORKS[request.param]
    model = build(keras)
    if shape is not None:
        model = keras.Sequential([keras.Input(shape), *model])
    rng = np.random.default_rng(4)
    model.set_weights([rng.normal(0.1, 0.4, w.shape) ** 2 if "variance" in v.path else rng.normal(0, 0.4, w.shape)
                       for v, w in zip(model.weights, model.get_weights(), strict=True)])  # fmt: skip
    samples = rng.random((30, *model.input_shape[1:]), dtype=np.float32)
    return convert.convert(model, samples)


@pytest.mark.needs("tensorflow", "tflite-micro")
def test_conversion_equals_tflite_micro(converted: bytes) -> None:
    """Networks as Keras and the converter write them today are exact against TensorFlow Lite Micro."""
    _check(converted, 40, oracles.tflite_micro_outputs)


@pytest.mark.needs("tensorflow", "tflite-runtime")
def test_conversion_equals_tflite_runtime(converted: bytes) -> None:
    """... and against tflite-runtime's reference kernels."""
    _check(converted, 40, oracles.tflite_runtime_outputs)


@pytest.mark.needs("tensorflow")
def test_batches_do_not_change_results(converted: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the memory limit cuts the batch, every sample's result is the same; no samples give no results."""
    graph = read_tflite(converted)
    inputs = _samples(graph, 7)
    whole = reference.run(graph, inputs)
    monkeypatch.setattr(reference, "_BATCH_BYTES", 1)
    np.testing.assert_array_equal(reference.run(graph, inputs), whole)
    np.testing.assert_array_equal(reference.run_all(graph, inputs)[graph.output], whole)
    assert reference.run(graph, inputs[:0]).shape == (0, *whole.shape[1:])
    with pytest.raises(ValueError, match="inputs are"):
        reference.run(graph, inputs.astype(np.int16))
