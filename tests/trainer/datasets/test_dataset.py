"""`Dataset`: its invariants, subsets, rotations and checks."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.datasets import Dataset, DatasetError


def make(counts: tuple[int, ...] = (3, 2), side: int = 4, **changes: object) -> Dataset:
    labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    arguments: dict[str, object] = {
        "name": "toy",
        "images": np.random.default_rng(0).integers(0, 256, (len(labels), side, side, 1), dtype=np.uint8),
        "labels": labels,
        "class_names": tuple("abcdefgh"[: len(counts)]),
    }
    return Dataset(**{**arguments, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((5, 4, 4, 1), np.float32)}, "uint8"),
        ({"images": np.zeros((5, 4, 4, 2), np.uint8)}, "1 or 3"),
        ({"labels": np.zeros(5, np.int32)}, "int64"),
        ({"labels": np.zeros(4, np.int64)}, r"int64 \[5\]"),
        ({"labels": np.array([0, 0, 1, 1, 2])}, "outside"),
        ({"labels": np.array([0, 0, 1, 1, -1])}, "outside"),
        ({"labels": np.zeros(5, np.int64)}, "'b' has no images"),
        ({"class_names": ("a", "a")}, "both named 'a'"),
        ({"groups": np.zeros(3, np.int64)}, "groups"),
        ({"files": ("one.png",)}, "1 file names for 5 images"),
    ],
)
def test_inconsistent_arrays_are_refused(changes: dict[str, object], message: str) -> None:
    """Shapes, dtypes, labels and names must fit each other; the error says which does not."""
    with pytest.raises(DatasetError, match=message):
        make(**changes)


def test_images_are_read_only() -> None:
    """Episodes are indices into the images, so nobody may change them."""
    with pytest.raises(ValueError, match="read-only"):
        make().images[0] = 0


def test_subset_renumbers_in_the_order_given() -> None:
    """The classes of a subset are numbered as they were named; images, files and groups follow."""
    dataset = make((1, 2, 3), groups=np.array([7, 8, 9]), files=tuple("123456"))
    subset = dataset.subset(["c", "a"])
    assert subset.class_names == ("c", "a")
    assert subset.labels.tolist() == [1, 0, 0, 0]
    assert subset.groups is not None
    assert subset.groups.tolist() == [9, 7]
    assert subset.files == ("1", "4", "5", "6")
    np.testing.assert_array_equal(subset.images, dataset.images[[0, 3, 4, 5]])


def test_subset_of_an_unknown_class_is_refused() -> None:
    """The missing name is in the message."""
    with pytest.raises(DatasetError, match="no class 'z'"):
        make().subset(["a", "z"])


def test_rotations_are_classes_of_their_own() -> None:
    """Every class comes four times, turned counter-clockwise, in its class's group."""
    dataset = make(groups=np.array([4, 5]))
    turned = dataset.with_rotations()
    assert turned.class_names == ("a", "b", "a@90", "b@90", "a@180", "b@180", "a@270", "b@270")
    assert turned.counts.tolist() == [3, 2] * 4
    assert turned.groups is not None
    assert turned.groups.tolist() == [4, 5] * 4
    np.testing.assert_array_equal(turned.images[5 + 1], np.rot90(dataset.images[1]))
    np.testing.assert_array_equal(turned.images[15 + 4], np.rot90(dataset.images[4], 3))


def test_rotations_need_squares() -> None:
    """A picture that is not square has no rotation of the same shape."""
    with pytest.raises(DatasetError, match="4 x 5"):
        make(images=np.zeros((5, 4, 5, 1), np.uint8)).with_rotations()


def test_require_names_the_class_that_is_too_small() -> None:
    """Fewer examples than k_shot + queries, and fewer classes than n_way, are refused with the numbers."""
    dataset = make((3, 2))
    dataset.require(2)
    with pytest.raises(DatasetError, match=r"'b' has 2 images, but 3"):
        dataset.require(3)
    with pytest.raises(DatasetError, match="2 classes, but episodes of 5"):
        dataset.require(2, classes=5)


def test_sha256_tells_contents_apart() -> None:
    """The digest depends on pixels, labels and class names, and on nothing else."""
    dataset = make()
    assert dataset.sha256 == make(name="other").sha256
    pixel = dataset.images.copy()
    pixel[0, 0, 0, 0] ^= 1
    different = [make(images=pixel), make(class_names=("a", "c")), make(labels=np.array([0, 0, 1, 1, 1]))]
    assert len({d.sha256 for d in (dataset, *different)}) == 4
