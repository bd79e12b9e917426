"""The lists of Vinyals' split: fetched from a server on localhost, checked, and laid over Omniglot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from localhost import Server

from trainer.datasets import Dataset, DatasetError, split_classes
from trainer.datasets.download import DownloadError
from trainer.datasets.vinyals import CHARACTERS, get_vinyals_split, parse_lists, read_lists, split_by_lists

FEW = {"train": 3, "validation": 2, "test": 2}
NAMES = ("train.txt", "val.txt", "test.txt")


def written(characters: Sequence[str]) -> str:
    return "".join(f"{name}/rot{turn:03}\n" for name in characters for turn in (0, 90, 180, 270))


def numbered(alphabet: str, count: int) -> list[str]:
    return [f"{alphabet}{i // 50}/character{i % 50 + 1:02}" for i in range(count)]


def lists(counts: Mapping[str, int]) -> dict[str, str]:
    return {part: written(numbered(part.title(), count)) for part, count in counts.items()}


def serve(server: Server, texts: Mapping[str, str]) -> None:
    server.files = {name: text.encode() for name, text in zip(NAMES, texts.values(), strict=True)}


def omniglot(texts: Mapping[str, str], *, rotations: bool = True) -> Dataset:
    """A set with the characters of the lists, those of the test as the evaluation set."""
    names = [
        ("evaluation/" if part == "test" else "") + line.rpartition("/")[0]
        for part, text in texts.items()
        for line in text.splitlines()[::4]
    ]
    images = np.arange(len(names) * 4, dtype=np.uint8).reshape(len(names), 2, 2, 1)
    dataset = Dataset("omniglot", images, np.arange(len(names)), tuple(sorted(names)))
    return dataset.with_rotations() if rotations else dataset


def test_the_lists_are_fetched_once_and_read_back(server: Server, tmp_path: Path) -> None:
    """Of the published size; a second call asks the server for nothing."""
    texts = lists(CHARACTERS)
    serve(server, texts)
    seen: list[tuple[int, int | None]] = []
    folder = get_vinyals_split(tmp_path, base_url=server.url, progress=lambda *step: seen.append(step))
    assert folder == tmp_path / "vinyals_split"
    assert [path.name for path in tmp_path.iterdir()] == ["vinyals_split"]
    total = sum(map(len, texts.values()))
    assert seen[-1] == (total, total)
    found = read_lists(folder)
    assert {part: len(names) for part, names in found.items()} == {"train": 1028, "validation": 172, "test": 423}
    assert found["test"][0] == "Test0/character01"
    server.requests.clear()
    assert get_vinyals_split(tmp_path, base_url=server.url) == folder
    assert server.requests == []


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("test", lambda text: text.replace("rot090", "rot045", 1), r"test.txt:2: .*rot045.* is not written like"),
        ("train", lambda text: text + "../../etc/passwd\n", r"train.txt:13: '../../etc/passwd' is not written like"),
        ("train", lambda text: text[: text.rindex("Train")], "train.txt: Train0/character03 has 3 rotations"),
        ("validation", lambda text: text + written(["Train0/character01"]), "character01 is in train.txt, too"),
        ("validation", lambda text: text + written(["New/character01"]), "12 lines of 3 characters; the split has 8"),
        ("test", lambda text: text + text.splitlines()[0] + "\n", "9 lines of 2 characters"),
        ("test", lambda _: "", "0 lines of 0 characters"),
    ],
)
def test_lists_that_are_not_the_split_are_refused(part: str, change: Callable[[str], str], message: str) -> None:
    """The message names the list, and the line or the character."""
    texts = lists(FEW)
    assert parse_lists(texts, where="here", characters=FEW)["train"][2] == "Train0/character03"
    texts[part] = change(texts[part])
    with pytest.raises(DatasetError, match=message):
        parse_lists(texts, where="here", characters=FEW)


def test_a_wrong_list_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    """A page of HTML, a short list, bytes that are no text and a file without end are told apart, and not kept."""
    texts = lists(FEW)
    for content, message in [
        (b"<html>sign in</html>", "not written like.*nothing was kept"),
        (texts["test"].encode()[: len(written(["Test0/character01"]))], "4 lines of 1 characters.*nothing was kept"),
        (b"\xff\xfe", "not plain text"),
        (b"x" * (2 << 20), "more than 1,048,576 bytes"),
    ]:
        serve(server, texts)
        server.files["test.txt"] = content
        with pytest.raises(DownloadError, match=message):
            get_vinyals_split(tmp_path, base_url=server.url, characters=FEW)
        assert list(tmp_path.iterdir()) == []
    del server.files["test.txt"]
    with pytest.raises(DownloadError, match="answers 404"):
        get_vinyals_split(tmp_path, base_url=server.url, characters=FEW)


def test_a_cut_connection_is_tried_again(server: Server, tmp_path: Path) -> None:
    """A list that arrives in part is fetched anew, and given up after the last attempt."""
    serve(server, lists(FEW))
    server.cut_after = [20]
    assert get_vinyals_split(tmp_path / "a", base_url=server.url, characters=FEW).is_dir()
    server.cut_after = [20, 20]
    with pytest.raises(DownloadError, match="run it again"):
        get_vinyals_split(tmp_path / "b", base_url=server.url, characters=FEW, attempts=2)


def test_the_environment_names_a_mirror(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KSHOT_VINYALS_URL takes the official address's place; only http and https are fetched."""
    serve(server, lists(FEW))
    monkeypatch.setenv("KSHOT_VINYALS_URL", server.url + "/")
    assert get_vinyals_split(tmp_path, characters=FEW).is_dir()
    monkeypatch.setenv("KSHOT_VINYALS_URL", "file:///etc")
    with pytest.raises(DownloadError, match="must begin with https"):
        get_vinyals_split(tmp_path / "other", characters=FEW)


def test_every_class_lies_in_the_part_of_its_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotations go with their character, the evaluation set's names are found, and the rule's name is recorded."""
    texts = lists(CHARACTERS)
    folder = tmp_path / "vinyals_split"
    folder.mkdir()
    for name, text in zip(NAMES, texts.values(), strict=True):
        (folder / name).write_text(text)
    monkeypatch.setenv("KSHOT_DATA", str(tmp_path))
    dataset = omniglot(texts)
    split = split_classes(dataset, named="vinyals")
    assert [len(part) for part in (split.train, split.validation, split.test)] == [4112, 688, 1692]
    assert split.name == "vinyals"
    assert "evaluation/Test0/character01@270" in split.test
    assert {name.split("/")[-2][:5] for name in split.train} == {"Train"}
    with pytest.raises(DatasetError, match='set test_source to ""'):
        split_classes(dataset, named="vinyals", test=dataset)


def test_omniglot_without_rotations_or_a_character_is_refused() -> None:
    """The message names the character, and how to load what lacks."""
    texts = lists(FEW)
    wanted = parse_lists(texts, where="here", characters=FEW)
    with pytest.raises(
        DatasetError, match=r"Train0/character01 in 4 rotations, there are 1; .*kshot data get omniglot"
    ):
        split_by_lists(omniglot(texts, rotations=False), wanted)
    background = omniglot({part: text for part, text in texts.items() if part != "test"})
    with pytest.raises(DatasetError, match="Test0/character01 in 4 rotations, there are 0"):
        split_by_lists(background, wanted)


def test_missing_lists_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is named; a list that is no text is named, too."""
    monkeypatch.setenv("KSHOT_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=r"train\.txt: there is no such file; 'kshot data get vinyals-split'"):
        read_lists()
    for name in NAMES:
        (tmp_path / name).write_bytes(b"\xff")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_lists(tmp_path)
