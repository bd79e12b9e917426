"""`Dataset`: labelled images of many classes, and the errors that a set of images can raise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

ROTATION_MARK = "@"
"""Stands between a class's name and its rotation in degrees: ``Latin/character03@90``."""


class DatasetError(ValueError):
    """Data that cannot be learned from; the message names the file or the class and what would work."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of many classes, light ink on a dark ground.

    Attributes
    ----------
    name : str
        The source: ``glyphs``, ``digits``, ``omniglot``, or ``folder:`` or ``npz:`` and a path.
    images : ndarray of uint8, shape [n, height, width, channels]
        Raw pixels, 0 = ground, 255 = ink, NHWC, one or three channels.
    labels : ndarray of int64, shape [n]
        Indices into `class_names`.
    class_names : tuple of str
        Unique; every class has at least one image.
    groups : ndarray of int64, shape [classes], optional
        A group to which each class belongs, such as its alphabet.
    files : tuple of str, optional
        The file that each image was read from, for messages.

    Raises
    ------
    DatasetError
        If shapes or dtypes differ from the above, a label has no name, a name is used twice or a class has no image.

    Notes
    -----
    The arrays are made read-only: episodes are indices into them.
    """

    name: str
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    groups: npt.NDArray[np.int64] | None = None
    files: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8 or self.images.shape[-1] not in (1, 3):
            raise DatasetError(
                f"{self.name}: images must be uint8 [n, height, width, 1 or 3], "
                f"not {self.images.dtype} {list(self.images.shape)}"
            )
        if self.labels.dtype != np.int64 or self.labels.shape != self.images.shape[:1]:
            raise DatasetError(
                f"{self.name}: labels must be int64 [{len(self.images)}], "
                f"not {self.labels.dtype} {list(self.labels.shape)}"
            )
        if self.groups is not None and (self.groups.dtype != np.int64 or self.groups.shape != (len(self.class_names),)):
            raise DatasetError(f"{self.name}: groups must be int64, one for each of {len(self.class_names)} classes")
        if self.files is not None and len(self.files) != len(self.images):
            raise DatasetError(f"{self.name}: {len(self.files)} file names for {len(self.images)} images")
        self._check_classes()
        for array in (self.images, self.labels, self.groups):
            if array is not None:
                array.setflags(write=False)

    def _check_classes(self) -> None:
        if len(set(self.class_names)) != len(self.class_names):
            twice = next(name for i, name in enumerate(self.class_names) if name in self.class_names[:i])
            raise DatasetError(f"{self.name}: two classes are both named {twice!r}")
        if not self.class_names or not len(self.labels):
            raise DatasetError(f"{self.name}: there are no images")
        if self.labels.min() < 0 or self.labels.max() >= len(self.class_names):
            raise DatasetError(f"{self.name}: a label lies outside the {len(self.class_names)} class names")
        if not self.counts.all():
            raise DatasetError(f"{self.name}: class {self.class_names[int(np.argmin(self.counts))]!r} has no images")

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one image."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """Images in each class, int64 [classes]."""
        return np.bincount(self.labels, minlength=len(self.class_names)).astype(np.int64)

    @cached_property
    def sha256(self) -> str:
        """SHA-256, in hexadecimal, of the images, labels and class names. The set's own name does not enter it."""
        digest = hashlib.sha256(repr((self.images.shape, self.class_names)).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()

    def describe(self, index: int) -> str:
        """Where one image comes from: its file, or its class and the source."""
        if self.files is not None:
            return self.files[index]
        return f"image {index} of {self.name}, class {self.class_names[self.labels[index]]!r},"

    def subset(self, class_names: Iterable[str]) -> Dataset:
        """The images of some classes, which are numbered anew in the order given.

        Raises
        ------
        DatasetError
            If this set has no class of one of those names.
        """
        wanted = tuple(class_names)
        index = {name: i for i, name in enumerate(self.class_names)}
        missing = [name for name in wanted if name not in index]
        if missing:
            raise DatasetError(f"{self.name}: there is no class {missing[0]!r} among its {len(index)} classes")
        old = np.array([index[name] for name in wanted], dtype=np.int64)
        renumbered = np.full(len(index), -1, dtype=np.int64)
        renumbered[old] = np.arange(len(old))
        keep = np.flatnonzero(renumbered[self.labels] >= 0)
        return replace(
            self,
            images=self.images[keep],
            labels=renumbered[self.labels[keep]],
            class_names=wanted,
            groups=None if self.groups is None else self.groups[old],
            files=None if self.files is None else tuple(self.files[i] for i in keep),
        )

    def with_rotations(self) -> Dataset:
        """Each class four times: as it is, and turned by 90, 180 and 270 degrees as classes of their own.

        The new classes are named ``NAME@90``, ``NAME@180`` and ``NAME@270`` and keep their group.

        Raises
        ------
        DatasetError
            If the images are not square.
        """
        height, width, _ = self.input_shape
        if height != width:
            raise DatasetError(f"{self.name}: rotations need square images, these are {height} x {width}")
        turns = range(4)
        names = [f"{name}{ROTATION_MARK}{90 * turn}" if turn else name for turn in turns for name in self.class_names]
        return replace(
            self,
            images=np.concatenate([np.rot90(self.images, turn, axes=(1, 2)) for turn in turns]),
            labels=np.concatenate([self.labels + turn * len(self.class_names) for turn in turns]),
            class_names=tuple(names),
            groups=None if self.groups is None else np.tile(self.groups, 4),
            files=None if self.files is None else self.files * 4,
        )

    def require(self, examples: int, *, classes: int = 2) -> None:
        """Check that episodes can be drawn: `examples` images in every class, and at least `classes` classes.

        Raises
        ------
        DatasetError
            Names the class that is too small and how many images it has.
        """
        if len(self.class_names) < classes:
            raise DatasetError(
                f"{self.name}: {len(self.class_names)} classes, but episodes of {classes} classes are asked for; "
                "add classes or lower n_way"
            )
        if self.counts.min() < examples:
            smallest = int(np.argmin(self.counts))
            raise DatasetError(
                f"{self.name}: class {self.class_names[smallest]!r} has {self.counts[smallest]} images, but "
                f"{examples} (k_shot + queries) are needed; add images or lower k_shot or the queries"
            )
