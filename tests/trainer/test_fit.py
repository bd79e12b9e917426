"""Training: repeatable, resumable, stoppable, and it learns."""

import dataclasses
import json

import numpy as np
import pytest

from trainer.artifact import Split, TrainedEmbedding
from trainer.checkpoint import CHECKPOINT_FILE, CheckpointError
from trainer.evaluate import embed_images
from trainer.fit import train
from trainer.options import TrainOptions

pytestmark = pytest.mark.needs("tensorflow")

NAMES = tuple("abcdefghij")
SPLIT = Split(NAMES[:6], NAMES[6:], ("elsewhere",))
OPTIONS = TrainOptions(
    backbone_options={"width": 4, "blocks": 2},
    n_way=4,
    n_query=3,
    steps=8,
    seed=5,
    validate_every=3,
    validation_way=4,
    validation_episodes=10,
    shift_pixels=1,
)


@pytest.fixture(scope="session")
def trained(dataset, tmp_path_factory):
    """A training that ran to its end without interruption, and what it reported."""
    told = []
    return train(dataset, SPLIT, OPTIONS, tmp_path_factory.mktemp("whole"), progress=told.append), told


def weights(embedding):
    return embedding.keras_model().get_weights()


def test_the_result_says_how_it_came_about(trained, dataset):
    """The folder holds the network and its provenance, and no checkpoint any more."""
    embedding, _ = trained
    loaded = TrainedEmbedding.load(embedding.folder)
    assert loaded == embedding
    assert loaded.split == SPLIT
    assert loaded.dataset_sha256 == dataset.sha256
    assert loaded.embedding_len == 4 * 2 * 2
    assert TrainOptions(**loaded.training) == OPTIONS
    assert loaded.figures["train_episodes"] == OPTIONS.steps
    assert 0 <= loaded.figures["validation_accuracy"] <= 1
    assert not (embedding.folder / CHECKPOINT_FILE).exists()


def test_progress_is_told_after_every_step(trained):
    """Steps count up; validations come every third step and at the end; the time left ends at zero."""
    _, told = trained
    assert [p.step for p in told] == list(range(9))
    assert next(p.step for p, before in zip(told[1:], told, strict=False) if p.validation != before.validation) == 3
    assert told[2].validation is None
    assert told[-1].seconds_left == 0
    assert told[-1].best_validation.mean == max(p.validation.mean for p in told if p.validation)
    assert all(p.episodes_per_second > 0 for p in told[1:])


@pytest.mark.parametrize("stop", [4, 6])
def test_an_interrupted_training_ends_as_one_that_was_not(dataset, trained, tmp_path, stop):
    """After Ctrl-C, between validations or at one, the resumed training gives the same bits."""

    def interrupt(progress):
        if progress.step == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(dataset, SPLIT, OPTIONS, tmp_path, progress=interrupt)
    told = []
    resumed = train(dataset, SPLIT, OPTIONS, tmp_path, progress=told.append, resume=True)
    assert [p.step for p in told] == list(range(stop, 9))
    for ours, theirs in zip(weights(resumed), weights(trained[0]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert resumed.figures["validation_accuracy"] == trained[0].figures["validation_accuracy"]


def test_resuming_needs_the_checkpoint_of_the_same_training(dataset, tmp_path):
    """Nothing there, other options, and a damaged file are told apart."""
    with pytest.raises(CheckpointError, match="no interrupted training"):
        train(dataset, SPLIT, OPTIONS, tmp_path, resume=True)

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(dataset, SPLIT, OPTIONS, tmp_path, progress=interrupt)
    other = dataclasses.replace(OPTIONS, learning_rate=1e-3)
    with pytest.raises(CheckpointError, match="other options or data"):
        train(dataset, SPLIT, other, tmp_path, resume=True)
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"PK torn")
    with pytest.raises(CheckpointError, match="damaged"):
        train(dataset, SPLIT, OPTIONS, tmp_path, resume=True)


def test_patience_stops_early_and_the_best_weights_are_kept(dataset, tmp_path):
    """With a learning rate too small to change an answer, the first validation stays the best; its weights return."""
    told = []
    options = dataclasses.replace(OPTIONS, steps=50, validate_every=1, patience=2, learning_rate=1e-30, averaging=0.0)
    embedding = train(dataset, SPLIT, options, tmp_path, progress=told.append)
    best = [p.best_validation.mean for p in told if p.best_validation]
    assert told[-1].step < 50
    assert embedding.figures["best_step"] == told[-1].step - 2
    assert embedding.figures["validation_accuracy"] == max(best)


def test_the_clock_ends_a_training_that_is_too_long(dataset, tmp_path):
    """`max_seconds` stops long before the steps are done."""
    told = []
    options = dataclasses.replace(OPTIONS, steps=10**6, max_seconds=0.5, validate_every=10**6)
    embedding = train(dataset, SPLIT, options, tmp_path, progress=told.append)
    assert 0 < told[-1].step < 10**6
    assert told[-1].seconds_left == 0
    assert "validation_accuracy" in embedding.figures


def test_training_tells_the_training_classes_apart(dataset, tmp_path):
    """After sixty steps the network brings a class's images closer to each other than to the rest's."""
    options = dataclasses.replace(OPTIONS, steps=60, n_way=6, shift_pixels=0, validate_every=60)
    embedding = train(dataset, Split(NAMES), options, tmp_path)
    vectors = embed_images(embedding.keras_model(), dataset.images, embedding.input).reshape(10, 12, -1)
    spread = np.square(vectors - vectors.mean(1, keepdims=True)).sum(-1).mean()
    means = vectors.mean(1)
    apart = np.square(means[:, None] - means[None]).sum(-1)[~np.eye(10, dtype=bool)].min()
    assert apart > 4 * spread


def test_event_files_hold_the_curves(dataset, tmp_path):
    """TensorBoard's files are written without the package that reads them."""
    import tensorflow as tf

    train(dataset, SPLIT, dataclasses.replace(OPTIONS, tensorboard=True), tmp_path)
    (file,) = (tmp_path / "logs").iterdir()
    events = [tf.compat.v1.Event.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(file))]
    points = [(e.step, v.tag) for e in events for v in e.summary.value]
    assert [step for step, tag in points if tag == "validation_accuracy"] == [3, 6, 8]
    assert {tag for _, tag in points} == {"loss", "accuracy", "validation_accuracy"}


def test_a_loss_that_is_no_number_stops_the_training(dataset, tmp_path):
    """The error names the option to change."""
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        train(dataset, SPLIT, dataclasses.replace(OPTIONS, learning_rate=1e30), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_way": 1}, "n_way is 1"),
        ({"steps": 0}, "steps is 0"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"max_seconds": 0.0}, "max_seconds"),
        ({"averaging": 1.0}, "averaging"),
        ({"patience": 0}, "patience"),
    ],
)
def test_impossible_options_are_refused_by_name(change, message):
    """Before anything is trained."""
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(OPTIONS, **change)


def test_options_survive_json():
    """As the artifact stores them."""
    assert TrainOptions(**json.loads(json.dumps(OPTIONS.as_dict()))) == OPTIONS
