"""Pre-training, distillation and quantization-aware steps: switches of one training, resumable like it."""

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from trainer import stepper as stepper_module
from trainer.artifact import ArtifactError, InputSpec, Split, TrainedEmbedding
from trainer.augment import mirrored_classes
from trainer.backend import load_tensorflow
from trainer.checkpoint import CheckpointError
from trainer.distillation import relational_loss
from trainer.evaluate import embed_images
from trainer.fit import train
from trainer.learners import get
from trainer.options import TrainOptions
from trainer.pretrain import CosineSoftmax
from trainer.stepper import Stepper

pytestmark = pytest.mark.needs("tensorflow")

NAMES = tuple("abcdefghij")
SPLIT = Split(NAMES[:6], NAMES[6:])
OPTIONS = TrainOptions(
    backbone_options={"width": 4, "blocks": 2},
    n_way=4,
    n_query=3,
    steps=8,
    seed=5,
    validate_every=3,
    validation_way=4,
    validation_episodes=10,
    mirror_classes=True,
)


def weights(embedding):
    return embedding.keras_model().get_weights()


def differ(ours, theirs):
    return any((a != b).any() for a, b in zip(weights(ours), weights(theirs), strict=True))


def interruption(stop):
    """A `progress` that interrupts after so many steps."""

    def interrupt(progress):
        if progress.step == stop:
            raise KeyboardInterrupt

    return interrupt


