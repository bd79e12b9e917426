"""Full context embeddings equal the recurrences of the paper's appendix, written out row by row in NumPy."""

import json

import numpy as np
import pytest

from trainer import learners
from trainer.backend import load_tensorflow
from trainer.learners.full_context import initial_weights

pytestmark = pytest.mark.needs("tensorflow")

LENGTH = 6


class _Linear:
    """What `variables` asks of a model."""

    output_shape = (None, LENGTH)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, hidden, cell, kernel, bias):
    """One step for one row; `hidden` is whatever stands beside the input."""
    i, f, g, o = np.split(np.concatenate([x, hidden]) @ kernel + bias, 4)
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(cell), cell


def in_context(examples, query, weights, steps):
    """g(x_i, S) of all examples and f(x, S) of one query: appendices A.2 and A.1."""

    def run(name, rows):
        hidden, cell, seen = np.zeros(LENGTH), np.zeros(LENGTH), []
        for row in rows:
            hidden, cell = lstm(row, hidden, cell, weights[f"{name}_kernel"], weights[f"{name}_bias"])
            seen.append(hidden)
        return np.array(seen)

    g = examples + run("forward", examples) + run("backward", examples[::-1])[::-1]
    hidden, cell = np.zeros(LENGTH), np.zeros(LENGTH)
    for _ in range(steps):
        attention = np.exp(g @ hidden)
        read = attention @ g / attention.sum()
        beside = np.concatenate([hidden, read])
        output, cell = lstm(query, beside, cell, weights["attention_kernel"], weights["attention_bias"])
        hidden = output + query
    return g, hidden


@pytest.fixture
def episode():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 1, LENGTH))
    both = (centres + rng.normal(0, 1.0, (4, 2, LENGTH)), centres + rng.normal(0, 1.0, (4, 5, LENGTH)))
    return tuple(part.astype(np.float32) for part in both)


def learner(seed=3, **options):
    made = learners.get("matching", {"full_context": True, "processing_steps": 3, **options})
    made.variables(_Linear, seed=seed)
    return made


def likelihoods(support, queries, steps):
    """Of each class for each query, at the temperature where learning begins."""
    weights = {name: 1.0 * value for name, value in initial_weights(LENGTH, seed=3).items()}
    result = []
    for query in queries:
        g, f = in_context(support.reshape(-1, LENGTH), query, weights, steps)
        cosines = g @ f / np.linalg.norm(g, axis=1) / np.linalg.norm(f)
        attention = np.exp(10 * cosines)
        result.append((attention / attention.sum()).reshape(4, 2).sum(axis=1))
    return np.array(result)


def test_loss_and_accuracy_are_those_of_the_appendix(episode):
    """As in the paper; without the context they are others."""
    support, query = episode
    expected = likelihoods(support, query.reshape(20, LENGTH), 3)
    ways = np.repeat(np.arange(4), 5)
    result = learner().loss(support, query)
    assert float(result.loss) == pytest.approx(-np.log(expected[np.arange(20), ways]).mean(), rel=1e-4)
    assert float(result.accuracy) == pytest.approx(np.mean(expected.argmax(axis=1) == ways))
    assert float(learners.get("matching").loss(support, query).loss) != pytest.approx(float(result.loss), rel=1e-2)


def test_the_classifier_needs_no_more_than_the_artifact_holds(episode):
    """What was learned survives JSON, and answers as the loss does; each query on its own."""
    support, query = episode
    queries = query.reshape(20, LENGTH)
    learned = json.loads(json.dumps(learner().learned()))
    classify = learners.get("matching", {"full_context": True, "processing_steps": 3}).classifier(learned)
    answers = classify(support, queries)
    np.testing.assert_array_equal(answers, likelihoods(support, queries, 3).argmax(axis=1))
    np.testing.assert_array_equal(answers, np.concatenate([classify(support, q[None]) for q in queries]))


def test_all_weights_are_trained_and_start_from_the_seed(episode):
    """Each has a gradient; another seed starts elsewhere."""
    tf = load_tensorflow()
    made = learner()
    variables = made.variables(_Linear)
    assert len(variables) == 7
    with tf.GradientTape() as tape:
        loss = made.loss(*episode).loss
    assert all(np.abs(np.array(g)).max() > 0 for g in tape.gradient(loss, variables))
    assert (np.array(learner(seed=4).variables(_Linear)[1]) != np.array(variables[1])).any()


def test_it_says_that_it_runs_on_the_host_only():
    """And what to do instead; the plain method says nothing."""
    assert "full_context = false" in learner().host_only
    assert learners.get("matching").host_only == ""


def test_impossible_options_are_refused():
    """A query must read the support at least once."""
    with pytest.raises(ValueError, match="processing_steps is 0"):
        learners.get("matching", {"processing_steps": 0})
