"""Arrays that are slow to make and cheap to keep: files that are checked on reading and made anew when damaged."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

_log = logging.getLogger(__name__)

CACHE_VARIABLE = "KSHOT_CACHE"
"""Names the folder to keep arrays in."""

Arrays = dict[str, Any]
"""Arrays by name."""


def cache_folder() -> Path:
    """``$KSHOT_CACHE``, or ``kshot`` in ``$XDG_CACHE_HOME``, or ``~/.cache/kshot``."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "kshot"


def cached_arrays(
    name: str, key: Mapping[str, object], make: Callable[[], Arrays], *, folder: Path | None = None
) -> Arrays:
    """Read arrays made earlier for the same key, or make and keep them.

    Parameters
    ----------
    name : str
        Begins the file's name.
    key : mapping
        All that the arrays depend on, as JSON types.
    make : callable
        Returns the arrays by name; none may hold objects.
    folder : Path, optional
        By default `cache_folder`.

    Returns
    -------
    dict of str to ndarray

    Notes
    -----
    A file's SHA-256 lies beside it. A file that differs from it is made anew, and one that cannot be written (a full
    disk, a read-only home) is only logged: the arrays are at hand all the same.
    """
    text = json.dumps(key, sort_keys=True)
    path = (folder or cache_folder()) / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"
    arrays = _read(path)
    if arrays is None:
        arrays = make()
        _write(path, arrays)
    return arrays


def _read(path: Path) -> Arrays | None:
    """The arrays in a file, or None if it is missing or damaged."""
    digest_path = path.with_suffix(".sha256")
    try:
        content = path.read_bytes()
        wanted = digest_path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    if hashlib.sha256(content).hexdigest() != wanted:
        _log.warning("%s is damaged and will be made anew", path)
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile):
        _log.warning("%s cannot be read and will be made anew", path)
        return None


def _write(path: Path, arrays: Arrays) -> None:
    """Store arrays and their digest; both appear whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            staged = Path(scratch) / path.name
            np.savez_compressed(staged, **arrays)
            digest = Path(scratch) / "digest"
            digest.write_text(hashlib.sha256(staged.read_bytes()).hexdigest() + "\n", encoding="ascii")
            staged.replace(path)
            digest.replace(path.with_suffix(".sha256"))
    except OSError as error:
        _log.warning("%s could not be kept: %s", path, error)
