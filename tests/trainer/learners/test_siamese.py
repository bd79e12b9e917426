"""The Siamese learner equals its three losses, written out pair by pair."""

import itertools

import numpy as np
import pytest

from trainer import learners
from trainer.backend import load_tensorflow

MARGIN = 4.0


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(5, 1, 4)) + rng.normal(0, 0.7, (5, 4, 4))).astype(np.float32)


def pairs(samples):
    """Distance, and whether the classes are the same, of every ordered pair."""
    rows = [(way, row) for way, shots in enumerate(samples) for row in shots]
    for (way, a), (other, b) in itertools.permutations(rows, 2):
        yield float(np.linalg.norm(a - b)), way == other


def written_out(samples, form):
    same = [d for d, y in pairs(samples) if y]
    hard = [d for d, y in pairs(samples) if not y and d < MARGIN]
    assert hard, "a test without hard pairs would show nothing"
    if form == "contrastive":
        return np.mean(same) + np.mean([MARGIN - d for d in hard])
    return np.mean([d**2 / 2 for d in same]) + np.mean([(MARGIN - d) ** 2 / 2 for d in hard])


def triplets(samples):
    losses = []
    for way, shots in enumerate(samples):
        others = np.delete(samples, way, axis=0).reshape(-1, samples.shape[-1])
        for a, p in itertools.permutations(range(len(shots)), 2):
            positive = np.sum((shots[a] - shots[p]) ** 2)
            negatives = np.sum((others - shots[a]) ** 2, axis=1)
            farther = negatives[negatives > positive]
            losses.append(positive - (farther.min() if len(farther) else negatives.max()) + MARGIN)
    return np.mean([loss for loss in losses if loss > 0])


@pytest.mark.needs("tensorflow")
@pytest.mark.parametrize("form", ["contrastive", "squared", "triplet"])
def test_the_loss_is_that_of_the_formula(samples, form):
    """All pairs of the episode count, support and query alike; negatives only where they violate the margin."""
    learner = learners.get("siamese", {"loss_form": form, "margin": MARGIN})
    expected = triplets(samples) if form == "triplet" else written_out(samples, form)
    assert float(learner.loss(samples[:, :1], samples[:, 1:]).loss) == pytest.approx(expected, rel=1e-4)


@pytest.mark.needs("tensorflow")
@pytest.mark.parametrize("form", ["contrastive", "squared"])
def test_as_many_hardest_negatives_count_as_there_are_positives(samples, form):
    """The nearest pairs of different classes, as many as of the same class; fewer than violate the margin here."""
    same = [d for d, y in pairs(samples) if y]
    negatives = sorted(d for d, y in pairs(samples) if not y)
    hardest = negatives[: len(same)]
    assert hardest[-1] < MARGIN > negatives[len(same) + 10], "a test in which the choice makes no difference"
    if form == "contrastive":
        expected = np.mean(same) + np.mean([MARGIN - d for d in hardest])
    else:
        expected = np.mean([d**2 / 2 for d in same]) + np.mean([(MARGIN - d) ** 2 / 2 for d in hardest])
    learner = learners.get("siamese", {"loss_form": form, "margin": MARGIN, "negatives": "hardest"})
    assert float(learner.loss(samples[:, :1], samples[:, 1:]).loss) == pytest.approx(expected, rel=1e-4)


@pytest.mark.needs("tensorflow")
def test_equal_embeddings_have_a_finite_gradient():
    """The square root has none at zero; training must survive two equal images."""
    tf = load_tensorflow()
    samples = tf.Variable(np.ones((3, 2, 4), np.float32))
    with tf.GradientTape() as tape:
        loss = learners.get("siamese").loss(samples[:, :1], samples[:, 1:]).loss
    assert np.isfinite(tape.gradient(loss, samples)).all()


@pytest.mark.needs("tensorflow")
def test_training_and_classifier_agree_on_accuracy(samples):
    """Both ask for the nearest example of the support."""
    learner = learners.get("siamese")
    answers = learner.classifier({})(samples[:, :2], samples[:, 2:].reshape(-1, 4))
    right = np.mean(answers == np.repeat(np.arange(5), 2))
    assert 0 < right < 1
    assert float(learner.loss(samples[:, :2], samples[:, 2:]).accuracy) == pytest.approx(right)


def test_the_nearest_example_wins_not_the_nearest_mean():
    """A class with one example beside the query wins, wherever its other example lies."""
    support = np.array([[[0.0], [9.0]], [[2.0], [2.0]]])
    np.testing.assert_array_equal(learners.get("siamese").classifier({})(support, np.array([[0.5], [2.0]])), [0, 1])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"loss_form": "cosine"}, "contrastive"), ({"margin": 0}, "positive"), ({"negatives": "all"}, "hardest")],
)
def test_impossible_options_are_refused(options, message):
    """The error says what would work."""
    with pytest.raises(ValueError, match=message):
        learners.get("siamese", options)
