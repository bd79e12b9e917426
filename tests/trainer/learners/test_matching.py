"""The Matching learner equals the paper's attention, written out in plain NumPy."""

import numpy as np
import pytest

from trainer import learners


def likelihoods(support, queries, temperature):
    """Equation 1 of Vinyals et al. with a temperature: softmax over all shots, summed over those of a class."""
    n_way, k_shot, _ = support.shape
    result = []
    for q in queries:
        cosines = [s @ q / np.linalg.norm(s) / np.linalg.norm(q) for shots in support for s in shots]
        attention = np.exp(temperature * np.array(cosines))
        result.append((attention / attention.sum()).reshape(n_way, k_shot).sum(axis=1))
    return np.array(result)


@pytest.fixture
def episode():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 1, 6))
    return centres + rng.normal(0, 1.0, (4, 3, 6)), centres + rng.normal(0, 1.0, (4, 5, 6))


@pytest.mark.needs("tensorflow")
def test_loss_and_accuracy_are_those_of_the_paper(episode):
    """Negative log-likelihood of the right class, at the temperature where learning begins."""
    support, query = (e.astype(np.float32) for e in episode)
    learner = learners.get("matching", {"initial_temperature": 7.0})
    result = learner.loss(support, query)
    expected = likelihoods(support, query.reshape(20, 6), 7.0)
    ways = np.repeat(np.arange(4), 5)
    assert float(result.loss) == pytest.approx(-np.log(expected[np.arange(20), ways]).mean(), rel=1e-4)
    assert 0 < float(result.accuracy) < 1
    assert float(result.accuracy) == pytest.approx(np.mean(expected.argmax(axis=1) == ways))
    assert learner.learned()["temperature"] == pytest.approx(7.0)


def test_the_classifier_sums_the_attention_of_a_class(episode):
    """At a low temperature several fair examples beat a single good one; at a high one the best example decides."""
    support, query = episode
    answers = {}
    for temperature in (1.0, 200.0):
        answers[temperature] = learners.get("matching").classifier({"temperature": temperature})(
            support, query.reshape(20, 6)
        )
        expected = likelihoods(support, query.reshape(20, 6), temperature).argmax(axis=1)
        np.testing.assert_array_equal(answers[temperature], expected)
    assert (answers[1.0] != answers[200.0]).any()


def test_an_embedding_of_zeros_is_answered():
    """It has no direction: every cosine is 0, and the first class wins."""
    support = np.stack([np.ones((1, 3)), 2 * np.ones((1, 3))])
    answers = learners.get("matching").classifier({"temperature": 10.0})(support, np.zeros((1, 3)))
    np.testing.assert_array_equal(answers, [0])


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_an_impossible_temperature_is_refused(temperature):
    """It must be positive."""
    with pytest.raises(ValueError, match="initial_temperature"):
        learners.get("matching", {"initial_temperature": temperature})
