"""Characters in the fonts that matplotlib ships, drawn as bitmaps that fill a box."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.datasets.dataset import DatasetError

GLYPH_LEN = 48
"""Pixels a side of a drawn glyph."""

MARGIN = 4
"""Ground, in pixels, on each side of a drawn glyph."""

UNICODE_FONTS = (
    "DejaVuSans",
    "DejaVuSerif",
    "STIXGeneral",
    "DejaVuSansMono",
    "DejaVuSans-Bold",
    "DejaVuSerif-Italic",
    "STIXGeneralItalic",
    "DejaVuSans-Oblique",
    "DejaVuSerif-Bold",
    "STIXGeneralBol",
    "DejaVuSansMono-Oblique",
    "DejaVuSerif-BoldItalic",
    "STIXGeneralBolIta",
)
"""Fonts indexed by Unicode, the most different styles first."""

LATIN_FONTS = ("cmr10", "cmss10", "cmti10", "cmtt10", "cmmi10", "cmb10")
"""Computer Modern: indexed by Unicode for the basic Latin letters only."""


class Font:
    """One font of matplotlib's, and the characters that it can draw.

    Parameters
    ----------
    name : str
        File name without ``.ttf``.

    Raises
    ------
    DatasetError
        If matplotlib or that font is missing.
    """

    def __init__(self, name: str) -> None:
        try:
            import matplotlib
            from matplotlib import ft2font
        except ImportError as error:
            raise DatasetError('glyphs: matplotlib is missing; install the extra "data"') from error
        path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
        if not path.is_file():
            raise DatasetError(f"glyphs: matplotlib {matplotlib.__version__} has no font {path.name} ({path})")
        self.name = name
        self._font = ft2font.FT2Font(str(path))
        self._font.set_size(GLYPH_LEN, 72)
        self._flags = _no_hinting(ft2font)
        self.characters = frozenset(map(chr, self._font.get_charmap()))
        if name in LATIN_FONTS:
            self.characters &= frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

    def draw(self, character: str) -> npt.NDArray[np.uint8]:
        """Draw one character, cropped to its ink.

        Returns
        -------
        ndarray of uint8, shape [height, width]
            Coverage, 0 to 255; 0 x 0 if the glyph is blank.
        """
        self._font.clear()
        self._font.set_text(character, 0.0, flags=self._flags)
        self._font.draw_glyphs_to_bitmap(antialiased=True)
        image = np.asarray(self._font.get_image(), dtype=np.uint8)
        rows, columns = np.flatnonzero(image.max(axis=1, initial=0)), np.flatnonzero(image.max(axis=0, initial=0))
        if not rows.size:
            return np.zeros((0, 0), dtype=np.uint8)
        return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _no_hinting(ft2font: ModuleType) -> Any:
    """The flag that keeps outlines as designed; matplotlib 3.10 moved it into an enumeration."""
    return ft2font.LoadFlags.NO_HINTING if hasattr(ft2font, "LoadFlags") else ft2font.LOAD_NO_HINTING


def fit_box(
    ink: npt.NDArray[np.uint8], *, side: int, margin: int = 0, keep_aspect: bool = True
) -> npt.NDArray[np.float32]:
    """Scale a drawn character so that it fills the middle of a square.

    Parameters
    ----------
    ink : ndarray of uint8, shape [height, width]
        Cropped coverage, 0 to 255, as `Font.draw` returns it.
    side, margin : int
        Pixels a side of the square, and of ground around the ink.
    keep_aspect : bool
        False stretches the ink to the whole box both ways.

    Returns
    -------
    ndarray of float32, shape [side, side]
        Coverage, 0 to 1.
    """
    from PIL import Image

    square = np.zeros((side, side), dtype=np.float32)
    if not ink.size:
        return square
    box = side - 2 * margin
    height, width = ink.shape
    longest = max(height, width)
    size = (max(1, round(width * box / longest)), max(1, round(height * box / longest)))
    fitted = Image.fromarray(ink).resize(size if keep_aspect else (box, box), Image.Resampling.BOX)
    pixels = np.asarray(fitted, dtype=np.float32) / 255
    top, left = (side - pixels.shape[0]) // 2, (side - pixels.shape[1]) // 2
    square[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return square
