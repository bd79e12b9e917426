"""Augmentation: drawn from the seed and the step, and no more than was asked for."""

import numpy as np
import pytest

from trainer.augment import augment
from trainer.options import TrainOptions

pytestmark = pytest.mark.needs("tensorflow")


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (6, 4, 9, 9, 1), dtype=np.uint8)


def apply(pixels, step=0, **options):
    import tensorflow as tf

    return np.array(augment(tf.constant(pixels), TrainOptions(**options), tf.constant(step, tf.int64)))


def test_nothing_asked_changes_nothing(pixels):
    """The images come back as they went in."""
    np.testing.assert_array_equal(apply(pixels), pixels)


def test_a_class_is_mirrored_as_a_whole_or_not_at_all(pixels):
    """Otherwise one class would be two."""
    seen = apply(pixels, mirror_classes=True)
    mirrored = [(seen[way] == pixels[way, :, :, ::-1]).all() for way in range(6)]
    same = [(seen[way] == pixels[way]).all() for way in range(6)]
    assert all(m != s for m, s in zip(mirrored, same, strict=True))
    assert 0 < sum(mirrored) < 6


def test_distortion_keeps_the_centre_and_moves_the_rest(pixels):
    """The map is about the image's centre; each image has its own."""
    blank = np.zeros_like(pixels)
    blank[:, :, 4, 4], blank[:, :, 0, 4] = 255, 255
    seen = apply(blank, distortion=0.3)
    np.testing.assert_allclose(seen[:, :, 4, 4], 255, atol=0.01)
    assert len(np.unique(seen.reshape(24, -1), axis=0)) == 24


def test_the_same_step_draws_the_same_and_another_does_not(pixels):
    """So that a training that is taken up again sees what it would have seen."""
    options = {"distortion": 0.2, "mirror_classes": True, "shift_pixels": 1, "seed": 3}
    np.testing.assert_array_equal(apply(pixels, 5, **options), apply(pixels, 5, **options))
    assert (apply(pixels, 5, **options) != apply(pixels, 6, **options)).any()


def test_impossible_options_are_refused():
    """The error says what would work."""
    with pytest.raises(ValueError, match=r"distortion is 1.0, it must be in \[0, 1\)"):
        TrainOptions(distortion=1.0)
    with pytest.raises(ValueError, match="turns is 4: 6 samples of a class can take turns as 2 shots 3 times"):
        TrainOptions(k_shot=2, n_query=4, turns=4)
