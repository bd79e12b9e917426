"""`digits`: scikit-learn's real handwritten digits, the classes that the default network never sees in training.

1,797 digits of 13 writers (E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning
Repository, 1998). Their makers normalised each to a 32 x 32 bitmap and counted the ink in blocks of 4 x 4, which
leaves 8 x 8 pixels of 0 to 16. Here they are resampled by cubic convolution to a box of 24 x 24 in the middle of
28 x 28: three pixels for one, and a margin as wide as a stroke for the network's first convolution.
"""

from __future__ import annotations

import numpy as np

from trainer.datasets.dataset import Dataset, DatasetError
from trainer.datasets.resample import BOX_LEN, CANVAS_LEN, resample, to_canvas

SENSOR_LEN = 8
"""Pixels a side of a picture in scikit-learn's set."""

SENSOR_LEVELS = 16
"""The darkest value there: a block of 4 x 4 that is all ink."""


def load_digits(*, input_shape: tuple[int, int, int] = (CANVAS_LEN, CANVAS_LEN, 1)) -> Dataset:
    """Read the digits from the scikit-learn package; nothing is downloaded.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels; square, at least 8 x 8, one channel. The margin grows with it.

    Returns
    -------
    Dataset
        1,797 images, classes ``digit 0`` to ``digit 9``.

    Raises
    ------
    DatasetError
        If `input_shape` is another, or scikit-learn is missing.
    """
    side = character_side(input_shape, source="digits")
    try:
        from sklearn.datasets import load_digits as load_8x8
    except ImportError as error:
        raise DatasetError('digits: scikit-learn is missing; install the extra "data"') from error
    raw = load_8x8()
    ink = raw.images.astype(np.float32) / SENSOR_LEVELS
    box = resample(ink, target_len=round(side * BOX_LEN / CANVAS_LEN))
    return Dataset(
        name="digits",
        images=to_canvas(box, canvas_len=side),
        labels=raw.target.astype(np.int64),
        class_names=tuple(f"digit {digit}" for digit in range(10)),
    )


def character_side(input_shape: tuple[int, int, int], *, source: str) -> int:
    """The side, in pixels, of the square one-channel pictures of characters that `input_shape` asks for.

    Raises
    ------
    DatasetError
        If they are not square, of one channel and at least 8 x 8.
    """
    height, width, channels = input_shape
    if height != width or channels != 1 or height < SENSOR_LEN:
        raise DatasetError(
            f"{source}: draws square pictures of one channel, at least {SENSOR_LEN} x {SENSOR_LEN}; "
            f"the input {height} x {width} x {channels} asks for another"
        )
    return height
