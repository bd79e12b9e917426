"""Calibration of rejection on classes made up at random: what is asked for is realised on others of the kind."""

from __future__ import annotations

import numpy as np
import pytest
from rejections import plain_rejection

from quantize.artifact import Int8Embedding
from quantize.graph import Int8Graph, QuantParams, Reshape, Tensor
from quantize.learners import Attention, Int8Learner, Nearest, Prototypes
from quantize.reject import Verdict, answer, rate_of
from quantize.reject_calibration import RejectionError, _factors, calibrate, choose_impostors, with_rejection
from quantize.rejection import Rejection
from trainer.artifact import InputSpec
from trainer.datasets.dataset import Dataset

LENGTH = 16
CLASSES, EACH = 150, 12


def made_up(rng: np.random.Generator, classes: int, *, each: int = EACH) -> tuple[np.ndarray, np.ndarray]:
    """Samples about centres, int8 [classes * each, 16], and their classes."""
    centres = rng.normal(scale=30, size=(classes, 1, LENGTH))
    samples = centres + rng.normal(scale=12, size=(classes, each, LENGTH))
    rows = np.clip(np.round(samples), -128, 127).astype(np.int8).reshape(-1, LENGTH)
    return rows, np.repeat(np.arange(classes), each)


def calibrated(learner: Int8Learner, seed: int = 0) -> Rejection:
    rng = np.random.default_rng(seed)
    impostors = choose_impostors(made_up(rng, 100)[0], count=32, rng=rng)
    return calibrate(learner, impostors, *made_up(rng, CLASSES), rng=rng)


@pytest.mark.parametrize("learner", [Prototypes(), Nearest(), Attention(zero_point=0, sharpness=5000)])
def test_the_rate_is_realised_on_other_classes(learner: Int8Learner) -> None:
    """Within two fifths of it, over classes that calibration did not see, for some numbers of classes and of shots."""
    rejection = calibrated(learner)
    rng = np.random.default_rng(9)
    embeddings, labels = made_up(rng, CLASSES, each=6)
    members = [np.flatnonzero(labels == label) for label in range(CLASSES)]
    for ways, shots in ((2, 3), (5, 1), (7, 3)):
        accepted = []
        for _ in range(100):
            order = rng.permutation(CLASSES)
            support = np.stack([embeddings[rng.permutation(members[i])[:shots]] for i in order[:ways]])
            unknown = embeddings[[members[i][0] for i in order[ways:]]]
            _, verdicts = answer(learner, rejection, support, unknown, rate=rate_of(0.1))
            accepted.append((verdicts == Verdict.ACCEPT).mean())
        assert 0.06 < np.mean(accepted) < 0.14


def test_groups_are_drawn_a_few_at_a_time() -> None:
    """Classes that lie close together within groups: the rate is realised where all are of few groups."""
    rng = np.random.default_rng(4)
    groups, each = 10, 20
    places = rng.normal(scale=60, size=(groups, 1, LENGTH))
    centres = (places + rng.normal(scale=15, size=(groups, each, LENGTH))).reshape(-1, 1, LENGTH)
    samples = centres + rng.normal(scale=4, size=(groups * each, 6, LENGTH))
    embeddings = np.clip(np.round(samples), -128, 127).astype(np.int8).reshape(-1, LENGTH)
    labels, of_group = np.repeat(np.arange(groups * each), 6), np.repeat(np.arange(groups), each)
    impostors = choose_impostors(embeddings, count=16, rng=rng)
    learner = Prototypes()
    apart = calibrate(learner, impostors, embeddings, labels, rng=rng)
    close = calibrate(learner, impostors, embeddings, labels, rng=rng, groups=of_group)
    accepted: dict[str, list[float]] = {"apart": [], "close": []}
    for _ in range(60):
        members = np.flatnonzero(np.isin(of_group, rng.permutation(groups)[:2]))
        classes = rng.permutation(members)[:10]
        support = np.stack([embeddings[6 * c : 6 * c + 1] for c in classes[:4]])
        unknown = np.concatenate([embeddings[6 * c : 6 * c + 6] for c in classes[4:]])
        for name, rejection in (("apart", apart), ("close", close)):
            _, verdicts = answer(learner, rejection, support, unknown, rate=rate_of(0.1))
            accepted[name].append(float((verdicts == Verdict.ACCEPT).mean()))
    assert 0.05 < np.mean(accepted["close"]) < 0.16
    assert np.mean(accepted["apart"]) > 1.5 * np.mean(accepted["close"])


