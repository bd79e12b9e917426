"""Accuracies and their intervals."""

import numpy as np
import pytest

from trainer.artifact import InputSpec
from trainer.episodes import Episode, EpisodeSampler
from trainer.evaluate import Accuracy, class_accuracies, embed_images, evaluate_episodes
from trainer.learners import Prototypical


def test_interval_is_that_of_the_sample_mean():
    """1.96 standard errors, by the sample standard deviation."""
    accuracy = Accuracy.of([0.5, 0.7, 0.9, 0.7])
    assert accuracy.mean == pytest.approx(0.7)
    assert accuracy.ci95 == pytest.approx(1.96 * np.sqrt((0.04 + 0.04) / 3) / 2)
    assert accuracy.episodes == 4


def test_one_episode_says_nothing_about_the_spread():
    """The interval of a single episode is the widest."""
    assert Accuracy.of([1.0]).ci95 == 1.0


@pytest.mark.parametrize(
    "values", [(-0.1, 0.0, 1), (1.1, 0.0, 1), (0.5, -1.0, 1), (0.5, 0.0, 0), (float("nan"), 0.0, 1)]
)
def test_an_impossible_accuracy_cannot_be_built(values):
    """Fractions of 1, over at least one episode."""
    with pytest.raises(ValueError, match="accuracy"):
        Accuracy(*values)


def episodes_of(labels, count=20):
    sampler, rng = EpisodeSampler(labels, n_way=3, k_shot=2, n_query=4), np.random.default_rng(0)
    return [sampler.sample(rng) for _ in range(count)]


def test_separable_classes_are_all_recognised_and_progress_is_told():
    """With classes far apart the nearest mean is always right, in every row of every episode."""
    labels = np.repeat(np.arange(5), 10)
    embeddings = np.eye(5, dtype=np.float32)[labels] + np.random.default_rng(0).normal(0, 0.01, (50, 5))
    told = []
    accuracy = evaluate_episodes(
        embeddings, episodes_of(labels), Prototypical().classifier({}), lambda done, total: told.append((done, total))
    )
    assert (accuracy.mean, accuracy.ci95) == (1.0, 0.0)
    assert told == [(i, 20) for i in range(1, 21)]


def test_a_classifier_that_always_says_the_first_class_is_right_in_one_of_n_way():
    """The right answers are spread evenly over the rows."""
    labels = np.repeat(np.arange(5), 10)
    accuracy = evaluate_episodes(np.zeros((50, 2)), episodes_of(labels), lambda s, q: np.zeros(len(q), np.int64))
    assert accuracy.mean == pytest.approx(1 / 3)


def test_accuracy_of_each_class():
    """A row of the support each: here the first class half right, the second not at all, the third wholly."""
    episode = Episode(np.array([7, 3, 5]), np.array([[0], [1], [2]]), np.array([[3, 4], [5, 6], [7, 8]]))
    assert class_accuracies(np.array([0, 1, 0, 2, 2, 2]), episode).tolist() == [0.5, 0.0, 1.0]
    with pytest.raises(ValueError, match="to 6 queries"):
        class_accuracies(np.array([0, 1, 0, 2, 2]), episode)


def test_missing_answers_and_missing_episodes_are_refused():
    """Neither may pass for a result."""
    labels = np.repeat(np.arange(5), 10)
    with pytest.raises(ValueError, match="answers"):
        evaluate_episodes(np.zeros((50, 2)), episodes_of(labels), lambda s, q: np.zeros(1, np.int64))
    with pytest.raises(ValueError, match="no episode"):
        evaluate_episodes(np.zeros((50, 2)), [], lambda s, q: np.zeros(1, np.int64))


def test_embedding_an_image_does_not_depend_on_its_batch():
    """Images are normalised, embedded in inference mode, and returned in order, whatever the batch."""

    def model(images, *, training):
        assert training is False
        return images.reshape(len(images), -1)[:, :3]

    images = np.random.default_rng(0).integers(0, 256, (7, 2, 2, 1), dtype=np.uint8)
    embedded = embed_images(model, images, InputSpec((2, 2, 1), scale=0.5, offset=-1), batch=3)
    np.testing.assert_allclose(embedded, images.reshape(7, -1)[:, :3] * 0.5 - 1)
    assert embedded.dtype == np.float32
