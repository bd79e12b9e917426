"""The classes that a comparison is tested on, and the proof that no candidate was trained on them."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from kshot.comparison.candidates import Candidate, ComparisonError
from trainer.artifact import TrainedEmbedding
from trainer.datasets import OPTIONS, Dataset, DatasetError, load_dataset
from trainer.datasets.dataset import ROTATION_MARK
from trainer.datasets.omniglot import EVALUATION_MARK
from trainer.datasets.pictures import parent_groups

log = logging.getLogger(__name__)

_NAMED = 5  # so many classes are named in a message
_ALL = "all classes of"
_ROTATION = re.compile(ROTATION_MARK + "(90|180|270)$")


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Test classes.

    Attributes
    ----------
    dataset : Dataset
        As they are, without rotations.
    rotations : bool
        Whether images turned by 90, 180 and 270 degrees are classes of their own, but for tasks within an alphabet.
    split : str
        Name of the split by which the candidates were trained.
    part : str
        Which classes these are, for people.
    """

    dataset: Dataset
    rotations: bool
    split: str
    part: str

    @cached_property
    def turned(self) -> Dataset:
        """With rotations if those count; the images of `dataset` come first, in their order."""
        return self.dataset.with_rotations() if self.rotations else self.dataset

    def alphabet(self, label: int) -> str:
        """Name of the group of a class: what stands before the class's own name."""
        parent = self.dataset.class_names[label].rpartition("/")[0]
        if parent or self.dataset.groups is None:
            return parent
        return f"group {self.dataset.groups[label]}"


def hold_out(
    candidates: Sequence[Candidate], *, source: str | None = None, invert: bool = False, rotations: bool | None = None
) -> HeldOut:
    """Choose the test classes.

    Parameters
    ----------
    candidates : sequence of Candidate
        At least one.
    source : str, optional
        Other data, all of whose classes test, as `load_dataset` names it. Otherwise the test classes of the split that
        the candidates were trained by, or the validation classes where it has none; if the training source now holds
        other data, with none of its classes, all of it.
    invert : bool
        Of a folder: dark ink on light ground.
    rotations : bool, optional
        By default whether the candidates were trained with rotations as classes.

    Raises
    ------
    ComparisonError
        If the candidates read images of different sizes or set different classes aside, nothing says which classes to
        test on, or a candidate was trained on one of them.
    DatasetError
        If the data cannot be used.
    """
    shapes = {candidate.input.shape for candidate in candidates}
    if len(shapes) > 1:
        raise ComparisonError(f"the artifacts read images of {_listed(map(str, shapes))}; only equal ones are compared")
    known = [candidate.trained for candidate in candidates if candidate.trained is not None]
    if source is None:
        dataset, part = _set_aside(candidates)
    else:
        dataset, part = _load_source(source, shapes.pop(), invert=invert), f"{_ALL} {source}"
    for trained in known:
        _check_untrained(trained, dataset, pictures=part.startswith(_ALL))
    splits = dict.fromkeys(trained.split.name or "unnamed" for trained in known)
    turned = _rotations(known) if rotations is None else rotations
    if dataset.groups is None:
        dataset = replace(dataset, groups=parent_groups(dataset.class_names))
    return HeldOut(dataset, turned, ", ".join(splits) or "unknown", part)


def _rotations(known: Sequence[TrainedEmbedding]) -> bool:
    found = {bool(trained.dataset.get("rotations")) for trained in known}
    if len(found) > 1:
        raise ComparisonError(
            "some artifacts were trained with rotations as classes and some without: say --rotations or --no-rotations"
        )
    return bool(found and found.pop())


def _load_source(source: str, input_shape: tuple[int, int, int], *, invert: bool) -> Dataset:
    allowed = OPTIONS.get(source.partition(":")[0], ())
    options = {"invert": True} if invert and "invert" in allowed else {}
    return load_dataset(source, input_shape=input_shape, **options)


