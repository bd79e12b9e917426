"""Which classes a comparison tests on, for trainings of many kinds; no network is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kshot.comparison.candidates import Candidate, ComparisonError
from kshot.comparison.held_out import hold_out
from trainer.artifact import InputSpec, Split, TrainedEmbedding
from trainer.datasets import Dataset, load_dataset

NAMES = tuple(f"{alphabet}/character{i:02}" for alphabet in "ABC" for i in range(1, 5))


def write(path: Path, names: tuple[str, ...] = NAMES, *, seed: int = 0, images: Any = None) -> Dataset:
    """A small set as npz:PATH."""
    if images is None:
        images = np.random.default_rng(seed).integers(0, 256, (3 * len(names), 8, 8, 1), dtype=np.uint8)
    np.savez(path, images=images, labels=np.repeat(np.arange(len(names)), 3), class_names=np.array(names))
    return load_dataset(f"npz:{path}", input_shape=(8, 8, 1))


def training(folder: Path, split: Split, **changes: Any) -> Candidate:
    """A candidate that was trained on folder/data.npz, rotations of its classes included if asked for."""
    rotations: Mapping[str, Any] = changes.pop("source", {})
    digest = changes.pop("digest", "0" * 64)
    trained = TrainedEmbedding(
        folder=folder / "trained",
        input=InputSpec((8, 8, 1)),
        embedding_len=4,
        learner="prototypical",
        backbone="conv4",
        dataset={"source": f"npz:{folder / 'data.npz'}", "input_shape": [8, 8, 1], **rotations},
        dataset_sha256=digest,
        split=split,
        seed=0,
    )
    return Candidate(str(folder.name), folder / "trained", replace(trained, **changes), None, measures_float=True)


def turned(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}{turn}" for turn in ("", "@90", "@180", "@270") for name in names)


def test_test_classes_come_first_and_validation_stands_in(tmp_path: Path) -> None:
    """In the data set's order, and without their rotations, which come from the training's own choice."""
    write(tmp_path / "data.npz")
    split = Split(turned(NAMES[:4]), turned(NAMES[4:6]), turned(NAMES[:7:-1]), "vinyals")
    found = hold_out([training(tmp_path, split, source={"rotations": True})])
    assert found.dataset.class_names == NAMES[8:]
    assert (found.part, found.split, found.rotations) == ("test classes of split vinyals", "vinyals", True)
    assert found.turned.class_names[4] == f"{NAMES[8]}@90"
    np.testing.assert_array_equal(found.turned.images[:12], found.dataset.images)
    assert [found.alphabet(label) for label in range(4)] == ["C"] * 4
    found = hold_out([training(tmp_path, replace(split, test=(), name=""))], rotations=False)
    assert found.dataset.class_names == NAMES[4:6]
    assert (found.part, found.rotations) == ("validation classes of split unnamed", False)
    assert found.turned is found.dataset


def test_nothing_set_aside_asks_for_a_source(tmp_path: Path) -> None:
    """A training on everything names no classes to test on."""
    write(tmp_path / "data.npz")
    with pytest.raises(ComparisonError, match="set no classes aside; name others with --test-source"):
        hold_out([training(tmp_path, Split(NAMES))])


def test_other_data_at_the_source_is_tested_whole(tmp_path: Path) -> None:
    """Where none of the training's classes is there; a set that has some of them, but not those, is refused."""
    new = tuple(name.replace("A/", "D/").replace("B/", "E/").replace("C/", "F/") for name in NAMES)
    dataset = write(tmp_path / "data.npz", new)
    candidate = training(tmp_path, Split(NAMES[:8], NAMES[8:]))
    found = hold_out([candidate])
    assert found.dataset.sha256 == dataset.sha256
    assert found.part.startswith("all classes of npz:")
    assert found.dataset.groups is not None
    assert found.dataset.groups.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    write(tmp_path / "data.npz", (*NAMES[:2], *new))
    with pytest.raises(ComparisonError, match=f"set class '{NAMES[8]}' aside, which npz:.* does not have"):
        hold_out([candidate])


def test_candidates_must_have_set_the_same_classes_aside(tmp_path: Path) -> None:
    """Otherwise one would be tested on what it was trained on; named classes must be new to all."""
    write(tmp_path / "data.npz")
    first = training(tmp_path, Split(NAMES[:8], (), NAMES[8:]))
    second = training(tmp_path, Split(NAMES[4:], (), NAMES[:4]))
    assert hold_out([first, first]).dataset.class_names == NAMES[8:]
    with pytest.raises(ComparisonError, match="set different classes aside"):
        hold_out([first, second])
    write(tmp_path / "test.npz", (*NAMES[8:], "new"), seed=1)
    source = f"npz:{tmp_path / 'test.npz'}"
    assert len(hold_out([first], source=source).dataset.class_names) == 5
    with pytest.raises(ComparisonError, match=r"was trained on 4 of the 5 classes of npz:.*C/character01"):
        hold_out([first, second], source=source)


def test_trained_classes_are_found_by_name_whatever_their_mark(tmp_path: Path) -> None:
    """A rotation in training, and Omniglot's mark of the evaluation set, hide nothing."""
    write(tmp_path / "test.npz", ("A/character01", "new"))
    source = f"npz:{tmp_path / 'test.npz'}"
    for name in ("A/character01@90", "evaluation/A/character01", "evaluation/A/character01@270"):
        with pytest.raises(ComparisonError, match="trained on 1 of the 2 classes"):
            hold_out([training(tmp_path, Split((name, "other")))], source=source)
    assert hold_out([training(tmp_path, Split(("A/character01@home", "other")))], source=source)


def test_trained_pictures_are_found_under_other_names(tmp_path: Path) -> None:
    """While the training data is there and unchanged; a few equal pictures are no reason to refuse."""
    data = write(tmp_path / "data.npz")
    candidate = training(tmp_path, Split(NAMES[:8]), digest=data.sha256)
    fresh = np.random.default_rng(5).integers(0, 256, data.images[:6].shape, dtype=np.uint8)
    fresh[0] = data.images[0]
    fresh[3:5] = data.images[:2]
    write(tmp_path / "test.npz", ("mostly new", "mostly old"), images=fresh)
    source = f"npz:{tmp_path / 'test.npz'}"
    with pytest.raises(ComparisonError, match=r"trained on 1 of the 2 classes of npz:.*: mostly old; test on"):
        hold_out([candidate], source=source)
    fresh[4] = fresh[5] // 2
    write(tmp_path / "test.npz", ("mostly new", "mostly old"), images=fresh)
    assert hold_out([candidate], source=source)


def test_trainings_that_disagree_on_rotations_or_size_are_refused(tmp_path: Path) -> None:
    """Rotations can be settled by the user, the size of the images cannot."""
    write(tmp_path / "data.npz")
    split = Split(NAMES[:8], (), NAMES[8:])
    plain, with_turns = training(tmp_path, split), training(tmp_path, split, source={"rotations": True})
    with pytest.raises(ComparisonError, match="say --rotations or --no-rotations"):
        hold_out([plain, with_turns])
    assert hold_out([plain, with_turns], rotations=True).rotations
    large = training(tmp_path, split, input=InputSpec((9, 9, 1)))
    with pytest.raises(ComparisonError, match="only equal ones are compared"):
        hold_out([plain, large])