@pytest.fixture(scope="session")
def plain(dataset, tmp_path_factory):
    """A training without any of the switches; also the teacher of others."""
    return train(dataset, SPLIT, OPTIONS, tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize(
    ("switch", "stops"), [("pretrain_steps", (2, 3)), ("teacher", (4,)), ("qat_steps", (5, 6))], ids=str
)
def test_an_interrupted_training_ends_as_one_that_was_not(dataset, plain, tmp_path, switch, stops):
    """Each switch changes the result, and a stop before, at or after a border of phases does not."""
    value = str(plain.folder) if switch == "teacher" else 3
    options = dataclasses.replace(OPTIONS, **{switch: value})
    whole = train(dataset, SPLIT, options, tmp_path / "whole")
    assert differ(whole, plain)
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            train(dataset, SPLIT, options, tmp_path / str(stop), progress=interruption(stop))
        resumed = train(dataset, SPLIT, options, tmp_path / str(stop), resume=True)
        assert not differ(resumed, whole)
        assert resumed.figures["validation_accuracy"] == whole.figures["validation_accuracy"]


@pytest.mark.parametrize(
    ("learner", "switch"),
    [
        ("prototypical", {"normalize": True}),
        ("matching", {"full_context": True}),
        ("siamese", {"negatives": "hardest"}),
        ("anil", {"multi_step": 1.0}),
        ("maml", {"multi_step": 1.0, "inner_steps": 2}),
    ],
)
def test_switches_of_learners_survive_an_interruption_too(dataset, tmp_path, learner, switch):
    """Each changes the result; resumed, it gives the same bits, also of what was learned besides the network."""
    steps = {name: value for name, value in switch.items() if name == "inner_steps"}
    short = dataclasses.replace(OPTIONS, steps=4, validate_every=4, learner=learner, learner_options=steps)
    options = dataclasses.replace(short, learner_options=switch)
    whole = train(dataset, SPLIT, options, tmp_path / "whole")
    assert differ(whole, train(dataset, SPLIT, short, tmp_path / "off"))
    with pytest.raises(KeyboardInterrupt):
        train(dataset, SPLIT, options, tmp_path / "parts", progress=interruption(2))
    resumed = train(dataset, SPLIT, options, tmp_path / "parts", resume=True)
    assert not differ(resumed, whole)
    assert resumed.learned == whole.learned


def test_the_clock_moves_the_borders(dataset, tmp_path, monkeypatch):
    """Where `max_seconds` cuts the steps, the last phase still gets its share of the time."""
    ticks = itertools.count()
    monkeypatch.setattr("trainer.fit.time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    # Nothing is learned, so that of each phase the first validation is the best one.
    options = dataclasses.replace(
        OPTIONS, steps=1000, qat_steps=500, max_seconds=20.0, validate_every=1, learning_rate=1e-30
    )
    embedding = train(dataset, SPLIT, options, tmp_path)
    assert 1 < embedding.figures["best_step"] <= embedding.figures["train_episodes"] < 500


def test_a_later_phase_replaces_what_an_earlier_one_ended_with(dataset, tmp_path):
    """With a learning rate too small to change an answer the first validation of the last phase is kept, not of all."""
    options = dataclasses.replace(OPTIONS, validate_every=1, learning_rate=1e-30)
    assert train(dataset, SPLIT, options, tmp_path).figures["best_step"] == 1
    for switch, step in (({"pretrain_steps": 2}, 3), ({"qat_steps": 2}, 7)):
        embedding = train(dataset, SPLIT, dataclasses.replace(options, **switch), tmp_path)
        assert embedding.figures["best_step"] == step


def test_patience_does_not_count_in_pretraining(dataset, tmp_path):
    """Nor can it be asked for together with last steps that it would keep from coming."""
    options = dataclasses.replace(OPTIONS, validate_every=1, learning_rate=1e-30, patience=1, pretrain_steps=5)
    assert train(dataset, SPLIT, options, tmp_path).figures["train_episodes"] == 7
    with pytest.raises(ValueError, match="patience could end the training before its qat_steps"):
        dataclasses.replace(OPTIONS, patience=1, qat_steps=1)


def test_pretraining_tells_all_classes_apart(dataset, tmp_path):
    """The accuracy that is reported is over all classes, and rises from that of a guess."""
    told = []
    options = dataclasses.replace(
        OPTIONS, steps=61, pretrain_steps=60, learning_rate=0.02, n_way=10, mirror_classes=False
    )
    train(dataset, Split(NAMES), options, tmp_path, progress=told.append)
    assert told[1].accuracy < 0.5 < told[60].accuracy


@pytest.mark.parametrize(("scale", "learned"), [(0.0, True), (7.0, False)])
def test_the_softmax_is_over_scaled_cosines(scale, learned):
    """Cross entropy and accuracy as written out; the scale is trained only where none is given."""
    tf = load_tensorflow()
    rng = np.random.default_rng(0)
    embeddings, labels = rng.normal(size=(20, 6)).astype(np.float32), rng.integers(0, 5, 20)
    softmax = CosineSoftmax(5, 6, scale=scale, seed=1)
    assert len(softmax.variables) == 1 + learned
    classes = np.array(softmax.variables[0])
    cosines = np.array([[c @ e / np.linalg.norm(c) / np.linalg.norm(e) for c in classes] for e in embeddings])
    powers = np.exp((scale or 10.0) * cosines)
    expected = powers / powers.sum(axis=1, keepdims=True)
    result = softmax.loss(tf.constant(embeddings), tf.constant(labels))
    assert float(result.loss) == pytest.approx(-np.log(expected[np.arange(20), labels]).mean(), rel=1e-4)
    assert float(result.accuracy) == pytest.approx(np.mean(expected.argmax(axis=1) == labels))
    assert (np.array(CosineSoftmax(5, 6, scale=0.0, seed=2).variables[0]) != classes).any()


def test_a_mirrored_class_is_another_one_in_pretraining(dataset, monkeypatch):
    """Its label is the class's, beyond the number of classes, for those that the episode shows in the mirror."""
    tf = load_tensorflow()
    seen = []

    class Recording(CosineSoftmax):
        def loss(self, embeddings, labels):
            seen.append((self.classes, np.array(labels).reshape(4, 4)))
            return super().loss(embeddings, labels)

    monkeypatch.setattr(stepper_module, "CosineSoftmax", Recording)
    options = dataclasses.replace(OPTIONS, pretrain_steps=3)
    stepper = Stepper(dataset, get("prototypical"), options, InputSpec(dataset.input_shape))
    indices = next(stepper.batches())
    tf.config.run_functions_eagerly(True)
    try:
        stepper.step(indices, learning_rate=1e-3, progress=0.0)
    finally:
        tf.config.run_functions_eagerly(False)
    ((classes, labels),) = seen
    mirrored = np.array(mirrored_classes(4, options, tf.constant(0, tf.int64)))
    assert 0 < mirrored.sum() < 4
    assert classes == 20
    np.testing.assert_array_equal(labels, dataset.labels[indices.numpy()] + 10 * mirrored[:, None])


def nearness(rows, temperature):
    """For each row a softmax over the others by their squared distance, in units of the mean one."""
    squared = np.square(rows[:, None] - rows[None]).sum(axis=-1)
    others = ~np.eye(len(rows), dtype=bool)
    powers = np.exp(-squared / squared[others].mean() / temperature) * others
    return powers / powers.sum(axis=1, keepdims=True)


def test_distillation_compares_who_is_near_whom():
    """The loss is as written out; no student does better than one that sees the same, moved, turned or scaled."""
    rng = np.random.default_rng(0)
    teacher, student = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
    expected, found = nearness(teacher, 0.3), nearness(student, 0.3)
    others = ~np.eye(8, dtype=bool)
    cross = -np.sum(expected[others] * np.log(found[others])) / 8

    def loss(rows):
        return float(relational_loss(*(x.astype(np.float32) for x in (rows, teacher)), temperature=0.3))

    assert loss(student) == pytest.approx(cross, rel=1e-4)
    entropy = -np.sum(expected[others] * np.log(expected[others])) / 8
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert loss(3.0 * teacher @ turned + 1.0) == pytest.approx(entropy, rel=1e-4)
    assert loss(student) > entropy + 0.1


def test_equal_embeddings_have_a_finite_gradient():
    """All distances are zero then, and so is their mean."""
    tf = load_tensorflow()
    student = tf.Variable(np.ones((4, 3), np.float32))
    with tf.GradientTape() as tape:
        loss = relational_loss(student, np.eye(4, dtype=np.float32), temperature=0.1)
    assert np.isfinite(tape.gradient(loss, student)).all()


def test_the_teacher_is_looked_at_and_learned_from(dataset, plain, tmp_path):
    """With much weight on it, the network comes to see the data as the teacher does; the artifact names the teacher."""
    whole = {"steps": 40, "n_way": 6, "mirror_classes": False, "seed": 6}
    options = dataclasses.replace(OPTIONS, **whole, teacher=str(plain.folder), distillation_temperature=1.0)
    images = dataset.subset(SPLIT.train).images
    target = embed_images(plain.keras_model(), images, plain.input)
    losses = []
    for weight in (1e-6, 100.0):
        taught = train(dataset, SPLIT, dataclasses.replace(options, distillation=weight), tmp_path / str(weight))
        seen = embed_images(taught.keras_model(), images, taught.input)
        losses.append(float(relational_loss(seen, target, temperature=1.0)))
    assert losses[1] < losses[0]
    assert taught.teacher_sha256 == plain.model_sha256
    assert plain.teacher_sha256 == ""
    assert TrainedEmbedding.load(taught.folder) == taught


def test_a_teacher_counts_by_what_it_is(dataset, plain, tmp_path):
    """A training is resumed with a copy of its teacher elsewhere, and not with another one."""
    options = dataclasses.replace(OPTIONS, teacher=str(plain.folder))
    with pytest.raises(KeyboardInterrupt):
        train(dataset, SPLIT, options, tmp_path / "x", progress=interruption(2))
    copied = dataclasses.replace(plain, folder=tmp_path / "copy")
    copied.folder.mkdir()
    for file in plain.folder.iterdir():
        (copied.folder / file.name).write_bytes(file.read_bytes())
    other = train(dataset, SPLIT, dataclasses.replace(OPTIONS, seed=9), tmp_path / "other")
    with pytest.raises(CheckpointError, match="other options or data"):
        train(dataset, SPLIT, dataclasses.replace(OPTIONS, teacher=str(other.folder)), tmp_path / "x", resume=True)
    train(dataset, SPLIT, dataclasses.replace(OPTIONS, teacher=str(copied.folder)), tmp_path / "x", resume=True)


def test_a_teacher_that_cannot_teach_is_refused(dataset, plain, tmp_path):
    """A folder without a network, and a network that reads another shape."""
    with pytest.raises(ArtifactError, match="does not exist"):
        train(dataset, SPLIT, dataclasses.replace(OPTIONS, teacher=str(tmp_path)), tmp_path / "x")
    larger = dataclasses.replace(dataset, images=np.repeat(dataset.images, 2, axis=1))
    with pytest.raises(ValueError, match=r"reads samples of shape \(8, 8, 1\), these have \(16, 8, 1\)"):
        train(larger, SPLIT, dataclasses.replace(OPTIONS, teacher=str(plain.folder)), tmp_path / "x")


@pytest.mark.parametrize("change", [{"turns": 2}, {"teacher": "somewhere"}, {"qat_steps": 2}])
def test_maml_has_no_one_embedding_to_teach_or_to_round(dataset, tmp_path, change):
    """The error names the option and the learner that has one."""
    options = dataclasses.replace(OPTIONS, learner="maml", **change)
    with pytest.raises(ValueError, match=f"{next(iter(change))} needs one embedding .* train anil"):
        train(dataset, SPLIT, options, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pretrain_steps": -1}, "pretrain_steps is -1"),
        ({"pretrain_steps": 5, "qat_steps": 3}, "5 pretrain_steps and 3 qat_steps leave none of 8 steps"),
        ({"pretrain_scale": -1.0}, "pretrain_scale is -1.0"),
        ({"pretrain_scale": float("nan")}, "pretrain_scale is nan"),
        ({"distillation": 0.0}, "distillation is 0.0"),
        ({"distillation_temperature": float("inf")}, "distillation_temperature is inf"),
    ],
)
def test_impossible_options_are_refused_by_name(change, message):
    """Before anything is trained."""
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(OPTIONS, **change)
