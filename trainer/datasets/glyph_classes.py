"""Which characters become classes of `glyphs`: none is a digit, looks like one, or looks like another class.

The network is tested on digits, so nothing here may teach it one. A character is left out if Unicode gives it a
numeric value or a digit's name, or if it resembles a digit in any font. Of characters that resemble
each other (Latin A, Greek Alpha, Cyrillic A) the first stays. Resemblance is the normalised cross-correlation of
blurred pictures that fill the same box, once with their aspect kept and once stretched to a square.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.datasets.glyph_fonts import LATIN_FONTS, UNICODE_FONTS, Font, fit_box

TWIN_CORRELATION = 0.86
"""Two characters that correlate more than this in any font are one class."""

DIGIT_CORRELATIONS = (0.80, 0.85)
"""A character that correlates more than this with a digit of any font, aspect kept or stretched, is no class."""

THUMBNAIL_LEN = 16
"""Pixels a side of the pictures compared."""

COMPARED_FONTS = 9
"""Fonts, the most different first, in which characters are compared; the others are their slanted and bold kin."""

DIGITS = tuple("0123456789")

_LETTERS = ("Lu", "Ll", "Lo")
_SYMBOLS = ("Sm", "Sc", "So", "Po")
_SYMBOL_BLOCKS = ((0x0021, 0x22FF), (0x2600, 0x26FF), (0x2A00, 0x2AFF))
"""Signs of a few strokes; others are bars, dots, frames or pictures."""

_LEFT_OUT_WORDS = ("DIGIT", "NUMBER", "NUMERAL", "ROMAN", "CIRCLED", "DIE FACE", "TETRAGRAM", "TRIGRAM", "SHADE")


@dataclass(frozen=True)
class GlyphClass:
    """A character that is a class, and the fonts that draw it.

    Attributes
    ----------
    character : str
        One code point.
    fonts : tuple of str
        Names of fonts, the most different styles first.
    """

    character: str
    fonts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Code point and Unicode name, such as ``U+03A9 GREEK CAPITAL LETTER OMEGA``."""
        return f"U+{ord(self.character):04X} {unicodedata.name(self.character)}"


def select_classes(fonts: Sequence[Font]) -> tuple[GlyphClass, ...]:
    """Choose the characters that become classes, letters first, then symbols, each by code point.

    Parameters
    ----------
    fonts : sequence of Font
        Unicode fonts and Latin ones.

    Returns
    -------
    tuple of GlyphClass
        The same on each run with the same fonts.
    """
    drawable = frozenset().union(*(font.characters for font in fonts))
    characters = sorted(
        filter(_may_be_class, drawable), key=lambda c: (unicodedata.category(c) not in _LETTERS, ord(c))
    )
    albums = [_Album.draw(font, characters) for font in fonts[:COMPARED_FONTS]]
    digits = np.concatenate([thumbnails(font, DIGITS) for font in fonts[:COMPARED_FONTS]], axis=1)
    kept = _first_of_twins(albums, ~_like_digits(albums, digits, len(characters)))
    return tuple(
        GlyphClass(characters[i], tuple(font.name for font in fonts if characters[i] in font.characters)) for i in kept
    )


def load_fonts() -> tuple[Font, ...]:
    """Open the fonts that glyphs are drawn with, the most different styles first."""
    return tuple(Font(name) for name in (*UNICODE_FONTS[:3], *LATIN_FONTS, *UNICODE_FONTS[3:]))


def _may_be_class(character: str) -> bool:
    """Whether Unicode calls `character` a letter or a symbol, whole, and no number."""
    name = unicodedata.name(character, "")
    return (
        bool(name)
        and _is_drawn_with_strokes(character)
        and unicodedata.numeric(character, None) is None
        and unicodedata.normalize("NFKD", character) == character
        and not any(word in name for word in _LEFT_OUT_WORDS)
    )


def _is_drawn_with_strokes(character: str) -> bool:
    """Whether `character` is a letter, or a symbol of a block whose signs have few strokes."""
    category = unicodedata.category(character)
    in_block = any(first <= ord(character) <= last for first, last in _SYMBOL_BLOCKS)
    return category in _LETTERS or (category in _SYMBOLS and in_block)


def thumbnails(font: Font, characters: Sequence[str]) -> npt.NDArray[np.float32]:
    """Pictures to compare, as vectors of mean 0 and length 1, so that their product is their correlation.

    Returns
    -------
    ndarray of float32, shape [2, characters, 256]
        With the aspect kept, and stretched; zeros for a blank glyph.
    """
    from scipy.ndimage import gaussian_filter

    inks = [font.draw(character) for character in characters]
    boxed = np.array(
        [[fit_box(ink, side=THUMBNAIL_LEN, margin=1, keep_aspect=keep) for ink in inks] for keep in (True, False)],
        dtype=np.float32,
    ).reshape(2, len(inks), THUMBNAIL_LEN, THUMBNAIL_LEN)
    vectors = gaussian_filter(boxed, sigma=(0, 0, 1, 1)).reshape(2, len(inks), -1)
    vectors -= vectors.mean(axis=2, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=2, keepdims=True)
    unit: npt.NDArray[np.float32] = np.where(lengths > 1e-3, vectors / np.maximum(lengths, 1e-3), 0)
    return unit


@dataclass(frozen=True, eq=False)
class _Album:
    """All candidates that one font draws: their indices, int64 [drawn], and `thumbnails`, [2, drawn, 256]."""

    index: npt.NDArray[np.int64]
    pictures: npt.NDArray[np.float32]

    @classmethod
    def draw(cls, font: Font, characters: Sequence[str]) -> _Album:
        index = [i for i, character in enumerate(characters) if character in font.characters]
        return cls(np.array(index, dtype=np.int64), thumbnails(font, [characters[i] for i in index]))


def _like_digits(albums: Sequence[_Album], digits: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.bool_]:
    """Which of `count` characters resemble a digit, [2, digits, 256], or are blank, in any album."""
    like = np.zeros(count, dtype=bool)
    for album in albums:
        closest = (album.pictures @ digits.swapaxes(1, 2)).max(axis=2)
        blank = ~album.pictures[0].any(axis=1)
        like[album.index] |= (closest > np.array(DIGIT_CORRELATIONS)[:, None]).any(axis=0) | blank
    return like


def _first_of_twins(albums: Sequence[_Album], may_stay: npt.NDArray[np.bool_]) -> list[int]:
    """Indices of those that may stay and resemble no earlier one that stays, in any album."""
    twin = np.zeros((len(may_stay), len(may_stay)), dtype=bool)
    for album in albums:
        closest = (album.pictures @ album.pictures.swapaxes(1, 2)).max(axis=0)
        twin[np.ix_(album.index, album.index)] |= closest > TWIN_CORRELATION
    kept: list[int] = []
    for i in np.flatnonzero(may_stay):
        if not twin[i, kept].any():
            kept.append(int(i))
    return kept