def test_factors_count_what_is_accepted() -> None:
    """A sample is accepted from its factor on until a rival accepts, too; one that has an earlier rival never is."""
    # up to 0.5 none, from 0.5 on one, two between 1 and 1.5, and one after
    between = np.array([[0.5, np.inf], [1.0, 1.5], [3.0, 2.0], [3.0, 3.0]])
    factors = _factors(between)
    assert factors[-1] == (1 << 14) - 1  # a quarter of the four: the second would be too many
    assert factors[0] == (1 << 13) - 1


@pytest.mark.parametrize(
    ("held_out", "groups", "expected"),
    [(12, 1, "validation"), (9, 10, "training groups"), (0, 10, "training groups"), (0, 9, "training")],
)
def test_what_calibrates(held_out: int, groups: int, expected: str) -> None:
    """Classes that were held out, if enough; else training classes, by groups if enough; what served is named."""
    rng = np.random.default_rng(1)
    rows, labels = made_up(rng, 24, each=8)
    names = tuple(f"c{i}" for i in range(24))
    images = (rows.astype(np.int16) + 128).astype(np.uint8).reshape(-1, 4, 4, 1)
    everything = Dataset("made up", images, labels, names, groups=np.arange(24) % groups)
    training, others = everything.subset(names[held_out:]), everything.subset(names[:held_out]) if held_out else None
    found = with_rejection(passing_on(), training, others, impostors=8, rng=rng).rejection
    assert found is not None
    assert found.calibrated_on == expected
    served = names[:held_out] if expected == "validation" else names[held_out:]
    assert found.classes == served


def passing_on() -> Int8Embedding:
    """An embedding that is its input of 16 bytes."""
    quant = QuantParams((float(np.float32(1 / 255)),), (-128,))
    tensors = tuple(Tensor(name, shape, "int8", quant) for name, shape in (("in", (1, 4, 4, 1)), ("out", (1, LENGTH))))
    graph = Int8Graph(tensors, (Reshape(name="flat", inputs=(0,), output=1),), 0, 1)
    return Int8Embedding(graph=graph, input=InputSpec((4, 4, 1)), examples=None)


def test_tables_are_in_order() -> None:
    """A higher rate reaches further; more classes bring the base down; far lies beyond typical."""
    rejection = calibrated(Prototypes())
    assert rejection.factors.shape == (5, 4, 9)  # 12 samples a class leave none beside 16 shots
    assert (np.diff(rejection.factors.astype(np.int64), axis=2) >= 0).all()
    assert (np.diff(rejection.priors.astype(np.int64), axis=0) < 0).all()
    assert (rejection.far > rejection.typical).all()
    assert rejection.spread == pytest.approx(LENGTH * 12**2, rel=0.1)


def test_the_same_seed_gives_the_same_tables() -> None:
    """Calibration is repeatable."""
    assert calibrated(Nearest(), 3).digest == calibrated(Nearest(), 3).digest


def test_impostors_cover_the_samples() -> None:
    """Of two clusters, both are represented, whatever their sizes."""
    rng = np.random.default_rng(2)
    large, small = np.full((400, 2), -100, np.int8), np.full((40, 2), 100, np.int8)
    chosen = choose_impostors(np.concatenate([large, small]), count=8, rng=rng)
    assert {int(row[0]) for row in chosen} == {-100, 100}
    assert len(chosen) == 8


def test_few_samples_give_no_impostors() -> None:
    """The message names the option that leaves rejection out."""
    rows = np.zeros((15, 2), np.int8)
    with pytest.raises(RejectionError, match=r"impostors to 0"):
        choose_impostors(rows, count=8, rng=np.random.default_rng(0))
    with pytest.raises(RejectionError, match="at least 8"):
        choose_impostors(rows, count=4, rng=np.random.default_rng(0))


def test_few_classes_give_no_tables() -> None:
    """Two classes, or classes of single samples, say nothing about rates."""
    impostors, rng = plain_rejection().impostors, np.random.default_rng(0)
    two = np.zeros((4, 2), np.int8)
    with pytest.raises(RejectionError, match="2 classes"):
        calibrate(Nearest(), impostors, two, np.array([0, 0, 1, 1]), rng=rng)
    with pytest.raises(RejectionError, match="two samples"):
        calibrate(Nearest(), impostors, two, np.arange(4), rng=rng)


def test_few_classes_and_shots_give_small_tables() -> None:
    """Three classes of two samples: one class of one shot, and nothing beyond."""
    rng = np.random.default_rng(0)
    rows, labels = made_up(rng, 3, each=2)
    rejection = calibrate(Nearest(), rows.repeat(4, axis=0), rows, labels, rng=rng)
    assert rejection.factors.shape == (1, 1, 9)
