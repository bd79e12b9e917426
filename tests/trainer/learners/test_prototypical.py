"""The prototypical learner equals the paper's formulas, written out in plain NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest

from trainer import learners


def paper(support, query):
    """Equations 1 and 2 of Snell et al. by the letter: means, distances, softmax, negative log-probability."""
    losses, hits = [], []
    for way, queries in enumerate(query):
        for q in queries:
            distances = np.array([np.sum((q - np.mean(s, axis=0)) ** 2) for s in support])
            p = np.exp(-distances) / np.sum(np.exp(-distances))
            losses.append(-np.log(p[way]))
            hits.append(np.argmin(distances) == way)
    return np.mean(losses), np.mean(hits)


@pytest.fixture
def episode():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 1, 6))
    return centres + rng.normal(0, 1.0, (4, 3, 6)), centres + rng.normal(0, 1.0, (4, 5, 6))


@pytest.mark.needs("tensorflow")
def test_loss_and_accuracy_are_those_of_the_paper(episode):
    """Dropping the query's own square changes neither the loss nor who wins."""
    result = learners.get("prototypical").loss(*(e.astype(np.float32) for e in episode))
    loss, accuracy = paper(*episode)
    assert 0 < accuracy < 1
    assert float(result.loss) == pytest.approx(loss, rel=1e-5)
    assert float(result.accuracy) == pytest.approx(accuracy)


def test_the_classifier_decides_as_the_paper(episode):
    """The share of right answers equals the formula's, query by query the nearest mean."""
    support, query = episode
    answers = learners.get("prototypical").classifier({})(support, query.reshape(20, 6))
    assert np.mean(answers == np.repeat(np.arange(4), 5)) == pytest.approx(paper(support, query)[1])


@pytest.mark.needs("tensorflow")
def test_normalised_embeddings_are_compared_by_direction(episode):
    """Seen from the centre, scaled to length 1, distances times ten: the paper's formulas over what results."""
    support, query = episode
    learner = learners.get("prototypical", {"normalize": True})
    centre, _ = learner.variables(SimpleNamespace(output_shape=(None, 6)))
    centre.assign(np.linspace(-0.5, 0.5, 6))
    moved = [(e - np.linspace(-0.5, 0.5, 6)) for e in episode]
    directions = [e / np.linalg.norm(e, axis=-1, keepdims=True) for e in moved]
    expected = paper(*(np.sqrt(10) * e for e in directions))
    result = learner.loss(support.astype(np.float32), query.astype(np.float32))
    assert float(result.loss) == pytest.approx(expected[0], rel=1e-4)
    assert float(result.accuracy) == pytest.approx(expected[1])
    assert len(learner.variables(SimpleNamespace(output_shape=(None, 6)))) == 2

    answers = learner.classifier(learner.learned())(support, query.reshape(20, 6))
    assert np.mean(answers == np.repeat(np.arange(4), 5)) == pytest.approx(expected[1])
    assert (answers != learners.get("prototypical").classifier({})(support, query.reshape(20, 6))).any()


def test_of_equally_near_classes_the_first_wins():
    """As on the device, where the earliest enrolled class wins."""
    support = np.array([[[1.0]], [[-1.0]], [[1.0]]])
    np.testing.assert_array_equal(learners.get("prototypical").classifier({})(support, np.zeros((2, 1))), [0, 0])


def test_unknown_learners_and_options_are_refused():
    """The error lists what there is."""
    with pytest.raises(ValueError, match="no learner 'protypical'; there are prototypical"):
        learners.get("protypical")
    with pytest.raises(ValueError, match=r"learner prototypical: .*'margin'"):
        learners.get("prototypical", {"margin": 1})
