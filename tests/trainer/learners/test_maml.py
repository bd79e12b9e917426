"""MAML and ANIL: the inner loop is gradient descent, and the outer gradient goes through it."""

import numpy as np
import pytest

from trainer import learners
from trainer.backbones import build_backbone
from trainer.backend import load_tensorflow
from trainer.learners import EpisodeTensors


class _Linear:
    """What `variables` asks of a model."""

    output_shape = (None, 6)


@pytest.fixture
def episode():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 1, 6))
    both = (centres + rng.normal(0, 1.0, (4, 3, 6)), centres + rng.normal(0, 1.0, (4, 5, 6)))
    return tuple(part.astype(np.float32) for part in both)


@pytest.mark.needs("tensorflow")
@pytest.mark.parametrize("head", ["prototypes", "learned"])
def test_the_inner_steps_are_gradient_descent_on_the_support(episode, head):
    """The closed form equals TensorFlow's own gradient of the mean cross entropy, step for step."""
    tf = load_tensorflow()
    support, query = episode
    learner = learners.get("anil", {"head": head, "inner_steps": 3, "adapt_steps": 3, "inner_rate": 0.2})
    learner.variables(_Linear)
    prototypes = support.mean(axis=1)
    weights = 2 * prototypes if head == "prototypes" else np.zeros((4, 6), np.float32)
    biases = -np.square(prototypes).sum(axis=1) if head == "prototypes" else np.zeros(4, np.float32)
    rows, ways = support.reshape(12, 6), np.repeat(np.arange(4), 3)
    for _ in range(3):
        weights, biases = tf.Variable(weights), tf.Variable(biases)
        with tf.GradientTape() as tape:
            logits = rows @ tf.transpose(weights) + biases
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ways, logits))
        by_weights, by_biases = tape.gradient(loss, [weights, biases])
        weights, biases = weights - 0.2 * by_weights, biases - 0.2 * by_biases
    queries = query.reshape(20, 6)
    expected = (queries @ tf.transpose(weights) + biases).numpy()
    ways = np.repeat(np.arange(4), 5)
    result = learner.loss(support, query)
    assert float(result.accuracy) == pytest.approx(np.mean(expected.argmax(axis=1) == ways))
    log_sums = np.log(np.exp(expected).sum(axis=1))
    assert float(result.loss) == pytest.approx(np.mean(log_sums - expected[np.arange(20), ways]), rel=1e-4)
    np.testing.assert_array_equal(learner.classifier(learner.learned())(support, queries), expected.argmax(axis=1))


def tiny():
    """A network, its learner's options and an episode of images, small enough for finite differences."""
    model = build_backbone("conv4", (8, 8, 1), {"width": 2, "blocks": 2}, seed=0)
    images = np.random.default_rng(0).random((3, 5, 8, 8, 1)).astype(np.float32)
    return model, EpisodeTensors(images[:, :2], images[:, 2:])


def outer_gradient(options, weight):
    """Gradient of MAML's loss by the first convolution, and the loss with `weight` added to one of its elements."""
    tf = load_tensorflow()
    model, episode = tiny()
    learner = learners.get("maml", {"inner_steps": 2, "body_rate": 0.02, "inner_rate": 0.1, **options})
    learner.variables(model)
    kernel = model.trainable_variables[0]
    delta = np.zeros(kernel.shape, np.float32)
    delta[1, 1, 0, 0] = weight
    kernel.assign_add(delta)
    with tf.GradientTape() as tape:
        loss = learner.episode_loss(model, episode).loss
    return float(tape.gradient(loss, kernel)[1, 1, 0, 0]), float(loss)


@pytest.mark.needs("tensorflow")
def test_the_outer_gradient_is_of_second_order():
    """It equals the finite difference of the loss after the inner loop; the first-order one does not."""
    step = 1e-3  # small enough for the maxima of pooling to stay where they are
    difference = (outer_gradient({}, step)[1] - outer_gradient({}, -step)[1]) / (2 * step)
    second, first = outer_gradient({}, 0.0)[0], outer_gradient({"first_order": True}, 0.0)[0]
    assert second == pytest.approx(difference, rel=0.02, abs=1e-3)
    assert abs(first - difference) > 5 * abs(second - difference)


@pytest.mark.needs("tensorflow")
def test_the_inner_loop_leaves_the_network_as_it_was():
    """Only the statistics of batch normalisation move, once."""
    model, episode = tiny()
    learner = learners.get("maml")
    learner.variables(model)
    before = [np.array(v) for v in model.trainable_variables]
    learner.episode_loss(model, episode)
    for old, new in zip(before, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(old, np.array(new))


@pytest.mark.needs("tensorflow")
def test_what_was_learned_is_named_and_complete():
    """Rates of every step; the scale of the prototypes, or the row that every class starts from."""
    anil = learners.get("anil", {"inner_steps": 3})
    assert len(anil.variables(_Linear)) == 2
    assert set(anil.learned()) == {"weight_rates", "bias_rates", "init_scale"}
    assert anil.learned()["weight_rates"] == pytest.approx([0.1] * 3)
    row = learners.get("anil", {"head": "learned"})
    row.variables(_Linear)
    assert row.learned()["initial_weights"] == [0.0] * 6
    assert row.learned()["initial_bias"] == 0.0


@pytest.mark.needs("tensorflow")
def test_maml_cannot_take_turns():
    """Each turn would be an inner loop of its own."""
    model, episode = tiny()
    with pytest.raises(ValueError, match="leave turns at 1"):
        learners.get("maml").episode_loss(model, episode, turns=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "zeros"}, "prototypes, learned"),
        ({"inner_steps": 0}, "at least 1"),
        ({"inner_rate": -1.0}, "positive"),
    ],
)
def test_impossible_options_are_refused(options, message):
    """The error says what would work."""
    with pytest.raises(ValueError, match=message):
        learners.get("anil", options)
