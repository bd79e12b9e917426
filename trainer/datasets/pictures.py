"""`folder:PATH`: a folder of class folders of pictures, of any size and format that Pillow reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.datasets.dataset import Dataset, DatasetError


def load_folder(
    path: Path, *, input_shape: tuple[int, int, int], invert: bool = False, allow_duplicates: bool = False
) -> Dataset:
    """Read pictures; the folder that directly holds a picture is its class.

    Parameters
    ----------
    path : Path
        ``path/CLASS/picture`` or deeper, such as ``path/ALPHABET/CLASS/picture``; the class is then named
        ``ALPHABET/CLASS`` and its group is the alphabet. Hidden files and folders are passed over.
    input_shape : tuple of int
        Height, width, and 1 channel (grey) or 3 (RGB). A picture keeps its aspect: it is scaled to fit and padded.
    invert : bool
        True for dark ink on light ground, which becomes light ink on dark ground.
    allow_duplicates : bool
        True accepts files that hold the same bytes.

    Returns
    -------
    Dataset
        Named ``folder:PATH``; classes and files in order of their names.

    Raises
    ------
    DatasetError
        If there is no folder, fewer than two classes, a class folder without a picture, a file that is no picture, or
        the same bytes in two files. The message names the file.
    """
    name = f"folder:{path}"
    if not path.is_dir():
        raise DatasetError(f"{name}: there is no such folder")
    classes = sorted(_class_folders(path), key=lambda folder: folder.relative_to(path).as_posix())
    class_names = tuple(folder.relative_to(path).as_posix() for folder in classes)
    _check_class_folders(name, path, classes)
    files = [(label, file) for label, folder in enumerate(classes) for file in _files(folder)]
    if not allow_duplicates:
        _check_duplicates(name, [file for _, file in files])
    images = np.stack([read_picture(file, input_shape=input_shape, invert=invert) for _, file in files])
    return Dataset(
        name=name,
        images=images,
        labels=np.array([label for label, _ in files], dtype=np.int64),
        class_names=class_names,
        groups=parent_groups(class_names),
        files=tuple(str(file) for _, file in files),
    )


def parent_groups(class_names: Sequence[str]) -> npt.NDArray[np.int64] | None:
    """The index of each class's parent folder, int64 [classes], or None if no class has one."""
    parents = [name.rpartition("/")[0] for name in class_names]
    if not any(parents):
        return None
    order = sorted(set(parents))
    return np.array([order.index(parent) for parent in parents], dtype=np.int64)


def read_picture(file: Path, *, input_shape: tuple[int, int, int], invert: bool = False) -> npt.NDArray[np.uint8]:
    """Read one picture and fit it to the network's input.

    Parameters
    ----------
    file : Path
    input_shape : tuple of int
        Height, width and 1 or 3 channels.
    invert : bool
        Swap light and dark. The padding is dark in any case: it is ground.

    Returns
    -------
    ndarray of uint8, shape [height, width, channels]

    Raises
    ------
    DatasetError
        If Pillow cannot read the file, whole, or the channels are neither 1 nor 3.
    """
    from PIL import Image, ImageOps

    height, width, channels = input_shape
    if channels not in (1, 3):
        raise DatasetError(f"{file}: pictures have 1 channel or 3, the input asks for {channels}")
    try:
        with Image.open(file) as opened:
            upright = _on_ground(ImageOps.exif_transpose(opened), light=invert)
            picture = upright.convert("L" if channels == 1 else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{file}: not a picture that can be read ({error}); repair or remove it") from error
    if invert:
        picture = ImageOps.invert(picture)
    fitted = ImageOps.pad(picture, (width, height), method=Image.Resampling.BICUBIC, color=0)
    return np.asarray(fitted, dtype=np.uint8).reshape(input_shape)


def _on_ground(picture: Any, *, light: bool) -> Any:
    """Lay a transparent picture on the ground colour; scale 16-bit grey to 8 bits."""
    from PIL import Image

    if picture.mode.startswith("I"):
        grey = np.asarray(picture, dtype=np.float64)
        return Image.fromarray(np.clip(grey / 257, 0, 255).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture
    layer = picture.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (255, 255, 255, 255) if light else (0, 0, 0, 255))
    return Image.alpha_composite(ground, layer)


def _files(folder: Path) -> Sequence[Path]:
    """The visible files directly in a folder, by name."""
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))


def _class_folders(path: Path) -> Iterator[Path]:
    """Folders below `path` that hold no folder themselves."""
    for folder in path.iterdir():
        if folder.is_dir() and not folder.name.startswith("."):
            below = list(_class_folders(folder))
            yield from below or [folder]


def _check_class_folders(name: str, path: Path, classes: Sequence[Path]) -> None:
    """Two classes or more, each with a picture, and no picture outside a class."""
    if len(classes) < 2:
        raise DatasetError(f"{name}: {len(classes)} class folders; a set needs at least two, one folder for each class")
    for folder in classes:
        if not _files(folder):
            raise DatasetError(f"{folder}: a class folder without a picture; add pictures or remove it")
    inner = {parent for folder in classes for parent in folder.parents if parent.is_relative_to(path)}
    for folder in sorted(inner - {path}):
        if stray := _files(folder):
            raise DatasetError(f"{stray[0]}: a picture beside class folders; move it into one of them")


def _check_duplicates(name: str, files: Sequence[Path]) -> None:
    """No two files with the same bytes: support and query, or training and test, would share an example."""
    seen: dict[bytes, Path] = {}
    for file in files:
        try:
            digest = hashlib.sha256(file.read_bytes()).digest()
        except OSError as error:
            raise DatasetError(f"{file}: cannot be read ({error})") from error
        if digest in seen:
            raise DatasetError(f"{name}: {seen[digest]} and {file} are the same picture; remove one of them")
        seen[digest] = file
