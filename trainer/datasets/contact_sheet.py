"""Pictures of a data set side by side, a row for each class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.datasets.dataset import Dataset


def contact_sheet(
    dataset: Dataset, *, rng: np.random.Generator, classes: int = 16, examples: int = 24, gap: int = 1
) -> npt.NDArray[np.uint8]:
    """Lay out random examples of random classes.

    Parameters
    ----------
    dataset : Dataset
    rng : numpy.random.Generator
    classes, examples : int
        Rows and columns; fewer if the set has fewer.
    gap : int
        Grey pixels between pictures.

    Returns
    -------
    ndarray of uint8, shape [height, width, channels]
        A class with fewer examples than others leaves the end of its row grey.
    """
    height, width, channels = dataset.input_shape
    chosen = rng.permutation(len(dataset.class_names))[:classes]
    columns = min(examples, int(dataset.counts[chosen].max()))
    sheet = np.full((len(chosen), height + gap, columns, width + gap, channels), 64, dtype=np.uint8)
    for row, label in zip(sheet, np.sort(chosen), strict=True):
        shown = rng.permutation(np.flatnonzero(dataset.labels == label))[:columns]
        row[:height, : len(shown), :width] = np.moveaxis(dataset.images[shown], 0, 1)
    return sheet.reshape(len(chosen) * (height + gap), columns * (width + gap), channels)
