"""Drawn glyphs as stroke fields: how deep inside the ink each point lies, and how far from the pen's path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FAR = 12.0
"""Distances are cut off here, in pixels."""


@dataclass(frozen=True, eq=False)
class StrokeFields:
    """Two fields over each glyph's square, in pixels of that square.

    Attributes
    ----------
    depth : ndarray of float32, shape [n, side, side]
        Signed distance to the outline, positive in the ink: ``depth + w > 0`` is the glyph with strokes 2 w wider.
    path_distance : ndarray of float32, shape [n, side, side]
        Distance to the skeleton: ``path_distance < r`` is the glyph drawn by a round pen of radius r.
    """

    depth: npt.NDArray[np.float32]
    path_distance: npt.NDArray[np.float32]


def stroke_fields(coverage: npt.NDArray[np.float32]) -> StrokeFields:
    """Measure the strokes of drawn glyphs.

    Parameters
    ----------
    coverage : ndarray of float32, shape [n, side, side]
        0 = ground, 1 = ink.
    """
    from scipy.ndimage import distance_transform_edt

    def distance_to(target: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        if not target.any():
            return np.full(target.shape, FAR, dtype=np.float32)
        distance: npt.NDArray[np.float32] = np.minimum(distance_transform_edt(~target), FAR).astype(np.float32)
        return distance

    ink = coverage > 0.5
    path = thin(ink)
    depth = np.stack([distance_to(~one) - distance_to(one) for one in ink])
    # Half a pixel each way: the transform measures from centres of pixels, the outline runs between two of them.
    depth -= np.float32(0.5) * np.sign(depth)
    return StrokeFields(depth=depth, path_distance=np.stack([distance_to(one) for one in path]))


def thin(ink: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Wear strokes down to lines one pixel wide, connected as the strokes were.

    Parameters
    ----------
    ink : ndarray of bool, shape [n, height, width]
        The outermost rows and columns must be ground.

    Returns
    -------
    ndarray of bool, shape [n, height, width]

    Notes
    -----
    T. Y. Zhang and C. Y. Suen, "A fast parallel algorithm for thinning digital patterns", 1984: over and over, take
    away the points of the south-east border, then those of the north-west, that join nothing.
    """
    path = ink.copy()
    active = np.arange(len(path))
    while active.size:
        batch = path[active]
        before = batch.sum(axis=(1, 2))
        for north_west in (False, True):
            batch[:, 1:-1, 1:-1] &= ~_removable(batch, north_west=north_west)
        path[active] = batch
        active = active[batch.sum(axis=(1, 2)) != before]
    return path


def _removable(ink: npt.NDArray[np.bool_], *, north_west: bool) -> npt.NDArray[np.bool_]:
    """Points of one border that may go, bool [n, height - 2, width - 2]."""
    height, width = ink.shape[1] - 2, ink.shape[2] - 2
    # P2..P9 in the paper: clockwise from north.
    steps = ((0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0))
    around = [ink[:, y : y + height, x : x + width] for y, x in steps]
    neighbours = np.zeros(around[0].shape, dtype=np.int8)
    rises = np.zeros(around[0].shape, dtype=np.int8)
    for this, following in zip(around, around[1:] + around[:1], strict=True):
        neighbours += this
        rises += ~this & following
    north, _, east, _, south, _, west, _ = around
    if north_west:
        border = ~(north & east & west) & ~(north & south & west)
    else:
        border = ~(north & east & south) & ~(east & south & west)
    removable: npt.NDArray[np.bool_] = border & (rises == 1) & (neighbours >= 2) & (neighbours <= 6)
    return removable
