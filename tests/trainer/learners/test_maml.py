"""MAML and ANIL: the inner loop is gradient descent, and the outer gradient goes through it."""

import numpy as np
import pytest

from trainer import learners
from trainer.artifact import InputSpec
from trainer.backbones import build_backbone
from trainer.backend import load_tensorflow
from trainer.learners import EpisodeTensors
from trainer.learners.gradient_head import step_importances


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


@pytest.mark.needs("tensorflow")
def test_the_steps_count_alike_at_first_and_the_last_alone_at_the_end():
    """The weights of MAML++'s multi-step loss: equal, then moving linearly, then all on the last; they sum to 1."""
    tf = load_tensorflow()
    seen = [np.array(step_importances(tf, 4, 0.5, progress)) for progress in (0.0, 0.25, 0.5, 0.9)]
    expected = [[0.25] * 4, [0.125, 0.125, 0.125, 0.625], [0, 0, 0, 1], [0, 0, 0, 1]]
    np.testing.assert_allclose(seen, expected, atol=1e-6)


@pytest.mark.needs("tensorflow")
def test_the_queries_are_judged_after_every_step(episode):
    """ANIL's loss is the weighted mean of the losses of learners that stop after each step; the accuracy the last's."""
    support, query = episode
    single = []
    for steps in (1, 2, 3):
        learner = learners.get("anil", {"inner_steps": steps, "inner_rate": 0.3})
        learner.variables(_Linear)
        single.append(float(learner.loss(support, query).loss))
    learner = learners.get("anil", {"inner_steps": 3, "inner_rate": 0.3, "multi_step": 0.5})
    learner.variables(_Linear)
    early, late = (learner.loss_during(support, query, progress) for progress in (0.1, 0.7))
    weight = 0.8 / 3
    assert float(early.loss) == pytest.approx(weight * sum(single[:2]) + (1 - 2 * weight) * single[2], rel=1e-5)
    assert float(late.loss) == pytest.approx(single[2], rel=1e-5)
    assert float(early.accuracy) == float(late.accuracy)


def tiny():
    """A network, its learner's options and an episode of images, small enough for finite differences."""
    model = build_backbone("conv4", (8, 8, 1), {"width": 2, "blocks": 2}, seed=0)
    images = np.random.default_rng(1).random((3, 5, 8, 8, 1)).astype(np.float32)
    return model, EpisodeTensors(images[:, :2], images[:, 2:])


def outer_gradient(options, weight, *, progress=0.1):
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
        loss = learner.episode_loss(model, episode, progress=progress).loss
    return float(tape.gradient(loss, kernel)[1, 1, 0, 0]), float(loss)


@pytest.mark.needs("tensorflow")
@pytest.mark.parametrize("multi_step", [0.0, 0.5])
def test_the_outer_gradient_is_of_second_order(multi_step):
    """It equals the finite difference of the loss after the inner loop; the first-order one does not.

    Also where the queries count after every step.
    """
    step = 1e-3  # small enough for the maxima of pooling to stay where they are, for these images
    options = {"multi_step": multi_step}
    above, below = (outer_gradient(options, moved)[1] for moved in (step, -step))
    difference = (above - below) / (2 * step)
    second = outer_gradient(options, 0.0)[0]
    first = outer_gradient({**options, "first_order": True}, 0.0)[0]
    assert second == pytest.approx(difference, rel=0.02, abs=1e-3)
    assert abs(first - difference) > 5 * abs(second - difference)


@pytest.mark.needs("tensorflow")
def test_early_steps_of_the_body_stop_counting():
    """The multi-step loss differs from the plain one until its share of the training is over, and is it afterwards."""
    plain = outer_gradient({}, 0.0)
    early, late = (outer_gradient({"multi_step": 0.5}, 0.0, progress=p) for p in (0.1, 0.6))
    assert late == pytest.approx(plain, rel=1e-5)
    assert early != pytest.approx(plain, rel=1e-3)


def adapted(learner, model, support):
    """Weights after the learner's steps on the support, by Keras variables and the statistics of inference."""
    tf, learned = load_tensorflow(), learner.learned()
    flat, ways = support.reshape(-1, 8, 8, 1).astype(np.float32) / 255, np.repeat(np.arange(3), 2)
    prototypes = np.array(model(flat, training=False)).reshape(3, 2, -1).mean(axis=1)
    scale = learned["init_scale"]
    weights, biases = tf.Variable(2 * scale * prototypes), tf.Variable(-scale * np.square(prototypes).sum(axis=1))
    rates = np.reshape(learned["body_rates"], (learner.inner_steps, -1))
    for step in range(learner.adapt_steps):
        rate = min(step, learner.inner_steps - 1)
        with tf.GradientTape() as tape:
            logits = model(flat, training=False) @ tf.transpose(weights) + biases
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ways, logits))
        moved = [*model.trainable_variables, weights, biases]
        for variable, gradient, by in zip(
            moved,
            tape.gradient(loss, moved),
            [*rates[rate], learned["weight_rates"][rate], learned["bias_rates"][rate]],
            strict=True,
        ):
            variable.assign_sub(by * gradient)
    return weights, biases


@pytest.mark.needs("tensorflow")
def test_the_host_adapts_the_whole_network_query_by_query():
    """Its answers are those of gradient descent on Keras' own variables, and do not depend on the other queries."""
    tf = load_tensorflow()
    model, _ = tiny()
    learner = learners.get("maml", {"inner_steps": 2, "adapt_steps": 3, "body_rate": 0.3, "inner_rate": 0.5})
    learner.variables(model)
    learner._variables["body_rates"].assign(np.random.default_rng(1).uniform(0.1, 0.5, (2, 6)))
    images = np.random.default_rng(2).integers(0, 256, (3, 22, 8, 8, 1), dtype=np.uint8)
    support, queries = images[:, :2], images[:, 2:].reshape(60, 8, 8, 1)
    before = model.get_weights()
    classify = learner.host_only_classifier(model, InputSpec((8, 8, 1)), learner.learned())
    answers = classify(support, queries)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(np.concatenate([classify(support, query[None]) for query in queries]), answers)
    flat = queries.astype(np.float32) / 255
    embeddings = np.array(model(flat, training=False))
    on_device = learner.classifier(learner.learned())(
        np.array(model(support.reshape(6, 8, 8, 1) / 255.0)).reshape(3, 2, -1), embeddings
    )
    weights, biases = adapted(learner, model, support)
    expected = np.array(model(flat, training=False) @ tf.transpose(weights) + biases).argmax(axis=1)
    np.testing.assert_array_equal(answers, expected)
    assert (answers != on_device).any()


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
    maml = learners.get("maml", {"inner_steps": 3})
    maml.variables(tiny()[0])
    assert set(maml.learned()) == {*anil.learned(), "body_rates"}
    assert maml.learned()["body_rates"] == pytest.approx([0.01] * 3 * 6)
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
        ({"multi_step": 1.5}, "share of the training"),
        ({"body_rate": 0.0}, "positive"),
    ],
)
def test_impossible_options_are_refused(options, message):
    """The error says what would work."""
    with pytest.raises(ValueError, match=message):
        learners.get("maml", options)
