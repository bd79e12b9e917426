"""Separable resampling of image stacks by small matrices, and the layout that pictures of characters share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CANVAS_LEN = 28
"""Height and width, in pixels, of `glyphs`, `digits` and Omniglot images by default."""

BOX_LEN = 24
"""Height and width, in pixels, of the centred box that a character fills; the rest of the canvas is margin."""


def cubic_matrix(source_len: int, target_len: int) -> npt.NDArray[np.float32]:
    """Weights that resample a line of pixels by cubic convolution with antialiasing.

    Parameters
    ----------
    source_len, target_len : int
        Pixels before and after; both lines cover the same interval. Outside it the ground (0) goes on.

    Returns
    -------
    ndarray of float32, shape [target_len, source_len]
        ``target = matrix @ source``.

    Notes
    -----
    The kernel with a = -1/2 of R. Keys, "Cubic convolution interpolation for digital image processing", 1981; it is
    widened by the ratio when the line shrinks, so that no pixel is skipped.
    """
    stretch = max(1.0, source_len / target_len)
    centres = (np.arange(target_len) + 0.5) * source_len / target_len - 0.5
    # The ground around the line counts in the weights' sum, so that ink fades out at the border.
    reach = int(np.ceil(2 * stretch))
    positions = np.arange(-reach, source_len + reach)
    x = np.abs(centres[:, None] - positions[None, :]) / stretch
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    weights = np.where(x <= 1, near, np.where(x < 2, far, 0.0))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights[:, reach : reach + source_len].astype(np.float32)


def resample(ink: npt.NDArray[np.float32], *, target_len: int) -> npt.NDArray[np.float32]:
    """Resample square pictures to `target_len` by `target_len` pixels.

    Parameters
    ----------
    ink : ndarray of float32, shape [n, source_len, source_len]
        Coverage, 0 = ground, 1 = ink.
    target_len : int
        Pixels a side of the result.

    Returns
    -------
    ndarray of float32, shape [n, target_len, target_len]
        The cubic kernel overshoots a little beyond 0 and 1.
    """
    matrix = cubic_matrix(ink.shape[1], target_len)
    resampled: npt.NDArray[np.float32] = matrix @ ink @ matrix.T
    return resampled


def to_canvas(box: npt.NDArray[np.float32], *, canvas_len: int = CANVAS_LEN) -> npt.NDArray[np.uint8]:
    """Put pictures in the middle of a dark canvas and round them to bytes.

    Parameters
    ----------
    box : ndarray of float32, shape [n, box_len, box_len]
        Coverage, 0 = ground, 1 = ink; values outside are clipped.
    canvas_len : int
        Pixels a side of the canvas, at least ``box_len``.

    Returns
    -------
    ndarray of uint8, shape [n, canvas_len, canvas_len, 1]
    """
    margin = canvas_len - box.shape[1]
    before, after = margin // 2, margin - margin // 2
    pixels = np.rint(np.clip(box, 0, 1) * 255).astype(np.uint8)
    return np.pad(pixels, ((0, 0), (before, after), (before, after)))[..., None]
