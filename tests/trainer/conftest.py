"""A data set small enough to train on in a second."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.datasets.dataset import Dataset


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """Ten classes, a to j, of twelve noisy copies each of ten random 8 x 8 patterns."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 200, (10, 1, 8, 8, 1))
    images = patterns + rng.integers(0, 56, (10, 12, 8, 8, 1))
    return Dataset(
        "noise", images.reshape(-1, 8, 8, 1).astype(np.uint8), np.repeat(np.arange(10), 12), tuple("abcdefghij")
    )
