"""`digits` and the resampling that it shares with `glyphs`."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.datasets import DatasetError, load_dataset
from trainer.datasets.resample import cubic_matrix, resample, to_canvas


def test_digits_are_all_there() -> None:
    """1,797 pictures of ten classes, light ink on a dark margin, at any size asked for."""
    digits = load_dataset("digits")
    assert digits.images.shape == (1797, 28, 28, 1)
    assert digits.counts.min() == 174
    assert digits.class_names[3] == "digit 3"
    assert digits.images.max() == 255
    assert not digits.images[:, :2].any()
    assert load_dataset("digits", input_shape=(40, 40, 1)).input_shape == (40, 40, 1)


@pytest.mark.parametrize("shape", [(28, 28, 3), (28, 32, 1), (4, 4, 1)])
@pytest.mark.parametrize("source", ["digits", "glyphs", "omniglot"])
def test_other_shapes_are_refused(source: str, shape: tuple[int, int, int]) -> None:
    """Characters are square and of one channel."""
    with pytest.raises(DatasetError, match=rf"{source}.*{shape[0]} x {shape[1]} x {shape[2]}"):
        load_dataset(source, input_shape=shape)


def test_cubic_keeps_even_areas_and_places() -> None:
    """Inside, the weights sum to 1, and resampling to the same length changes nothing."""
    matrix = cubic_matrix(8, 24)
    np.testing.assert_allclose(matrix[6:18].sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(cubic_matrix(9, 9), np.eye(9), atol=1e-6)


def test_shrinking_averages() -> None:
    """Antialiasing: a fine pattern becomes grey, not a moire."""
    stripes = np.zeros((1, 32, 32), np.float32)
    stripes[:, :, ::2] = 1
    inner = resample(stripes, target_len=8)[0, 2:-2, 2:-2]
    np.testing.assert_allclose(inner, 0.5, atol=0.02)


def test_canvas_centres_and_clips() -> None:
    """The picture lies in the middle; overshoot becomes 0 or 255."""
    canvas = to_canvas(np.array([[[1.2, -0.2], [0.5, 1.0]]], np.float32), canvas_len=4)
    assert canvas[0, :, :, 0].tolist() == [[0, 0, 0, 0], [0, 255, 0, 0], [0, 128, 255, 0], [0, 0, 0, 0]]
