"""`split_classes`: disjoint, large enough, repeatable; and `load_dataset`'s and `contact_sheet`'s manners."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.datasets import Dataset, DatasetError, load_dataset, split_classes
from trainer.datasets.contact_sheet import contact_sheet


def make(classes: int, *, name: str = "npz:toy", seed: int = 0, groups: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    return Dataset(
        name=name,
        images=rng.integers(0, 256, (2 * classes, 8, 8, 1), dtype=np.uint8),
        labels=np.repeat(np.arange(classes), 2),
        class_names=tuple(f"{name} {i}" for i in range(classes)),
        groups=np.arange(classes) % groups if groups else None,
    )


def test_parts_are_disjoint_and_complete() -> None:
    """Every class is in one part; the shares are kept; the seed decides which."""
    dataset = make(40)
    split = split_classes(dataset, validation_share=0.2, test_share=0.1)
    assert (len(split.train), len(split.validation), len(split.test)) == (28, 8, 4)
    assert sorted(split.train + split.validation + split.test) == sorted(dataset.class_names)
    assert split == split_classes(dataset, validation_share=0.2, test_share=0.1)
    assert split != split_classes(dataset, validation_share=0.2, test_share=0.1, seed=1)


def test_small_sets_still_leave_enough_for_an_episode() -> None:
    """Each part has at least as many classes as an episode needs, or the split is refused."""
    split = split_classes(make(15), min_classes=5)
    assert (len(split.train), len(split.validation), len(split.test)) == (5, 5, 5)
    with pytest.raises(DatasetError, match=r"14 classes are too few.*5 classes each"):
        split_classes(make(14), min_classes=5)


def test_another_set_tests() -> None:
    """With a test set, all classes train or validate."""
    digits = make(10, name="npz:digits", seed=1)
    split = split_classes(make(20), test=digits)
    assert split.test == digits.class_names
    assert len(split.train) + len(split.validation) == 20


def test_rotations_and_groups_stay_together() -> None:
    """A turned class, and a whole group where there are many, is on one side of the split."""
    turned = split_classes(make(20).with_rotations())
    assert not {n.split("@")[0] for n in turned.train} & {n.split("@")[0] for n in turned.validation + turned.test}
    grouped = make(60, groups=12)
    assert grouped.groups is not None
    group_of = dict(zip(grouped.class_names, grouped.groups.tolist(), strict=True))
    split = split_classes(grouped)
    parts = [{group_of[name] for name in part} for part in (split.train, split.validation, split.test)]
    assert sum(map(len, parts)) == 12


def test_the_same_picture_in_training_and_test_names_both_files(tmp_path: Path) -> None:
    """Also when one is a .png and the other a .bmp: what counts is what the network sees."""
    rng = np.random.default_rng(0)
    for i, name in enumerate(("train/a/1.png", "train/b/1.png", "test/c/1.png", "test/d/1.bmp")):
        (tmp_path / name).parent.mkdir(parents=True)
        pixels = rng.integers(0, 256, (8, 8), dtype=np.uint8) if i != 3 else Image.open(tmp_path / "train/b/1.png")
        Image.fromarray(np.asarray(pixels)).save(tmp_path / name)
    train, test = (load_dataset(f"folder:{tmp_path / part}", input_shape=(8, 8, 1)) for part in ("train", "test"))
    with pytest.raises(DatasetError, match=r"train.b.1\.png and .*test.d.1\.bmp are the same picture"):
        split_classes(train, test=test)


def test_the_same_class_name_in_both_sets_is_refused() -> None:
    """A split is a list of names, so they must differ."""
    with pytest.raises(DatasetError, match="both have a class 'npz:toy 0'"):
        split_classes(make(20), test=make(5, seed=3))


def test_omniglot_with_too_few_alphabets_is_refused() -> None:
    """Five alphabets validate; nothing would train."""
    dataset = replace(make(3, name="omniglot"), class_names=("A/character01", "B/character01", "C/character01"))
    with pytest.raises(DatasetError, match="too few alphabets"):
        split_classes(dataset)


def test_background_and_evaluation() -> None:
    """Lake's split: all of the background set trains, and the evaluation set is met only in tests."""
    names = ("A/character01", "B/character01", "evaluation/X/character01", "evaluation/X/character02")
    dataset = replace(make(4, name="omniglot"), class_names=names).with_rotations()
    split = split_classes(dataset, named="background/evaluation")
    assert (len(split.train), split.validation, len(split.test)) == (8, (), 8)
    assert all(name.startswith("evaluation/") for name in split.test)
    assert split.name == "background/evaluation"
    with pytest.raises(DatasetError, match=r"needs both sets.*kshot data get omniglot"):
        split_classes(dataset.subset(split.train), named="background/evaluation")


