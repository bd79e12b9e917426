"""Class-disjoint splits: what trains, what validates, and what is met only in tests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from trainer.artifact import Split
from trainer.datasets.dataset import ROTATION_MARK, Dataset, DatasetError
from trainer.datasets.omniglot import EVALUATION_MARK, validation_alphabets

GROUPS_THAT_SPLIT = 10
"""From so many groups on, a group's classes stay together; fewer could not be shared out evenly."""


def split_classes(
    dataset: Dataset,
    *,
    test: Dataset | None = None,
    validation_share: float = 0.15,
    test_share: float = 0.15,
    min_classes: int = 2,
    seed: int = 0,
) -> Split:
    """Share out the classes of a data set.

    Parameters
    ----------
    dataset : Dataset
        Omniglot is split as in its README's convention: the last five background alphabets validate, the other 25
        train, and the evaluation set, if it was loaded, tests. Other sets are split at random, the rotations of a
        class together, and whole groups together if there are ten or more.
    test : Dataset, optional
        Another set whose classes test, such as `digits` after training on `glyphs`; then all of `dataset` trains or
        validates.
    validation_share, test_share : float
        Shares of the classes; not used for Omniglot.
    min_classes : int
        The least number of classes in each part: n_way of the episodes drawn from it.
    seed : int

    Returns
    -------
    Split

    Raises
    ------
    DatasetError
        If there are too few classes for all parts, or both sets share a picture or a class's name.
    """
    if test is not None:
        _check_names_apart(dataset, test)
        check_pictures_apart(dataset, test)
    if dataset.name == "omniglot":
        split = _split_omniglot(dataset)
        return split if test is None else Split(split.train + split.test, split.validation, test.class_names)
    shares = (validation_share, 0.0 if test is not None else test_share)
    validation, tested, train = _draw(dataset, shares, min_classes=min_classes, rng=np.random.default_rng(seed))
    return Split(train, validation, tested if test is None else test.class_names)


def check_pictures_apart(first: Dataset, second: Dataset) -> None:
    """Check that no picture is in both sets.

    Raises
    ------
    DatasetError
        Names the files of both, or their classes where the pictures come from no file.
    """
    seen = {hashlib.sha256(image.tobytes()).digest(): i for i, image in enumerate(first.images)}
    for i, image in enumerate(second.images):
        match = seen.get(hashlib.sha256(image.tobytes()).digest())
        if match is not None:
            raise DatasetError(
                f"{first.describe(match)} and {second.describe(i)} are the same picture; "
                "what is tested must not be trained on"
            )


def _check_names_apart(first: Dataset, second: Dataset) -> None:
    """No class name is in both sets."""
    shared = sorted(set(first.class_names) & set(second.class_names))
    if shared:
        raise DatasetError(f"{first.name} and {second.name} both have a class {shared[0]!r}; rename one of them")


def _split_omniglot(dataset: Dataset) -> Split:
    """Split by alphabet."""
    last = validation_alphabets(dataset.class_names)
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for name in dataset.class_names:
        if name.startswith(EVALUATION_MARK):
            parts["test"].append(name)
        else:
            parts["validation" if name.split("/")[0] in last else "train"].append(name)
    if not parts["train"]:
        raise DatasetError(f"{dataset.name}: too few alphabets to train on some and validate on others")
    return Split(**{part: tuple(names) for part, names in parts.items()})


def _draw(
    dataset: Dataset, shares: Sequence[float], *, min_classes: int, rng: np.random.Generator
) -> list[tuple[str, ...]]:
    """Draw a part for each share, then the rest; names keep the data set's order. A share of 0 draws nothing."""
    names = np.array(dataset.class_names)
    keys = [name.split(ROTATION_MARK)[0] for name in dataset.class_names]
    if dataset.groups is not None and len(np.unique(dataset.groups)) >= GROUPS_THAT_SPLIT:
        keys = [str(group) for group in dataset.groups]
    _, unit = np.unique(keys, return_inverse=True)
    order = rng.permutation(unit.max() + 1)
    part_of_unit = np.full(len(order), len(shares))
    position = 0
    for part, share in enumerate(shares):
        wanted = max(min_classes, round(share * len(names))) if share else 0
        drawn = 0
        while drawn < wanted and position < len(order):
            part_of_unit[order[position]] = part
            drawn += int((unit == order[position]).sum())
            position += 1
    parts = [tuple(map(str, names[part_of_unit[unit] == part])) for part in range(len(shares) + 1)]
    if len(parts[-1]) < min_classes:
        raise DatasetError(
            f"{dataset.name}: {len(names)} classes are too few to train, validate and test on at least {min_classes} "
            "classes each; add classes, lower n_way, or name another data set to test on"
        )
    return parts
