"""`npz:PATH`: what an archive must hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.datasets import Dataset, DatasetError, load_dataset

IMAGES = np.arange(4 * 6 * 6, dtype=np.uint8).reshape(4, 6, 6)
LABELS = np.array([5, 2, 5, 2])


def load(path: Path, **arrays: Any) -> Dataset:
    np.savez(path / "set.npz", **arrays)
    return load_dataset(f"npz:{path / 'set.npz'}", input_shape=(6, 6, 1))


@pytest.mark.parametrize("keys", [("images", "labels"), ("x", "y")])
def test_labels_become_classes(tmp_path: Path, keys: tuple[str, str]) -> None:
    """Labels may have gaps; the classes are the values that occur, in order."""
    dataset = load(tmp_path, **dict(zip(keys, (IMAGES, LABELS), strict=True)))
    assert dataset.class_names == ("2", "5")
    assert dataset.labels.tolist() == [1, 0, 1, 0]
    np.testing.assert_array_equal(dataset.images[..., 0], IMAGES)


def test_class_names_are_used(tmp_path: Path) -> None:
    """Label i is ``class_names[i]``."""
    names = np.array(["zero", "one", "two", "three", "four", "five"])
    assert load(tmp_path, images=IMAGES, labels=LABELS, class_names=names).class_names == ("two", "five")


def test_floats_are_bytes_over_255(tmp_path: Path) -> None:
    """0..1 becomes 0..255, rounded."""
    np.testing.assert_array_equal(load(tmp_path, images=IMAGES / 255, labels=LABELS).images[..., 0], IMAGES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": IMAGES[:, :5]}, r"shape \[4, 5, 6\].*\[6, 6, 1\]"),
        ({"images": IMAGES.astype(np.int32)}, "int32"),
        ({"images": IMAGES / 100.0}, "within 0..1"),
        ({"images": np.where(np.arange(4)[:, None, None] == 2, np.nan, IMAGES / 255)}, "image 2 holds"),
        ({"labels": LABELS[:3]}, r"integers \[4\]"),
        ({"labels": LABELS.astype(float)}, "float64"),
        ({"labels": np.zeros(4, int)}, "1 class"),
        ({"class_names": np.array(["a", "b"])}, "labels run from 2 to 5"),
        ({"labels": np.array([{}, 1, 2, 3], dtype=object)}, "pickled"),
    ],
)
def test_arrays_that_cannot_be_learned_from_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """The message says which array, and what it must be."""
    with pytest.raises(DatasetError, match=message):
        load(tmp_path, **{"images": IMAGES, "labels": LABELS, **changes})


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    """The message lists the arrays that are there."""
    with pytest.raises(DatasetError, match="no array 'images' or 'x'; there are pixels, labels"):
        load(tmp_path, pixels=IMAGES, labels=LABELS)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"text"])
def test_a_damaged_archive_is_named(tmp_path: Path, content: bytes) -> None:
    """So is one that is no archive at all."""
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"broken\.npz: cannot be read"):
        load_dataset(f"npz:{path}")


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    """What numpy.save writes has no labels."""
    np.save(tmp_path / "one.npy", IMAGES)
    with pytest.raises(DatasetError, match="a single array"):
        load_dataset(f"npz:{tmp_path / 'one.npy'}")