def _set_aside(candidates: Sequence[Candidate]) -> tuple[Dataset, str]:
    """The classes that all candidates' trainings set aside, and what they are."""
    loaded: dict[str, Dataset] = {}
    chosen: list[tuple[Dataset, str]] = []
    for candidate in candidates:
        if candidate.trained is None:
            raise ComparisonError(
                f"{candidate.path} does not say what it was trained on: put its folder trained beside it, or name the "
                "test classes with --test-source"
            )
        source = {name: value for name, value in candidate.trained.dataset.items() if name != "rotations"}
        key = json.dumps(source, sort_keys=True)
        if key not in loaded:
            loaded[key] = load_dataset(**source)
        chosen.append(_part(candidate.trained, loaded[key]))
    (dataset, part), others = chosen[0], chosen[1:]
    for candidate, (other, _) in zip(candidates[1:], others, strict=True):
        if other.sha256 != dataset.sha256:
            raise ComparisonError(
                f"{candidates[0].path} and {candidate.path} set different classes aside; name classes that both have "
                "never seen with --test-source"
            )
    return dataset, part


def _part(trained: TrainedEmbedding, dataset: Dataset) -> tuple[Dataset, str]:
    """The classes of the data at hand that one training set aside."""
    part = "test" if trained.split.test else "validation"
    wanted = _characters(trained.split.test or trained.split.validation)
    if not wanted:
        raise ComparisonError(f"{trained.folder} set no classes aside; name others with --test-source")
    here = set(dataset.class_names)
    if wanted <= here:
        kept = [name for name in dataset.class_names if name in wanted]
        return dataset.subset(kept), f"{part} classes of split {trained.split.name or 'unnamed'}"
    if not here & (wanted | _characters(trained.split.train + trained.split.validation)):
        return dataset, f"{_ALL} {dataset.name}, none of which took part in training"
    lacking = sorted(wanted - here)[0]
    raise ComparisonError(
        f"{trained.folder} set class {lacking!r} aside, which {dataset.name} does not have; name the data to test on "
        "with --test-source"
    )


def _characters(class_names: Iterable[str]) -> set[str]:
    """Names without their rotation."""
    return {_ROTATION.sub("", name) for name in class_names}


def _check_untrained(trained: TrainedEmbedding, dataset: Dataset, *, pictures: bool) -> None:
    """Refuse classes that were trained on: those of the same name, or, if asked, with mostly the same pictures."""
    # Omniglot's evaluation set has its names marked where it was loaded along with the background set.
    seen = {name.removeprefix(EVALUATION_MARK) for name in _characters(trained.split.train)}
    same = [name for name in dataset.class_names if name.removeprefix(EVALUATION_MARK) in seen]
    if not same and pictures and (training := _training_data(trained)) is not None:
        same = _repeated(training, dataset)
    if same:
        raise ComparisonError(
            f"{trained.folder} was trained on {len(same)} of the {len(dataset.class_names)} classes of {dataset.name}: "
            f"{_listed(same)}; test on classes that it has never seen"
        )


def _training_data(trained: TrainedEmbedding) -> Dataset | None:
    """The images that were trained on, where they can be loaded again and are still the same."""
    source: Mapping[str, Any] = trained.dataset
    try:
        dataset = load_dataset(**source)
    except (DatasetError, OSError, TypeError) as error:
        log.info("%s: its training data is not here, only names are compared (%s)", trained.folder, error)
        return None
    return dataset.subset(trained.split.train) if dataset.sha256 == trained.dataset_sha256 else None


def _repeated(training: Dataset, dataset: Dataset) -> list[str]:
    """Classes of `dataset` more than half of whose pictures are among those of `training`.

    Single pictures may repeat by chance: Omniglot has a drawing twice.
    """
    seen = {_digest(image) for image in training.images}
    again = np.array([_digest(image) in seen for image in dataset.images])
    shares = np.bincount(dataset.labels, weights=again) / dataset.counts
    return [name for name, share in zip(dataset.class_names, shares, strict=True) if share > 0.5]


def _digest(image: npt.NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(image.tobytes()).digest()


def _listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    every = sorted(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
