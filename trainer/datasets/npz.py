"""`npz:PATH`: images and labels in a NumPy archive."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.datasets.dataset import Dataset, DatasetError

_IMAGES = ("images", "x")
_LABELS = ("labels", "y")


def load_npz(path: Path, *, input_shape: tuple[int, int, int]) -> Dataset:
    """Read an archive with the keys ``images`` or ``x``, ``labels`` or ``y``, and, if it likes, ``class_names``.

    Parameters
    ----------
    path : Path
    input_shape : tuple of int
        What one image must be; a set of another size is refused, not scaled.

    Returns
    -------
    Dataset
        Named ``npz:PATH``. Labels need not be dense: the values that occur, in order, are the classes. Without
        ``class_names`` a class is called by its label's value; with it, label i is ``class_names[i]``.

    Raises
    ------
    DatasetError
        If the file is missing, damaged, or holds pickled objects; if a key is missing; if images are not
        [n, height, width] or [n, height, width, channels], neither uint8 0..255 nor floats 0..1, or not finite; if
        labels are no integers, or one class is all there is; if a class name is missing.
    """
    name = f"npz:{path}"
    arrays = _read(path, name)
    images = _images(_first(arrays, _IMAGES, name), name, input_shape)
    labels = _first(arrays, _LABELS, name)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or len(labels) != len(images):
        raise DatasetError(
            f"{name}: labels must be integers [{len(images)}], one for each image, not {labels.dtype} {labels.shape}"
        )
    values, dense = np.unique(labels, return_inverse=True)
    if len(values) < 2:
        raise DatasetError(f"{name}: {len(values)} class; a set needs at least two")
    return Dataset(
        name=name,
        images=images,
        labels=dense.astype(np.int64),
        class_names=_class_names(values, arrays.get("class_names"), name),
    )


def _read(path: Path, name: str) -> dict[str, npt.NDArray[Any]]:
    """All arrays of the archive; nothing in it is executed."""
    try:
        # Opened here: numpy leaves a damaged file open.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise DatasetError(f"{name}: a single array; store images and labels with numpy.savez")
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError as error:
        raise DatasetError(f"{name}: there is no such file") from error
    except DatasetError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{name}: cannot be read as an .npz archive without pickled objects ({error})") from error


def _first(arrays: dict[str, npt.NDArray[Any]], keys: tuple[str, ...], name: str) -> npt.NDArray[Any]:
    """The array under the first of `keys` that is there."""
    for key in keys:
        if key in arrays:
            return arrays[key]
    raise DatasetError(f"{name}: no array {' or '.join(map(repr, keys))}; there are {', '.join(arrays) or 'none'}")


def _images(stored: npt.NDArray[Any], name: str, input_shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Check images and turn them into uint8 [n, h, w, c]."""
    images = stored[..., None] if stored.ndim == 3 else stored
    if images.ndim != 4 or images.shape[1:] != tuple(input_shape):
        raise DatasetError(
            f"{name}: images of shape {list(stored.shape)}; the input asks for [n, *{list(input_shape)}]"
        )
    if images.dtype == np.uint8:
        return np.array(images)
    if not np.issubdtype(images.dtype, np.floating):
        raise DatasetError(f"{name}: images are {images.dtype}; they must be uint8 0..255 or floats 0..1")
    if not np.isfinite(images).all():
        broken = int(np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))[0])
        raise DatasetError(f"{name}: image {broken} holds values that are not finite (NaN or infinity)")
    if images.min(initial=0) < 0 or images.max(initial=0) > 1:
        raise DatasetError(f"{name}: float images span {images.min()}..{images.max()}; they must be within 0..1")
    pixels: npt.NDArray[np.uint8] = np.rint(images * 255).astype(np.uint8)
    return pixels


def _class_names(values: npt.NDArray[Any], stored: npt.NDArray[Any] | None, name: str) -> tuple[str, ...]:
    """A name for each label value that occurs."""
    if stored is None:
        return tuple(str(value) for value in values)
    if stored.ndim != 1 or values[0] < 0 or values[-1] >= len(stored):
        raise DatasetError(f"{name}: labels run from {values[0]} to {values[-1]}, class_names has {stored.shape}")
    return tuple(str(stored[value]) for value in values)
