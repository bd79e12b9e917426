"""The network of quantization-aware steps: every value is one that int8 can hold, and the gradient passes."""

import numpy as np
import pytest

from trainer.backbones import build_backbone
from trainer.backend import load_keras, load_tensorflow
from trainer.fake_quantize import fake_quantized

pytestmark = pytest.mark.needs("tensorflow")

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 1)).astype(np.float32) / 255
BACKBONES = [("conv4", {"width": 4}), ("conv4", {"width": 4, "signed": True}), ("separable", {"width": 4})]


def network(name, options):
    """A network whose normalisation is not that of a fresh one."""
    rng = np.random.default_rng(1)
    model = build_backbone(name, (16, 16, 1), options, seed=0)
    for layer in model.layers:
        if "norm" in layer.name:
            gamma, beta, mean, variance = (rng.normal(size=w.shape) / 4 for w in layer.get_weights())
            layer.set_weights([1 + gamma, beta, mean, np.exp(4 * variance) / 16])
    return model


@pytest.fixture(params=BACKBONES, ids=lambda chosen: "-".join(map(str, chosen)))
def model(request):
    return network(*request.param)


def outputs(model, name):
    """What a layer makes of the images, one after the other in a row."""
    part = load_keras().Model(model.input, model.get_layer(name).output)
    return np.array(part(IMAGES, training=True))


def test_weights_and_their_order_are_those_of_the_network(model):
    """So that one can be copied to the other at any time."""
    rounding = fake_quantized(model)
    assert [v.path for v in rounding.variables] == [v.path for v in model.variables]
    for ours, theirs in zip(rounding.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_activations_have_at_most_256_values_on_one_grid(model):
    """Those that the device stores: after ReLU, after a normalisation without one, and after a mean."""
    rounding = fake_quantized(model)
    held = [layer.name for layer in rounding.layers if getattr(layer, "rounds_output", False)]
    assert held[-1] in {"block4_relu", "block4_norm", "embedding"}
    for name in held:
        values = np.unique(outputs(rounding, name))
        assert 16 < len(values) <= 256, name
        step = (values[-1] - values[0]) / 255
        np.testing.assert_allclose(values / step, np.round(values / step), atol=0.01)


def test_what_the_device_computes_as_one_is_rounded_once(model):
    """Neither a convolution nor the normalisation that ReLU follows is rounded by itself."""
    rounding = fake_quantized(model)
    first = "stem" if rounding.name == "separable" else "block1"
    assert len(np.unique(outputs(rounding, f"{first}_conv"))) > 1000
    assert len(np.unique(outputs(rounding, f"{first}_norm"))) > 1000


@pytest.mark.parametrize("name", ["conv4", "separable"])
def test_weights_are_rounded_by_channel(name):
    """The network computes with -127 to 127 steps of a channel's largest weight; what is stored stays exact."""
    model = network(name, {"width": 4})
    rounding, exact = fake_quantized(model), network(name, {"width": 4})
    layers = [layer for layer in model.layers if "conv" in layer.name]
    for layer in layers:
        kernel = np.array(layer.kernel)
        axes = (0, 1, 3) if "depthwise" in layer.name else (0, 1, 2)
        step = np.abs(kernel).max(axis=axes, keepdims=True) / 127
        exact.get_layer(layer.name).set_weights([np.round(kernel / step) * step])
        rounding.get_layer(layer.name).rounds_output = False
        part = load_keras().Model(exact.get_layer(layer.name).input, exact.get_layer(layer.name).output)
        features = np.random.default_rng(2).normal(size=(5, *layer.input.shape[1:])).astype(np.float32)
        seen = np.array(rounding.get_layer(layer.name)(features))
        np.testing.assert_allclose(seen, np.array(part(features)), rtol=1e-4, atol=1e-4)
        assert np.abs(seen - np.array(layer(features))).max() > 1e-3


def test_training_computes_as_inference_and_moves_no_statistics(model):
    """The statistics are frozen; the result is near that of the network in float, and not the same."""
    rounding = fake_quantized(model)
    before = rounding.get_weights()
    trained, inferred = np.array(rounding(IMAGES, training=True)), np.array(rounding(IMAGES, training=False))
    np.testing.assert_array_equal(trained, inferred)
    for ours, theirs in zip(rounding.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    real = np.array(model(IMAGES, training=False))
    error = np.abs(inferred - real).max() / np.ptp(real)
    assert 1e-4 < error < 0.05


def test_the_gradient_passes_through_the_rounding(model):
    """It is near that of the network in float, whose rounding would have none."""
    tf = load_tensorflow()
    gradients = []
    for network in (model, fake_quantized(model)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(network(IMAGES, training=False)))
        flat = [np.array(g).ravel() for g in tape.gradient(loss, network.trainable_variables)]
        gradients.append(np.concatenate(flat))
    cosine = gradients[0] @ gradients[1] / np.linalg.norm(gradients[0]) / np.linalg.norm(gradients[1])
    assert cosine > 0.95


def test_a_layer_without_a_counterpart_is_refused():
    """The error names the layer and the option."""
    keras = load_keras()
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="last")(inputs))
    with pytest.raises(ValueError, match=r"layer last is a Dense.*qat_steps"):
        fake_quantized(model)
