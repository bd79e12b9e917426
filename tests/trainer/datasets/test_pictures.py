"""`folder:PATH`: reading pictures of any kind, and refusing what cannot be learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.datasets import DatasetError, load_dataset
from trainer.datasets.pictures import read_picture

GREY, RGB = (8, 8, 1), (8, 8, 3)


def save(path: Path, value: int = 200, *, size: tuple[int, int] = (8, 8), mode: str = "L") -> Path:
    """A picture with one bright pixel more than its value, so that no two files are the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("L", size, value).convert(mode)
    picture.save(path)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two classes of two pictures in four formats."""
    save(tmp_path / "cat" / "1.png", 10)
    save(tmp_path / "cat" / "2.jpg", 20)
    save(tmp_path / "dog" / "1.bmp", 30)
    save(tmp_path / "dog" / "2.gif", 40)
    return tmp_path


def test_class_folders_become_classes(tree: Path) -> None:
    """Classes and files come in order of their names; hidden files are passed over."""
    (tree / "dog" / ".DS_Store").write_bytes(b"not a picture")
    dataset = load_dataset(f"folder:{tree}", input_shape=GREY)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(dataset.images[:, 4, 4, 0], [10, 20, 30, 40], atol=2)
    assert dataset.files is not None
    assert dataset.files[3] == str(tree / "dog" / "2.gif")
    assert dataset.groups is None


def test_nested_folders_are_groups(tmp_path: Path) -> None:
    """``ALPHABET/CLASS`` names the class, and the alphabet is its group."""
    for i, name in enumerate(("Greek/alpha", "Greek/beta", "Latin/a")):
        save(tmp_path / name / "1.png", i)
    dataset = load_dataset(f"folder:{tmp_path}", input_shape=GREY)
    assert dataset.class_names == ("Greek/alpha", "Greek/beta", "Latin/a")
    assert dataset.groups is not None
    assert dataset.groups.tolist() == [0, 0, 1]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "I"])
@pytest.mark.parametrize("shape", [GREY, RGB])
def test_every_mode_becomes_the_inputs_channels(tmp_path: Path, mode: str, shape: tuple[int, int, int]) -> None:
    """White is white in each mode that Pillow knows, grey or coloured."""
    if mode.startswith("I"):
        dtype = np.uint16 if mode == "I;16" else np.int32
        picture = Image.fromarray(np.full((8, 8), 65535, dtype=dtype))
    else:
        picture = Image.new("L", (8, 8), 255).convert(mode)
    file = tmp_path / ("white.tif" if mode in ("CMYK", "I") else "white.png")
    picture.save(file)
    assert read_picture(file, input_shape=shape).min() == 255


def test_aspect_is_kept_by_padding(tmp_path: Path) -> None:
    """A wide picture fills the width; ground comes above and below, dark also when inverted."""
    wide = save(tmp_path / "wide.png", 255, size=(40, 20))
    rows = read_picture(wide, input_shape=GREY)[:, 4, 0].tolist()
    assert rows == [0, 0, 255, 255, 255, 255, 0, 0]
    dark = save(tmp_path / "dark.png", 0, size=(40, 20))
    assert read_picture(dark, input_shape=GREY, invert=True)[:, 4, 0].tolist() == rows


def test_transparency_shows_the_ground(tmp_path: Path) -> None:
    """What is transparent is ground: dark, or light where the ink is dark."""
    file = tmp_path / "clear.png"
    Image.new("RGBA", (8, 8), (255, 255, 255, 0)).save(file)
    assert read_picture(file, input_shape=GREY).max() == 0
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(file)
    assert read_picture(file, input_shape=GREY, invert=True).max() == 0


@pytest.mark.parametrize("content", [b"", b"no picture at all", None])
def test_a_broken_picture_is_named(tree: Path, content: bytes | None) -> None:
    """Empty, foreign and truncated files are refused by name, not skipped."""
    broken = tree / "dog" / "3.png"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8)).save(broken)
    broken.write_bytes(broken.read_bytes()[:2000] if content is None else content)
    with pytest.raises(DatasetError, match=r"dog.3\.png: not a picture"):
        load_dataset(f"folder:{tree}", input_shape=GREY)


def test_the_same_file_in_two_classes_is_refused(tree: Path) -> None:
    """Both files are named: one of them would be tested on what it was trained on."""
    copy = tree / "dog" / "copy.png"
    copy.write_bytes((tree / "cat" / "1.png").read_bytes())
    with pytest.raises(DatasetError, match=r"cat.1\.png and .*dog.copy\.png are the same"):
        load_dataset(f"folder:{tree}", input_shape=GREY)


def test_one_class_is_refused(tmp_path: Path) -> None:
    """There is nothing to tell apart."""
    save(tmp_path / "only" / "1.png")
    with pytest.raises(DatasetError, match="1 class folders"):
        load_dataset(f"folder:{tmp_path}", input_shape=GREY)


def test_an_empty_class_is_named(tree: Path) -> None:
    """A class folder without a picture is a mistake, not a class."""
    (tree / "bird").mkdir()
    with pytest.raises(DatasetError, match="bird: a class folder without a picture"):
        load_dataset(f"folder:{tree}", input_shape=GREY)


def test_a_picture_outside_a_class_is_named(tree: Path) -> None:
    """In a nested set a picture beside class folders would be lost without a word."""
    save(tree / "birds" / "robin" / "1.png", 77)
    stray = save(tree / "birds" / "stray.png", 78)
    with pytest.raises(DatasetError, match=stray.name):
        load_dataset(f"folder:{tree}", input_shape=GREY)


def test_a_picture_needs_one_or_three_channels(tree: Path) -> None:
    """Two channels name no kind of picture."""
    with pytest.raises(DatasetError, match="1 channel or 3"):
        load_dataset(f"folder:{tree}", input_shape=(8, 8, 2))