def in_folders(*names: str) -> Dataset:
    return replace(make(len(names), name="folder:photos"), class_names=names)


def test_folders_of_the_user() -> None:
    """The first folder of a class is its part; deeper folders, such as alphabets, stay in the name."""
    split = split_classes(in_folders("test/owl", "train/A/cat", "train/A/dog", "validation/emu"), named="folders")
    assert split.train == ("train/A/cat", "train/A/dog")
    assert (split.validation, split.test, split.name) == (("validation/emu",), ("test/owl",), "folders")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("train/cat", "val/dog"), "'val/dog' lies in none of the folders train, validation, test"),
        (("train/cat", "train"), "'train' lies in none"),
        (("test/cat", "train/cat"), "class 'cat' is in both test and train"),
        (("test/cat", "validation/dog"), "folder train is missing"),
    ],
)
def test_folders_that_are_no_split_are_refused(names: tuple[str, ...], message: str) -> None:
    """Another folder, a class in two parts, nothing to train on."""
    with pytest.raises(DatasetError, match=message):
        split_classes(in_folders(*names), named="folders")


def test_a_folder_split_without_test_takes_another_set() -> None:
    """Then the other set's classes test; with classes of its own the split refuses a second set."""
    owls = make(3, name="npz:owls", seed=1)
    split = split_classes(in_folders("train/cat", "train/dog"), named="folders", test=owls)
    assert split.test == owls.class_names
    with pytest.raises(DatasetError, match="has test classes of its own, and npz:owls"):
        split_classes(in_folders("train/cat", "test/dog"), named="folders", test=owls)


def test_a_named_split_belongs_to_one_kind_of_data() -> None:
    """A split of Omniglot over other data, and a name that does not exist, say what would work."""
    for named in ("vinyals", "background/evaluation"):
        with pytest.raises(DatasetError, match=f"split {named} is one of omniglot, not of npz:toy"):
            split_classes(make(20), named=named)
    with pytest.raises(DatasetError, match="split folders is one of folder"):
        split_classes(make(20), named="folders")
    with pytest.raises(DatasetError, match="no split is named 'lake'; there are default, background/evaluation"):
        split_classes(make(20), named="lake")


@pytest.mark.parametrize(
    ("source", "hint"),
    [("glyph", "did you mean glyphs"), ("folder", "folder:PATH"), ("omniglott", "omniglot"), ("npz:", "npz:PATH")],
)
def test_an_unknown_source_gets_a_hint(source: str, hint: str) -> None:
    """The message lists the sources and guesses the one that was meant."""
    with pytest.raises(DatasetError, match=hint):
        load_dataset(source)


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    """Options of one source are not silently dropped by another."""
    with pytest.raises(DatasetError, match=r"folder: no option 'rotations'; there are: invert"):
        load_dataset(f"folder:{tmp_path}", rotations=True)


def test_a_contact_sheet_has_a_row_for_each_class() -> None:
    """Every picture in a row is one of that class."""
    dataset = make(3)
    sheet = contact_sheet(dataset, rng=np.random.default_rng(0), examples=5, gap=2)
    assert sheet.shape == (3 * 10, 2 * 10, 1)
    for row, label in enumerate((0, 1, 2)):
        shown = {sheet[row * 10 : row * 10 + 8, x : x + 8].tobytes() for x in (0, 10)}
        assert shown == {image.tobytes() for image in dataset.images[dataset.labels == label]}
