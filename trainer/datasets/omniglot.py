"""`omniglot`: 1,623 handwritten characters of 50 alphabets, 20 drawers each (B. Lake et al., Science 350, 2015).

Two layouts are read: the official folders (``images_background/Alphabet/characterNN/*.png`` and, beside them,
``images_evaluation``), and ``omniglot_background.npz``, which packs the 964 characters of the background set. Classes
are named ``Alphabet/characterNN`` in both, and groups are alphabets in order of their names.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.datasets.cache import cache_folder
from trainer.datasets.dataset import Dataset, DatasetError
from trainer.datasets.digits import character_side
from trainer.datasets.pictures import load_folder

DATA_VARIABLE = "KSHOT_DATA"
"""Names the folder that holds downloaded and packed data sets."""

PACKED_FILE = "omniglot_background.npz"
BACKGROUND, EVALUATION = "images_background", "images_evaluation"
SCAN_LEN = 105
"""Pixels a side of an original drawing."""

EVALUATION_MARK = "evaluation/"
"""Begins the class names of the evaluation set."""

VALIDATION_ALPHABETS = 5
"""The last so many alphabets of the background set, by name, validate."""


def data_folder() -> Path:
    """``$KSHOT_DATA``, or ``../shared/data`` if it exists, or the cache, where downloads go."""
    if named := os.environ.get(DATA_VARIABLE):
        return Path(named).expanduser()
    beside = Path("../shared/data")
    return beside if beside.is_dir() else cache_folder()


def load_omniglot(
    *,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    path: Path | None = None,
    rotations: bool = False,
    evaluation: bool = False,
) -> Dataset:
    """Read Omniglot.

    Parameters
    ----------
    input_shape : tuple of int
        Square, one channel; the drawings of 105 x 105 pixels are averaged down.
    path : Path, optional
        The folder that holds ``images_background`` or ``omniglot_background.npz``, or that file. By default
        `data_folder`, and its subfolder ``omniglot``.
    rotations : bool
        Each character also turned by 90, 180 and 270 degrees, as classes of their own.
    evaluation : bool
        With the characters of ``images_evaluation``, whose class names then begin with ``evaluation/``.

    Returns
    -------
    Dataset
        Named ``omniglot``; light ink (255) on dark ground.

    Raises
    ------
    DatasetError
        If the data is not found; the message says how to get it.
    """
    character_side(input_shape, source="omniglot")
    found = _locate(path)
    if found.is_file():
        if evaluation:
            raise DatasetError(f"{found}: holds the background set only; 'kshot data get omniglot' fetches the rest")
        dataset = _load_packed(found, input_shape=input_shape)
    else:
        dataset = _load_official(found, input_shape=input_shape, evaluation=evaluation)
    return dataset.with_rotations() if rotations else dataset


def _locate(path: Path | None) -> Path:
    """The packed file, or the folder that holds ``images_background``."""
    root = path or data_folder()
    if root.is_file():
        return root
    for folder in (root, root / "omniglot"):
        if (folder / BACKGROUND).is_dir():
            return folder
        if (folder / PACKED_FILE).is_file():
            return folder / PACKED_FILE
    raise DatasetError(
        f"omniglot: neither {BACKGROUND}/ nor {PACKED_FILE} in {root}; download it with 'kshot data get omniglot', "
        f"or let {DATA_VARIABLE} name the folder that holds it"
    )


def _load_packed(file: Path, *, input_shape: tuple[int, int, int]) -> Dataset:
    """Read the one-bit images of ``omniglot_background.npz``."""
    try:
        # Opened here: numpy leaves a damaged file open.
        with file.open("rb") as content:
            packed = np.load(content, allow_pickle=False)
            bits = np.unpackbits(packed["images"], axis=1)[:, : SCAN_LEN * SCAN_LEN]
            labels = packed["label"].astype(np.int64)
            class_names = tuple(map(str, packed["class_name"]))
            groups = packed["class_alphabet"].astype(np.int64)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{file}: not the packed Omniglot ({error})") from error
    return Dataset(
        name="omniglot",
        images=shrink(bits.reshape(-1, SCAN_LEN, SCAN_LEN), side=input_shape[0]),
        labels=labels,
        class_names=class_names,
        groups=groups,
    )


def _load_official(folder: Path, *, input_shape: tuple[int, int, int], evaluation: bool) -> Dataset:
    """Read the official folders, dark ink on white."""
    parts = [("", folder / BACKGROUND)]
    if evaluation:
        parts.append((EVALUATION_MARK, folder / EVALUATION))
    # The published set repeats a drawing; it is kept, so that figures compare with others'.
    scan_shape = (SCAN_LEN, SCAN_LEN, 1)
    scans = [
        (prefix, load_folder(part, input_shape=scan_shape, invert=True, allow_duplicates=True))
        for prefix, part in parts
    ]
    class_names: list[str] = []
    labels, images = [], []
    for prefix, scan in scans:
        labels.append(scan.labels + len(class_names))
        class_names += [prefix + name for name in scan.class_names]
        images.append(shrink(scan.images[..., 0] > 127, side=input_shape[0]))
    alphabets = [name.rpartition("/")[0] for name in class_names]
    order = sorted(set(alphabets))
    return Dataset(
        name="omniglot",
        images=np.concatenate(images),
        labels=np.concatenate(labels),
        class_names=tuple(class_names),
        groups=np.array([order.index(alphabet) for alphabet in alphabets], dtype=np.int64),
    )


def shrink(ink: npt.NDArray[np.uint8] | npt.NDArray[np.bool_], *, side: int) -> npt.NDArray[np.uint8]:
    """Average one-bit drawings down: each new pixel is the share of ink in the area that it covers.

    Parameters
    ----------
    ink : ndarray of bool or uint8 0/1, shape [n, 105, 105]
    side : int
        Pixels a side of the result.

    Returns
    -------
    ndarray of uint8, shape [n, side, side, 1]
        255 = all ink.
    """
    edges = np.linspace(0, ink.shape[1], side + 1)
    pixels = np.arange(ink.shape[1])
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    area = (np.clip(overlap, 0, 1) * side / ink.shape[1]).astype(np.float32)
    chunks = np.array_split(ink, max(1, len(ink) // 1000))
    narrow = [(chunk.reshape(-1, ink.shape[2]).astype(np.float32) @ area.T) for chunk in chunks]
    small = [np.rint(255 * (area @ part.reshape(-1, ink.shape[1], side))).astype(np.uint8) for part in narrow]
    shrunk: npt.NDArray[np.uint8] = np.concatenate(small)[..., None]
    return shrunk


def validation_alphabets(class_names: Sequence[str]) -> frozenset[str]:
    """The last five background alphabets by name, which validate."""
    alphabets = {name.split("/")[0] for name in class_names if not name.startswith(EVALUATION_MARK)}
    return frozenset(sorted(alphabets)[-VALIDATION_ALPHABETS:])
