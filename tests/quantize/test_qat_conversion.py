"""Quantization-aware steps round to the values that conversion finds."""

import numpy as np
import pytest

from quantize.convert import convert
from quantize.from_tflite import read_tflite
from trainer.backbones import build_backbone
from trainer.fake_quantize import rounded_kernel

pytestmark = pytest.mark.needs("tensorflow")


@pytest.mark.parametrize("name", ["conv4", "separable"])
def test_weights_convert_to_the_values_that_training_saw(name):
    """The converter's int8 weights are the rounded kernels, batch normalisation multiplying whole channels alone."""
    rng = np.random.default_rng(0)
    model = build_backbone(name, (16, 16, 1), {"width": 4}, seed=0)
    for layer in model.layers:
        if "norm" in layer.name:
            layer.set_weights([rng.uniform(0.5, 2, w.shape) for w in layer.get_weights()])
    graph = read_tflite(convert(model, rng.random((20, 16, 16, 1)).astype(np.float32)))
    stored = [t.data for t in graph.tensors if t.data is not None and t.data.dtype == np.int8 and t.data.ndim == 4]
    kernels = [layer.kernel for layer in model.layers if "conv" in layer.name]
    assert len(stored) == len(kernels)
    for int8, kernel in zip(stored, kernels, strict=True):
        depthwise = kernel.shape[-1] == 1 and kernel.shape[2] > 1
        by_channel = np.array(kernel)[..., 0] if depthwise else np.array(kernel)
        steps = np.array(rounded_kernel(by_channel)) / np.abs(by_channel).max(axis=tuple(range(by_channel.ndim - 1)))
        expected = np.round(127 * steps)
        found = int8[0] if depthwise else np.moveaxis(int8, 0, -1)
        np.testing.assert_array_equal(found, expected)
