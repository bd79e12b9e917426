"""Figures that a script can read: build/figures/NAME.json, replaced as a whole by each run."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

FIGURES_FOLDER = Path("build/figures")
Row = Mapping[str, str | int | float | bool | None]


def write_figures(name: str, data: Row | Sequence[Row], *, folder: Path = FIGURES_FOLDER) -> Path:
    """Write one set of figures.

    Parameters
    ----------
    name : str
        Stem of the file: letters, digits, `_` and `-`.
    data : mapping, or sequence of mappings
        Flat keys, or flat rows. Rates and accuracies are fractions of 1.
    folder : Path
        Made when it is missing.

    Returns
    -------
    Path
        The file, complete: a reader never sees a half-written one.

    Raises
    ------
    ValueError
        If the name is no plain file name, a value is not flat, or a number is not finite.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ValueError(f"figures named {name!r}: use letters, digits, _ and -")
    rows = [data] if isinstance(data, Mapping) else list(data)
    for row in rows:
        for key, value in row.items():
            if value is not None and not isinstance(value, str | int | float | bool):
                raise ValueError(f"figures {name}: {key} is a {type(value).__name__}, not a plain number or text")
    text = json.dumps(dict(data) if isinstance(data, Mapping) else [dict(r) for r in rows], indent=2, allow_nan=False)
    return write_atomically(folder / f"{name}.json", text + "\n")


def write_atomically(path: Path, text: str) -> Path:
    """Write `text` to `path` through a temporary file beside it, and return `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
