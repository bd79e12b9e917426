"""`omniglot`: both layouts, its split, and where it is looked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.datasets import DatasetError, load_dataset, split_classes
from trainer.datasets.omniglot import SCAN_LEN, shrink

ALPHABETS = tuple("ABCDEFG")


def drawing(seed: int) -> np.ndarray:
    """Ink, bool [105, 105]."""
    rng = np.random.default_rng(seed)
    ink = np.zeros((SCAN_LEN, SCAN_LEN), bool)
    ink[rng.integers(20, 80, 40), rng.integers(20, 80, 40)] = True
    return ink


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """Seven alphabets of two characters, three drawers each, and an evaluation set of two alphabets."""
    for part, alphabets in (("images_background", ALPHABETS), ("images_evaluation", ("X", "Y"))):
        for a, alphabet in enumerate(alphabets):
            for character in (1, 2):
                folder = tmp_path / "omniglot" / part / alphabet / f"character{character:02}"
                folder.mkdir(parents=True)
                for drawer in range(3):
                    ink = drawing(a * 100 + character * 10 + drawer + (7000 if "evaluation" in part else 0))
                    Image.fromarray(~ink).save(folder / f"{a:04}_{drawer:02}.png")
    return tmp_path


def pack(official: Path) -> Path:
    """The background set in the packed layout."""
    files = sorted((official / "omniglot" / "images_background").rglob("*.png"))
    names = sorted({f"{f.parts[-3]}/{f.parts[-2]}" for f in files})
    bits = np.stack([~np.asarray(Image.open(f)).astype(bool) for f in files])
    packed = official / "packed"
    packed.mkdir()
    np.savez(
        packed / "omniglot_background.npz",
        images=np.packbits(bits.reshape(len(bits), -1), axis=1),
        label=np.array([names.index(f"{f.parts[-3]}/{f.parts[-2]}") for f in files]),
        class_name=np.array(names),
        class_alphabet=np.array([ALPHABETS.index(name[0]) for name in names]),
    )
    return packed


def test_both_layouts_hold_the_same_set(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Official folders and the packed file give the same pictures, names and alphabets."""
    packed = load_dataset("omniglot", path=str(pack(official)))
    monkeypatch.setenv("KSHOT_DATA", str(official))
    folders = load_dataset("omniglot")
    assert folders.sha256 == packed.sha256
    assert folders.groups is not None
    assert packed.groups is not None
    assert folders.groups.tolist() == packed.groups.tolist() == [g for g in range(7) for _ in range(2)]
    assert folders.images.shape == (42, 28, 28, 1)
    assert folders.images[:, 0].max() == 0


def test_the_last_five_alphabets_validate(official: Path) -> None:
    """Rotations stay with their character, and the evaluation set is met only in tests."""
    dataset = load_dataset("omniglot", path=str(official), rotations=True, evaluation=True)
    split = split_classes(dataset)
    assert {name[0] for name in split.train} == {"A", "B"}
    assert {name[0] for name in split.validation} == set("CDEFG")
    assert {name.split("/")[1] for name in split.test} == {"X", "Y"}
    assert (len(split.train), len(split.validation), len(split.test)) == (16, 40, 16)
    assert "evaluation/X/character01@180" in split.test


def test_the_packed_file_has_no_evaluation_set(official: Path) -> None:
    """The message says how to get it."""
    with pytest.raises(DatasetError, match="kshot data get omniglot"):
        load_dataset("omniglot", path=str(pack(official)), evaluation=True)


def test_missing_data_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways: download it, or name its folder."""
    monkeypatch.setenv("KSHOT_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=r"kshot data get omniglot.*KSHOT_DATA"):
        load_dataset("omniglot")


def test_a_damaged_packed_file_is_named(tmp_path: Path) -> None:
    """It is not taken for a missing one."""
    (tmp_path / "omniglot_background.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(DatasetError, match=r"omniglot_background\.npz: not the packed Omniglot"):
        load_dataset("omniglot", path=str(tmp_path))


def test_shrinking_counts_ink_by_area() -> None:
    """All ink is 255, and a half-covered pixel is half as light."""
    ink = np.ones((1, SCAN_LEN, SCAN_LEN), bool)
    assert shrink(ink, side=28).min() == 255
    ink[:, :, 52:] = False
    assert shrink(ink, side=1)[0, 0, 0, 0] == round(255 * 52 / 105)


@pytest.mark.needs("omniglot")
def test_the_real_background_set_has_its_published_size() -> None:
    """964 characters of 20 drawings; 25 alphabets train and five validate."""
    dataset = load_dataset("omniglot")
    assert dataset.counts.tolist() == [20] * 964
    split = split_classes(dataset)
    assert sorted({name.split("/")[0].split("_")[0] for name in split.validation}) == [
        "Ojibwe",
        "Sanskrit",
        "Syriac",
        "Tagalog",
        "Tifinagh",
    ]
    assert len(split.train) + len(split.validation) == 964
