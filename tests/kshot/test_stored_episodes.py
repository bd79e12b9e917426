"""The tasks of a comparison over all kinds of test classes: what is drawn, what is skipped, what is stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kshot.comparison.candidates import ComparisonError
from kshot.comparison.episodes import TASKS, Wanted, episode_list, parse_task
from kshot.comparison.held_out import HeldOut
from kshot.evaluation import Task
from trainer.datasets import Dataset

FEW = Wanted(episodes=6)


def held_out(classes: int, *, each: int = 10, groups: int = 0, rotations: bool = False) -> HeldOut:
    rng = np.random.default_rng(0)
    dataset = Dataset(
        name="npz:toy",
        images=rng.integers(0, 256, (classes * each, 4, 4, 1), dtype=np.uint8),
        labels=np.repeat(np.arange(classes), each),
        class_names=tuple(f"class {i}" for i in range(classes)),
        groups=np.arange(classes) % groups if groups else None,
    )
    return HeldOut(dataset, rotations, "default", "all classes of npz:toy")


def test_task_names_are_read() -> None:
    """A task within an alphabet says so at its beginning."""
    assert parse_task("20w5s") == (Task(20, 5), False)
    assert parse_task("within-alphabet-20w1s") == (Task(20, 1), True)
    with pytest.raises(ValueError, match="is not written like 5w1s"):
        parse_task("20w1s-within-alphabet")


def test_the_same_classes_give_the_same_list(tmp_path: Path) -> None:
    """A task's episodes depend on data, seed and task, not on what else is drawn; each list has a name of its own."""
    everything = episode_list(held_out(40, groups=2), FEW, folder=tmp_path / "a")
    alone = episode_list(held_out(40, groups=2), Wanted(("20w1s",), episodes=6), folder=tmp_path / "b")
    assert list(everything.episodes.tasks) == list(TASKS)
    for mine, theirs in zip(everything.episodes.tasks["20w1s"], alone.episodes.tasks["20w1s"], strict=True):
        np.testing.assert_array_equal(mine.support, theirs.support)
    assert everything.file.name != alone.file.name
    other = episode_list(held_out(40, groups=2), Wanted(seed=2, episodes=6), folder=tmp_path / "a")
    assert other.file != everything.file
    assert (other.episodes.tasks["5w1s"][0].support != everything.episodes.tasks["5w1s"][0].support).any()
    again = episode_list(held_out(40, groups=2), FEW, folder=tmp_path / "a")
    assert (again.file, again.skipped) == (everything.file, ())


def test_rotations_multiply_the_classes_but_not_within_an_alphabet(tmp_path: Path) -> None:
    """Five characters are twenty classes; an alphabet of five stays too small."""
    drawn = episode_list(held_out(5, groups=1, rotations=True), FEW, folder=tmp_path)
    assert list(drawn.episodes.tasks) == ["5w1s", "5w5s", "20w1s", "20w5s"]
    assert len(drawn.skipped) == 1
    assert "within-alphabet-20w1s is skipped: npz:toy: 5 classes" in drawn.skipped[0]


def test_what_a_task_lacks_is_said(tmp_path: Path) -> None:
    """Classes, images, or alphabets; numbered groups are named by their number."""
    drawn = episode_list(held_out(25, each=6), FEW, folder=tmp_path)
    assert list(drawn.episodes.tasks) == ["5w1s", "20w1s"]
    reasons = dict(line.split(" is skipped: ") for line in drawn.skipped)
    assert list(reasons) == ["5w5s", "20w5s", "within-alphabet-20w1s"]
    assert "has 6 images, but 10 (k_shot + queries) are needed" in reasons["5w5s"]
    assert reasons["within-alphabet-20w1s"] == "npz:toy: no alphabet has 20 characters"
    ragged = held_out(30)
    dataset = Dataset(
        ragged.dataset.name,
        ragged.dataset.images,
        ragged.dataset.labels,
        ragged.dataset.class_names,
        np.repeat([0, 1, 2], [22, 5, 3]),
    )
    drawn = episode_list(HeldOut(dataset, False, "", ""), FEW, folder=tmp_path)
    assert drawn.skipped == (
        "within-alphabet-20w1s leaves out alphabets of fewer than 20 characters: "
        "group 1 (5 characters), group 2 (3 characters)",
    )


@pytest.mark.parametrize("classes", [1, 4])
def test_too_few_classes_for_any_task_are_refused(tmp_path: Path, classes: int) -> None:
    """One class, or four, allow no task of five; nothing is stored."""
    with pytest.raises(ComparisonError, match=f"nothing can be measured: 5w1s is skipped: npz:toy: {classes} classes"):
        episode_list(held_out(classes), FEW, folder=tmp_path / "lists")
    assert not (tmp_path / "lists").exists()


def test_a_named_list_decides_what_was_not_asked_for(tmp_path: Path) -> None:
    """Its seed, episodes and tasks; what is missing of the usual tasks is said."""
    file = tmp_path / "my.npz"
    episode_list(held_out(8), Wanted(("5w1s", "6w2s"), 7, 9, 3), folder=tmp_path, file=file)
    found = episode_list(held_out(8), Wanted(), folder=tmp_path, file=file)
    assert (found.episodes.protocol.seed, found.episodes.protocol.episodes, found.episodes.protocol.n_query) == (
        7,
        9,
        3,
    )
    assert list(found.episodes.tasks) == ["5w1s", "6w2s"]
    assert found.skipped == tuple(f"{task} is not in {file}" for task in TASKS[1:])
    some = episode_list(held_out(8), Wanted(("6w2s",)), folder=tmp_path, file=file)
    assert list(some.episodes.tasks) == ["6w2s"]
    with pytest.raises(ComparisonError, match="holds no episodes of 7w1s"):
        episode_list(held_out(8), Wanted(("7w1s",)), folder=tmp_path, file=file)
