"""The stored list of episodes: read back as written, and refused when it is of other data or damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.artifact import ArtifactError
from trainer.episode_list import EpisodeList, Protocol
from trainer.episodes import EpisodeSampler

LABELS = np.repeat(np.arange(6), 5)
PROTOCOL = Protocol(dataset_sha256="a" * 64, rotations=False, seed=3, episodes=4, n_query=2)


def drawn() -> EpisodeList:
    rng = np.random.default_rng(0)
    tasks = {
        f"{way}w{shot}s": [EpisodeSampler(LABELS, n_way=way, k_shot=shot, n_query=2).sample(rng) for _ in range(4)]
        for way, shot in [(2, 1), (5, 3)]
    }
    return EpisodeList(PROTOCOL, tasks)


def load(path: Path, **changes: Any) -> EpisodeList:
    return EpisodeList.load(path, **({"dataset_sha256": "a" * 64, "rotations": False, "labels": LABELS} | changes))


def test_a_list_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Protocol, tasks in order and every index; the same list gives the same bytes, and nothing else is left behind."""
    for name in ("one.npz", "two.npz"):
        drawn().save(tmp_path / "deeper" / name)
    assert (tmp_path / "deeper/one.npz").read_bytes() == (tmp_path / "deeper/two.npz").read_bytes()
    assert len(list((tmp_path / "deeper").iterdir())) == 2
    found, wanted = load(tmp_path / "deeper/one.npz"), drawn()
    assert found.protocol == wanted.protocol
    assert list(found.tasks) == ["2w1s", "5w3s"]
    for task, episodes in wanted.tasks.items():
        for mine, theirs in zip(episodes, found.tasks[task], strict=True):
            for name in ("classes", "support", "query"):
                np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


def test_a_list_of_other_data_is_refused(tmp_path: Path) -> None:
    """Another digest, or other classes by rotation: both are told from damage."""
    drawn().save(tmp_path / "list.npz")
    with pytest.raises(ArtifactError, match=r"other data \(SHA-256 aaaaaaaaaaaa\.\.\., not bbbbbbbbbbbb"):
        load(tmp_path / "list.npz", dataset_sha256="b" * 64)
    with pytest.raises(ArtifactError, match="without rotations as classes; name another file"):
        load(tmp_path / "list.npz", rotations=True)


def with_header(**changes: object) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        header = json.loads(str(arrays["header"])) | changes
        arrays["header"] = np.array(json.dumps({k: v for k, v in header.items() if v is not None}))

    return change


def with_array(name: str, make: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name] = make(arrays[name])

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_header(format="other"), "is no list of episodes"),
        (with_header(version=9), "has version 9, this kshot reads 1"),
        (with_header(seed=None), "is damaged"),
        (with_header(colour=1), "is damaged"),
        (with_header(episodes=1), "1 episodes with 2 queries"),
        (with_header(tasks=["7w1s"]), "is damaged: .*7w1s"),
        (with_header(n_query=3), "described are others"),
        (lambda arrays: arrays.pop("header"), "is damaged"),
        (with_array("2w1s/support", lambda a: a.astype(np.int64)), "not int32"),
        (with_array("2w1s/support", lambda a: a[:3]), "described are others"),
        (with_array("2w1s/support", lambda a: a[0]), "is damaged"),
        (with_array("5w3s/query", lambda a: a + 30), "an image beyond the 30"),
        (with_array("5w3s/query", lambda a: -a - 1), "an image beyond the 30"),
        (with_array("2w1s/classes", lambda a: a[:, ::-1]), "another class than its episode says"),
        (with_array("2w1s/query", lambda a: np.repeat(a[:, :, :1], 2, axis=2)), "occurs twice"),
    ],
)
def test_a_changed_list_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str) -> None:
    """Every episode is checked against the images before anything is measured."""
    path = tmp_path / "list.npz"
    drawn().save(path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    change(arrays)
    np.savez(path, **arrays)
    with pytest.raises(ArtifactError, match=message):
        load(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text", None])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Empty, cut short, or some other file; a missing one names the command."""
    path = tmp_path / "list.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtifactError, match="cannot be read as a list" if content is not None else "kshot compare"):
        load(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(ArtifactError, match="cannot be read as a list"):
        load(tmp_path / "array.npy")


def test_a_protocol_needs_something_to_draw() -> None:
    """Two episodes give an interval; a seed is not negative."""
    for changes in ({"episodes": 1}, {"n_query": 0}, {"seed": -1}):
        with pytest.raises(ValueError, match="at least 2, 1 and 0"):
            replace(PROTOCOL, **changes)
