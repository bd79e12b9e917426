"""Images of many classes: sources, and splits whose classes are disjoint.

`load_dataset` knows every source by a word; each source is a module of its own and returns a `Dataset`. The arguments
of `load_dataset`, as JSON, are what an artifact keeps to say where its classes came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trainer.datasets.dataset import Dataset, DatasetError
from trainer.datasets.digits import load_digits
from trainer.datasets.glyph_distortion import Distortion
from trainer.datasets.glyphs import GlyphOptions, load_glyphs
from trainer.datasets.npz import load_npz
from trainer.datasets.omniglot import load_omniglot
from trainer.datasets.pictures import load_folder
from trainer.datasets.splits import SPLITS, split_classes

__all__ = ["OPTIONS", "SOURCES", "SPLITS", "Dataset", "DatasetError", "load_dataset", "split_classes"]

SOURCES = ("glyphs", "digits", "omniglot", "folder:PATH", "npz:PATH")
"""What `load_dataset` accepts."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "glyphs": tuple(field.name for field in fields(GlyphOptions)),
    "digits": (),
    "omniglot": ("path", "rotations", "evaluation"),
    "folder": ("invert",),
    "npz": (),
}
"""The options of each source."""


def load_dataset(source: str, *, input_shape: tuple[int, int, int] = (28, 28, 1), **options: Any) -> Dataset:
    """Load a data set by the word for its source.

    Parameters
    ----------
    source : str
        One of `SOURCES`.
    input_shape : tuple of int
        Height, width and channels of the network's input.
    **options
        ``glyphs``: the fields of `glyphs.GlyphOptions`, flat, with ``distortion`` as a mapping. ``omniglot``: ``path``,
        ``rotations``, ``evaluation``. ``folder``: ``invert``.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        If the source or an option is unknown, or the data cannot be used; see the source's module.
    """
    word, _, path = source.partition(":")
    if word not in OPTIONS or (word in ("folder", "npz")) != bool(path):
        near = get_close_matches(word, OPTIONS, n=1)
        meant = next((known for known in SOURCES if near and known.startswith(near[0])), None)
        hint = f"; did you mean {meant}?" if meant else ""
        raise DatasetError(f"data source {source!r} is not one of {', '.join(SOURCES)}{hint}")
    for option in options:
        if option not in OPTIONS[word]:
            raise DatasetError(f"{word}: no option {option!r}; there are: {', '.join(OPTIONS[word]) or 'none'}")
    height, width, channels = input_shape
    shape = (height, width, channels)
    if word == "glyphs":
        return load_glyphs(input_shape=shape, options=_glyph_options(options))
    if word == "digits":
        return load_digits(input_shape=shape)
    if word == "omniglot":
        named = options.pop("path", None)
        return load_omniglot(input_shape=shape, path=None if named is None else Path(named), **options)
    if word == "folder":
        return load_folder(Path(path), input_shape=shape, **options)
    return load_npz(Path(path), input_shape=shape)


def _glyph_options(options: Mapping[str, Any]) -> GlyphOptions:
    """Build the options of `glyphs` from JSON types."""
    try:
        ranges: Any = options.get("distortion", {})
        if not isinstance(ranges, Distortion):
            arguments: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in ranges.items()}
            ranges = Distortion(**arguments)
        return GlyphOptions(**{**options, "distortion": ranges})
    except (TypeError, ValueError) as error:
        raise DatasetError(f"glyphs: {error}") from error
