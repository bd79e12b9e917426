"""Random handwriting from stroke fields: affine and elastic distortion, pen, size, resolution and blur.

What is drawn resembles `digits` in the ways that its makers document, not in what it shows: a character fills its box,
is scanned as 32 x 32 bits, and in part of the samples those are counted in blocks of 4 x 4 (see `digits`). The ranges
of the other distortions were set by eye, on a contact sheet. More bend, a thicker pen, less rotation and a larger
coarse share were each tried: accuracy on real handwriting that is no digit (Omniglot's validation alphabets, scanned in
the same way) moved by about half a point or less, which 300 steps of training cannot tell from chance. So they stayed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.datasets.glyph_strokes import StrokeFields
from trainer.datasets.resample import BOX_LEN, CANVAS_LEN, resample, to_canvas

SCAN_LEN = 32
"""Pixels a side of the scan, from which coarser resolutions are counted."""

_KNOTS = 5
_OUTLINE_LEN = 24
_REACH = 1.25


@dataclass(frozen=True)
class Distortion:
    """Ranges of the random distortions. Lengths are fractions of the box that a character fills.

    Attributes
    ----------
    rotation, shear : float
        Standard deviations, in radians and in box widths a box height.
    stretch : float
        Standard deviation of the logarithm of width over height.
    bend : float
        Standard deviation of the elastic displacement of one of 5 x 5 knots.
    pen_share : float
        Share of samples drawn with a round pen along the skeleton; the others keep the print's stroke widths.
    pen_radius : tuple of float
        Smallest and largest.
    weight : tuple of float
        Smallest and largest widening of a print's strokes, on each side.
    coarse_share : float
        Share of samples that are counted in blocks of 4 x 4 of the scan, in 17 levels.
    shift : int
        Largest offset from the middle, in whole pixels of the canvas.

    Raises
    ------
    ValueError
        If a spread is negative, a share lies outside 0..1 or a range is upside down.
    """

    rotation: float = 0.15
    shear: float = 0.18
    stretch: float = 0.18
    bend: float = 0.055
    pen_share: float = 0.6
    pen_radius: tuple[float, float] = (0.04, 0.085)
    weight: tuple[float, float] = (-0.01, 0.03)
    coarse_share: float = 0.5
    shift: int = 1

    def __post_init__(self) -> None:
        if min(self.rotation, self.shear, self.stretch, self.bend, self.shift) < 0:
            raise ValueError("a distortion's spread must not be negative")
        if not (0 <= self.pen_share <= 1 and 0 <= self.coarse_share <= 1):
            raise ValueError("pen_share and coarse_share are shares of the samples, 0 to 1")
        if self.pen_radius[0] > self.pen_radius[1] or self.weight[0] > self.weight[1] or self.pen_radius[0] <= 0:
            raise ValueError("pen_radius and weight are (smallest, largest), and a pen's radius is positive")


def draw_samples(
    fields: StrokeFields,
    glyphs: npt.NDArray[np.int64],
    *,
    distortion: Distortion,
    rng: np.random.Generator,
    canvas_len: int = CANVAS_LEN,
) -> npt.NDArray[np.uint8]:
    """Draw one distorted sample of each glyph in a list.

    Parameters
    ----------
    fields : StrokeFields
        Of n glyphs.
    glyphs : ndarray of int64, shape [samples]
        Indices into `fields`, repeated at will.
    distortion : Distortion
    rng : numpy.random.Generator
    canvas_len : int
        Pixels a side of the result.

    Returns
    -------
    ndarray of uint8, shape [samples, canvas_len, canvas_len, 1]
        Light ink on dark ground.
    """
    warp = _Warp.sample(len(glyphs), distortion=distortion, rng=rng)
    pen = rng.random(len(glyphs)) < distortion.pen_share
    half = np.where(pen, rng.uniform(*distortion.pen_radius, len(glyphs)), rng.uniform(*distortion.weight, len(glyphs)))
    ends = np.full((len(glyphs), 2), (-_REACH, _REACH), dtype=np.float32)
    side = fields.depth.shape[1]

    # First a coarse look, to find the box that the warped ink fills; then the scan of just that box.
    ink = _ink_depth(fields, glyphs, pen, warp.positions(ends, ends, _OUTLINE_LEN)) + half[:, None, None] * side
    boxes = [_extent((ink > 0).any(axis=axis), _REACH) for axis in (2, 1)]
    rows, columns = _keep_aspect(*boxes)
    positions = warp.positions(rows, columns, SCAN_LEN)
    pixel = side / 2 * (rows[:, 1] - rows[:, 0]) / SCAN_LEN
    thickness = half * SCAN_LEN * pixel
    ink = _ink_depth(fields, glyphs, pen, positions) + thickness[:, None, None]
    coverage = np.clip(0.5 + ink / pixel[:, None, None], 0, 1).astype(np.float32)
    return _scan(coverage, distortion=distortion, rng=rng, canvas_len=canvas_len)


@dataclass(frozen=True, eq=False)
class _Warp:
    """Random maps of the plane; a glyph's square is -1..1 in both directions.

    `linear` is float32 [n, 2, 2] over (y, x); `knots` float32 [n, 2, 5, 5] displaces, spread over -1.25..1.25.
    """

    linear: npt.NDArray[np.float32]
    knots: npt.NDArray[np.float32]

    @classmethod
    def sample(cls, n: int, *, distortion: Distortion, rng: np.random.Generator) -> _Warp:
        angle = rng.normal(0, distortion.rotation, n)
        shear = rng.normal(0, distortion.shear, n)
        stretch = np.exp(rng.normal(0, distortion.stretch / 2, n))
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        slant = np.array([[stretch, np.zeros(n)], [shear, 1 / stretch]])
        linear = np.einsum("ijn,jkn->nik", rotation, slant)
        knots = rng.normal(0, 2 * distortion.bend, (n, 2, _KNOTS, _KNOTS))
        return cls(linear.astype(np.float32), knots.astype(np.float32))

    def positions(
        self, rows: npt.NDArray[np.float32], columns: npt.NDArray[np.float32], length: int
    ) -> npt.NDArray[np.float32]:
        """Where in the glyph's square each pixel of a grid over `rows` x `columns` looks, float32 [2, n, len, len]."""
        steps = (np.arange(length, dtype=np.float32) + 0.5) / length
        y = rows[:, :1] + (rows[:, 1:] - rows[:, :1]) * steps
        x = columns[:, :1] + (columns[:, 1:] - columns[:, :1]) * steps
        bent = np.matmul(np.matmul(_spline(y)[:, None], self.knots), _spline(x)[:, None].swapaxes(2, 3))
        straight = (
            self.linear[:, :, 0, None, None] * y[:, None, :, None] + self.linear[:, :, 1, None, None] * x[:, None, None]
        )
        return np.moveaxis(straight + bent, 1, 0)


