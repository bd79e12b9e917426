"""Calibration of rejection on classes made up at random: what is asked for is realised on others of the kind."""

from __future__ import annotations

import numpy as np
import pytest
from rejections import plain_rejection

from quantize.learners import Attention, Int8Learner, Nearest, Prototypes
from quantize.reject import Verdict, answer, rate_of
from quantize.reject_calibration import RejectionError, calibrate, choose_impostors
from quantize.rejection import Rejection

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
