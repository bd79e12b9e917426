"""Class-disjoint splits: what trains, what validates, and what is met only in tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from trainer.artifact import Split
from trainer.datasets.dataset import ROTATION_MARK, Dataset, DatasetError
from trainer.datasets.omniglot import EVALUATION_MARK, validation_alphabets
from trainer.datasets.vinyals import read_lists, split_by_lists

DEFAULT = "default"
SPLITS = (DEFAULT, "background/evaluation", "vinyals", "folders")
"""Names of splits; see `split_classes`."""

LOADING: Mapping[str, Mapping[str, bool]] = {
    "background/evaluation": {"evaluation": True},
    "vinyals": {"evaluation": True, "rotations": True},
}
"""How Omniglot must be loaded for a split that goes beyond the background set."""

GROUPS_THAT_SPLIT = 10
"""From so many groups on, a group's classes stay together; fewer could not be shared out evenly."""


def split_classes(
    dataset: Dataset,
    *,
    named: str = DEFAULT,
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
    named : str
        ``default``: of Omniglot, the last five background alphabets validate, the other 25 train, and the evaluation
        set, if it was loaded, tests; other sets are split at random, the rotations of a class together, and whole
        groups together if there are ten or more. ``background/evaluation``: Omniglot as Lake et al. (2015) split it,
        30 alphabets to train on and the evaluation set to test on. ``vinyals``: Omniglot as `trainer.datasets.vinyals`
        says. ``folders``: a folder of pictures whose folders ``train``, ``validation`` and ``test`` hold the classes
        of each part; ``train`` must be there.
    test : Dataset, optional
        Another set whose classes test, such as `digits` after training on `glyphs`; then all of `dataset` trains or
        validates. A named split that has test classes of its own takes no other set.
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
        If there are too few classes for all parts, both sets share a picture or a class's name, or the split is not
        one of this data set.
    """
    if named not in SPLITS:
        raise DatasetError(f"no split is named {named!r}; there are {', '.join(SPLITS)}")
    if named != DEFAULT:
        return _named_split(dataset, named, test)
    if test is not None:
        _check_names_apart(dataset, test)
        check_pictures_apart(dataset, test)
    if dataset.name == "omniglot":
        split = _split_omniglot(dataset)
        return split if test is None else Split(split.train + split.test, split.validation, test.class_names, DEFAULT)
    shares = (validation_share, 0.0 if test is not None else test_share)
    validation, tested, train = _draw(dataset, shares, min_classes=min_classes, rng=np.random.default_rng(seed))
    return Split(train, validation, tested if test is None else test.class_names, DEFAULT)


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


def _named_split(dataset: Dataset, named: str, test: Dataset | None) -> Split:
    """Share out the classes by a rule that belongs to one kind of data set."""
    kind = "folder" if named == "folders" else "omniglot"
    if dataset.name.partition(":")[0] != kind:
        raise DatasetError(f"split {named} is one of {kind}, not of {dataset.name}; leave split at {DEFAULT!r}")
    if named == "vinyals":
        split = split_by_lists(dataset, read_lists())
    elif named == "folders":
        split = _split_folders(dataset)
    else:
        split = _split_evaluation(dataset)
    if test is None:
        return split
    if split.test:
        raise DatasetError(
            f"split {named} has test classes of its own, and {test.name} is named to test on, too: set test_source to "
            f'"", or split to "{DEFAULT}"'
        )
    _check_names_apart(dataset, test)
    check_pictures_apart(dataset, test)
    return Split(split.train, split.validation, test.class_names, named)


def _split_evaluation(dataset: Dataset) -> Split:
    """The background set trains, the evaluation set tests."""
    train = tuple(name for name in dataset.class_names if not name.startswith(EVALUATION_MARK))
    test = tuple(name for name in dataset.class_names if name.startswith(EVALUATION_MARK))
    if not (train and test):
        raise DatasetError(
            f"{dataset.name}: split background/evaluation needs both sets; 'kshot data get omniglot' fetches them"
        )
    return Split(train, (), test, "background/evaluation")


def _split_folders(dataset: Dataset) -> Split:
    """The first folder of a class's name is its part; the rest of the name must occur in one part only."""
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    home: dict[str, str] = {}
    for name in dataset.class_names:
        part, _, rest = name.partition("/")
        if part not in parts or not rest:
            raise DatasetError(
                f"{dataset.name}: {name!r} lies in none of the folders {', '.join(parts)}; split folders asks for them"
            )
        if home.setdefault(rest, part) != part:
            raise DatasetError(
                f"{dataset.name}: class {rest!r} is in both {home[rest]} and {part}; "
                "what is tested must not be trained on"
            )
        parts[part].append(name)
    if not parts["train"]:
        raise DatasetError(f"{dataset.name}: the folder train is missing or empty, nothing could be learned from")
    return Split(**{part: tuple(names) for part, names in parts.items()}, name="folders")


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
    return Split(**{part: tuple(names) for part, names in parts.items()}, name=DEFAULT)


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
