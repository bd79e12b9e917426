"""A device that keeps its classes and the Python twin: the same images, the same bundles, the same refusals."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from bench.persist_twins import LEARNERS, PersistTwins, build_device, run_history
from firmware_gen.store import class_of_shots


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The device as a library."""
    return build_device(tmp_path_factory.mktemp("device"))


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("first", range(0, 1000, 250))
def test_random_histories_are_the_same_to_the_byte(library: Path, first: int) -> None:
    """Enrollments, shots taken back, names, negatives, settings, bundles and boots: image, classes, exports agree."""
    assert [seed for seed in range(first, first + 250) if not run_history(library, seed)] == []


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("learner", LEARNERS)
def test_the_comparison_sees_a_difference(library: Path, learner: str) -> None:
    """A class that one of them has and the other has not, or that learned something else, is no agreement."""
    twins = PersistTwins(library, learner)
    assert twins.agree()
    shots = np.arange(16, dtype=np.int8).reshape(2, 8)
    twins.python.put_class(class_of_shots(twins.config.records, "wave", shots, squares=True), token=7)
    assert not twins.agree()
    assert twins.c.device_enroll(b"wave", ctypes.c_void_p(shots.ctypes.data), 2, 0) == 0
    assert twins.agree()
    twins.python.put_class(class_of_shots(twins.config.records, "wave", shots[:1], squares=True), token=7)
    assert not twins.agree()
