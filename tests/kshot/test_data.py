"""`kshot data`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from kshot.cli import main
from trainer.datasets import SOURCES


def test_list() -> None:
    """Every source is named, for people and for scripts."""
    assert json.loads(CliRunner().invoke(main, ["data", "list", "--json"]).stdout) == list(SOURCES)
    assert CliRunner().invoke(main, ["data", "list"]).stdout.split() == list(SOURCES)


def test_show_counts_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes and images are counted; the contact sheet is a picture, the same for the same seed."""
    monkeypatch.chdir(tmp_path)
    for name in ("one.png", "two.png"):
        result = CliRunner().invoke(main, ["data", "show", "digits", "-o", name, "--json"])
        assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert (shown["classes"], shown["images"], shown["image"]) == (10, 1797, "28x28x1")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as sheet:
        assert sheet.size[0] > 28 * 10


def test_show_refuses_an_unknown_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelled source gets a suggestion; a folder that is not there is named."""
    monkeypatch.chdir(tmp_path)
    for source, expected in [("digit", "did you mean digits"), ("folder:nowhere", "nowhere")]:
        result = CliRunner().invoke(main, ["data", "show", source])
        assert result.exit_code == 1
        assert expected in result.stderr


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("what", ["omniglot", "vinyals-split"])
def test_get_downloads_into_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool, what: str
) -> None:
    """The folder named on the command line wins over KSHOT_DATA; progress goes to standard error."""

    def download(folder: Path, *, progress: Callable[[int, int], None]) -> Path:
        progress(2_000_000, 2_000_000)
        return folder / what

    module = {"omniglot": "download.get_omniglot", "vinyals-split": "vinyals.get_vinyals_split"}[what]
    monkeypatch.setattr(f"trainer.datasets.{module}", download)
    monkeypatch.setenv("KSHOT_DATA", str(tmp_path / "data"))
    options = ["--folder", str(tmp_path / "named")] if named else []
    result = CliRunner().invoke(main, ["data", "get", what, *options])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / ('named' if named else 'data') / what}\n"
    assert "2.0 of 2.0 MB, 100 %" in result.stderr
    assert CliRunner().invoke(main, ["data", "get", "mnist"]).exit_code == 2
