"""A folded network computes what the network did, without its normalisation."""

import numpy as np
import pytest

from trainer.backbones import build_backbone
from trainer.backend import load_keras
from trainer.folding import folded

pytestmark = pytest.mark.needs("tensorflow")


def randomised(model):
    """The model with a normalisation that multiplies, shifts and turns signs."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if "norm" in layer.name:
            gamma, beta, mean, variance = (rng.normal(size=w.shape) for w in layer.get_weights())
            layer.set_weights([gamma, beta, mean, np.exp(variance)])
    return model


@pytest.mark.parametrize(
    ("name", "options"),
    [("conv4", {"width": 4}), ("conv4", {"width": 4, "signed": True}), ("separable", {"width": 4})],
)
def test_it_computes_the_same(name, options):
    """Up to the rounding of float32; no normalisation is left."""
    model = randomised(build_backbone(name, (16, 16, 1), options, seed=0))
    images = np.random.default_rng(0).random((7, 16, 16, 1)).astype(np.float32)
    made, expected = folded(model), np.array(model(images, training=False))
    assert expected.std() > 0
    np.testing.assert_allclose(np.array(made(images)), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    assert not any(isinstance(layer, load_keras().layers.BatchNormalization) for layer in made.layers)
    assert [layer.name for layer in made.layers] == [layer.name for layer in model.layers]


def test_other_normalisation_stays():
    """One that no convolution precedes, or one with an activation in between, cannot move into a kernel."""
    layers = load_keras().layers
    inputs = load_keras().Input((8, 8, 2))
    x = layers.BatchNormalization(name="first_norm")(inputs)
    x = layers.Conv2D(3, 3, use_bias=False, activation="relu", name="conv")(x)
    outputs = layers.BatchNormalization(name="second_norm")(x)
    model = randomised(load_keras().Model(inputs, outputs))
    images = np.random.default_rng(0).random((5, 8, 8, 2)).astype(np.float32)
    made = folded(model)
    assert sum(isinstance(layer, layers.BatchNormalization) for layer in made.layers) == 2
    np.testing.assert_allclose(np.array(made(images)), np.array(model(images, training=False)), rtol=1e-5, atol=1e-6)
