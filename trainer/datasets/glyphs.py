"""`glyphs`: hundreds of classes drawn from the fonts that matplotlib ships; no download, and no digit among them.

A class is one character. Its samples come from all fonts that have it, half of them redrawn by a round pen along the
strokes' middle, each with its own distortion. `glyph_classes` says which characters qualify, `glyph_distortion`
how a sample is drawn and what chose its ranges.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.datasets.cache import cached_arrays
from trainer.datasets.dataset import Dataset
from trainer.datasets.digits import character_side
from trainer.datasets.glyph_classes import GlyphClass, load_fonts, select_classes
from trainer.datasets.glyph_distortion import Distortion, draw_samples
from trainer.datasets.glyph_fonts import GLYPH_LEN, MARGIN, Font, fit_box
from trainer.datasets.glyph_strokes import StrokeFields, stroke_fields
from trainer.datasets.resample import CANVAS_LEN

_log = logging.getLogger(__name__)

_RECIPE = 1
"""Raised with each change of the drawing that the options do not show, so that stored sets are drawn anew."""

_CHUNK = 2000


@dataclass(frozen=True)
class GlyphOptions:
    """How `glyphs` is drawn.

    Attributes
    ----------
    classes : int
        At most this many; letters before symbols.
    samples : int
        Images of a class.
    styles : int
        At most this many fonts a class.
    seed : int
    distortion : Distortion

    Raises
    ------
    ValueError
        If a count is below what episodes need.
    """

    classes: int = 800
    samples: int = 40
    styles: int = 6
    seed: int = 0
    distortion: Distortion = field(default_factory=Distortion)

    def __post_init__(self) -> None:
        if self.classes < 2 or self.samples < 2 or self.styles < 1:
            raise ValueError("glyphs needs at least 2 classes, 2 samples and 1 style")


def load_glyphs(
    *,
    input_shape: tuple[int, int, int] = (CANVAS_LEN, CANVAS_LEN, 1),
    options: GlyphOptions | None = None,
    cache: Path | None = None,
) -> Dataset:
    """Draw the glyphs, or read them from the cache.

    Parameters
    ----------
    input_shape : tuple of int
        Square, one channel.
    options : GlyphOptions, optional
    cache : Path, optional
        Folder for drawn sets; by default ``$KSHOT_CACHE``, else ``~/.cache/kshot``.

    Returns
    -------
    Dataset
        Classes are named by code point and Unicode name. The same bytes for the same options, matplotlib and platform.

    Raises
    ------
    DatasetError
        If the shape cannot be drawn, or matplotlib or scipy is missing.
    """
    chosen = options or GlyphOptions()
    side = character_side(input_shape, source="glyphs")
    key = {
        "recipe": _RECIPE,
        "side": side,
        "options": asdict(chosen),
        "versions": {name: version(name) for name in ("matplotlib", "numpy", "pillow", "scipy")},
    }
    arrays = cached_arrays("glyphs", key, lambda: _draw(chosen, side=side), folder=cache)
    return Dataset(
        name="glyphs",
        images=arrays["images"],
        labels=arrays["labels"],
        class_names=tuple(map(str, arrays["class_names"])),
    )


def _draw(options: GlyphOptions, *, side: int) -> dict[str, npt.NDArray[np.generic]]:
    """All arrays of the data set."""
    fonts = {font.name: font for font in load_fonts()}
    classes = select_classes(tuple(fonts.values()))[: options.classes]
    _log.info("drawing %d glyph classes of %d samples", len(classes), options.samples)
    fields, owner = _fields(classes, fonts, styles=options.styles)
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), options.samples)
    root = np.random.SeedSequence(options.seed)
    chunks = np.array_split(labels, max(1, len(labels) // _CHUNK))

    def draw_chunk(chunk: npt.NDArray[np.int64], seed: np.random.SeedSequence) -> npt.NDArray[np.uint8]:
        rng = np.random.default_rng(seed)
        glyphs = _any_style(chunk, owner, rng)
        return draw_samples(fields, glyphs, distortion=options.distortion, rng=rng, canvas_len=side)

    # A chunk's samples depend on its seed alone, not on the thread that draws them.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        images = list(pool.map(draw_chunk, chunks, root.spawn(len(chunks))))
    return {
        "images": np.concatenate(images),
        "labels": labels,
        "class_names": np.array([c.name for c in classes]),
    }


def _fields(
    classes: Sequence[GlyphClass], fonts: dict[str, Font], *, styles: int
) -> tuple[StrokeFields, npt.NDArray[np.int64]]:
    """Stroke fields of each class in each of its styles, and the class of each, int64 [glyphs], ascending."""
    drawn = [(label, c.character, name) for label, c in enumerate(classes) for name in c.fonts[:styles]]
    coverage = np.stack(
        [fit_box(fonts[name].draw(character), side=GLYPH_LEN, margin=MARGIN) for _, character, name in drawn]
    )
    return stroke_fields(coverage), np.array([label for label, _, _ in drawn], dtype=np.int64)


def _any_style(
    labels: npt.NDArray[np.int64], owner: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """For each label a random one of the glyphs that `owner` gives to it."""
    first, end = np.searchsorted(owner, labels), np.searchsorted(owner, labels, side="right")
    return rng.integers(first, end)
