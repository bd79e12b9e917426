"""The networks: their sizes, their names, and that their weights follow from the seed."""

import numpy as np
import pytest

from trainer.backbones import build_backbone
from trainer.backend import load_tensorflow

pytestmark = pytest.mark.needs("tensorflow")


@pytest.mark.parametrize(
    ("name", "options", "embedding_len", "weights"),
    [
        ("conv4", {"width": 32}, 32, 9 * 32 + 3 * 9 * 32 * 32),
        ("conv4", {"width": 64}, 64, 9 * 64 + 3 * 9 * 64 * 64),
        ("separable", {"width": 8, "embedding_len": 24}, 24, 72 + 72 + 128 + 144 + 512 + 288 + 1024 + 288 + 768),
    ],
)
def test_sizes_are_those_of_the_description(name, options, embedding_len, weights):
    """Length of the result, and the number of weights that a device will hold."""
    model = build_backbone(name, (28, 28, 1), options, seed=0)
    assert model.input_shape == (None, 28, 28, 1)
    assert model.output_shape == (None, embedding_len)
    assert sum(np.prod(v.shape) for v in model.variables if "kernel" in v.name) == weights


def test_layers_have_fixed_names():
    """Reports name them, whatever was built before in the same process."""
    first, second = (build_backbone("conv4", (16, 16, 1), {"width": 2}, seed=0) for _ in range(2))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert first.layers[0].name == "input"
    assert first.layers[-1].name == "embedding"


def test_initial_weights_follow_from_the_seed_and_differ_between_layers():
    """The same seed gives the same network, another one another."""
    kernels = [
        [v.numpy() for v in build_backbone("conv4", (16, 16, 1), {"width": 2}, seed=s).variables if "kernel" in v.name]
        for s in (0, 0, 1)
    ]
    for a, b, c in zip(*kernels, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).all()
    assert (kernels[0][1] != kernels[0][2]).all()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet", {}, "no backbone 'resnet'; there are conv4, separable"),
        ("conv4", {"depth": 3}, "backbone conv4: .*'depth'"),
        ("conv4", {"blocks": 5}, "halved away by 5 blocks"),
    ],
)
def test_what_cannot_be_built_is_refused(name, options, message):
    """Unknown names and options, and images that are too small."""
    with pytest.raises(ValueError, match=message):
        build_backbone(name, (28, 28, 1), options, seed=0)


def test_the_training_form_is_the_same_network():
    """Fused batch normalisation: outputs, gradients and moving statistics are Keras', in training and inference."""
    tf = load_tensorflow()
    images = tf.constant(np.random.default_rng(0).random((6, 16, 16, 1)), tf.float32)
    models = [
        build_backbone("conv4", (16, 16, 1), {"width": 3}, seed=0, training=training) for training in (False, True)
    ]
    seen = []
    for model in models:
        with tf.GradientTape() as tape:
            outputs = model(images, training=True)
            loss = tf.reduce_sum(tf.square(outputs))
        moved = [v.numpy() for v in model.non_trainable_variables]
        seen.append([outputs.numpy(), *(g.numpy() for g in tape.gradient(loss, model.trainable_variables)), *moved])
        seen[-1].append(model(images, training=False).numpy())
        assert all((a != b).any() for a, b in zip(moved[:2], ([0, 0, 0], [1, 1, 1]), strict=True))
    for ours, theirs in zip(*seen, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4)
    assert [v.path for v in models[0].variables] == [v.path for v in models[1].variables]