def _spline(positions: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Cubic B-spline weights of the knots at `positions`, float32 [n, len, 5]."""
    knots = np.linspace(-_REACH, _REACH, _KNOTS, dtype=np.float32)
    distance = np.abs(positions[..., None] - knots) / (knots[1] - knots[0])
    near = 2 / 3 - distance**2 * (1 - distance / 2)
    far = np.maximum(2 - distance, 0) ** 3 / 6
    return np.where(distance < 1, near, far).astype(np.float32)


def _ink_depth(
    fields: StrokeFields,
    glyphs: npt.NDArray[np.int64],
    pen: npt.NDArray[np.bool_],
    positions: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Depth in the ink at `positions` [2, n, h, w], bilinear, in pixels of the glyph's square; the pen's is 0 wide."""
    from scipy.ndimage import map_coordinates

    side = fields.depth.shape[1]
    pixels = (positions + 1) * (side / 2) - 0.5
    which = np.broadcast_to(np.arange(len(glyphs), dtype=np.float32)[:, None, None], pixels.shape[1:])
    source = np.where(pen[:, None, None], -fields.path_distance[glyphs], fields.depth[glyphs])
    depth: npt.NDArray[np.float32] = map_coordinates(source, (which, *pixels), order=1, mode="nearest")
    return depth


def _extent(hit: npt.NDArray[np.bool_], reach: float) -> npt.NDArray[np.float32]:
    """First and last position at which a line of samples over -reach..reach is hit, float32 [n, 2]."""
    length = hit.shape[1]
    first, last = hit.argmax(axis=1), length - hit[:, ::-1].argmax(axis=1)
    pitch = 2 * reach / length
    extent: npt.NDArray[np.float32] = (np.stack([first, last], axis=1) * pitch - reach).astype(np.float32)
    return extent


def _keep_aspect(
    rows: npt.NDArray[np.float32], columns: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Widen the shorter side of each box about its middle until both are as long."""
    half = np.maximum(rows[:, 1] - rows[:, 0], columns[:, 1] - columns[:, 0])[:, None] / 2
    sides = np.array([[-1.0, 1.0]], dtype=np.float32) * half
    return rows.mean(axis=1, keepdims=True) + sides, columns.mean(axis=1, keepdims=True) + sides


def _scan(
    coverage: npt.NDArray[np.float32], *, distortion: Distortion, rng: np.random.Generator, canvas_len: int
) -> npt.NDArray[np.uint8]:
    """Turn coverage [n, 32, 32] into pictures: coarse counts or a blurred scan, shifted about the middle."""
    box_len = round(canvas_len * BOX_LEN / CANVAS_LEN)
    coarse = rng.random(len(coverage)) < distortion.coarse_share
    pictures = np.empty((len(coverage), canvas_len, canvas_len, 1), dtype=np.uint8)
    blocks = (coverage[coarse] > 0.5).reshape(-1, 8, 4, 8, 4).sum(axis=(2, 4)).astype(np.float32) / 16
    pictures[coarse] = to_canvas(resample(blocks, target_len=box_len), canvas_len=canvas_len)
    fine = np.flatnonzero(~coarse)
    for part, length in zip(np.array_split(fine, 3), (12, 16, 24), strict=True):
        soft = resample(coverage[part], target_len=length)
        pictures[part] = to_canvas(resample(soft, target_len=box_len), canvas_len=canvas_len)
    by = rng.integers(-distortion.shift, distortion.shift + 1, (len(pictures), 2), dtype=np.int64)
    return _shift(pictures, by)


def _shift(pictures: npt.NDArray[np.uint8], by: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Move each picture by whole pixels (rows, columns), ground coming in at the border."""
    side = pictures.shape[1]
    pad = int(np.abs(by).max(initial=0))
    padded = np.pad(pictures, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    grid = np.arange(side)
    rows = grid[None, :, None] + pad - by[:, 0, None, None]
    columns = grid[None, None, :] + pad - by[:, 1, None, None]
    shifted: npt.NDArray[np.uint8] = padded[np.arange(len(pictures))[:, None, None], rows, columns]
    return shifted
