"""`kshot demo`: the whole way, its figures and its page."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

import kshot.demo
from kshot.demo import MissingToolsError
from kshot.project import Project


@pytest.mark.needs("tensorflow", "gcc", "arm-gcc", "qemu")
def test_figures_are_complete_and_consistent(tiny: Path) -> None:
    """Every stage and task has an accuracy and its interval; device equals int8; nothing differs from the reference."""
    figures = json.loads((tiny / "build/figures/demo.json").read_text())
    assert figures == json.loads((tiny / "out").read_text())
    for task in ("2w1s", "2w3s"):
        for stage in ("float", "int8", "device"):
            assert 0 <= figures[f"{stage}_{task}"] <= 1
            assert 0 <= figures[f"{stage}_{task}_ci95"] < 0.5
        assert figures[f"device_{task}"] == figures[f"int8_{task}"]
        assert abs(figures[f"float_{task}"] - figures[f"int8_{task}"]) < 0.15
    assert figures["episodes"] == 12
    assert figures["train_seconds"] <= figures["seconds"]
    assert (figures["host_answers"], figures["m0_inputs"], figures["m4_inputs"]) == (2 * 12 * 20, 10, 10)
    assert figures["mismatches"] == 0
    assert figures["m4_instructions"] < figures["m0_instructions"]
    for target in ("m0", "m4"):
        assert figures[f"{target}_flash_bytes"] > 5_000
        assert figures[f"{target}_ram_bytes"] > 1_000


@pytest.mark.needs("tensorflow", "gcc")
def test_progress_is_plain_lines_on_standard_error(tiny: Path) -> None:
    """Where standard error is no terminal, progress has no escape codes, and standard output is JSON alone."""
    said = (tiny / "err").read_text()
    assert "1/5 training" in said
    assert "step 4/4" in said
    assert "\x1b" not in said


@pytest.mark.needs("tensorflow", "gcc")
def test_page_stands_alone(tiny: Path) -> None:
    """The page shows support, answers and tables, and loads nothing from elsewhere."""
    text = (tiny / "build/tiny/index.html").read_text()
    page = _Page()
    page.feed(text)
    assert page.sources
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert len(page.sources) == 2 * (5 + 10)
    assert page.open == []
    assert "2-way 1-shot" in text
    assert "http" not in text


class _Page(HTMLParser):
    """Collects pictures, and checks that tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.sources.append(dict(attrs)["src"] or "")
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_required_tools_are_looked_for_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --require-tools a missing emulator ends the demonstration at once, and the message names it."""
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == "qemu-system-arm" else f"/usr/bin/{tool}")
    with pytest.raises(MissingToolsError, match=r"qemu-system-arm is not installed.*kshot doctor"):
        kshot.demo.run(Project(), require_tools=True)


def test_missing_tools_are_told_in_one_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the option one note says what is left out, and the rest goes on."""
    monkeypatch.setattr(shutil, "which", lambda tool: None if "arm" in tool else f"/usr/bin/{tool}")
    notes: list[str] = []
    monkeypatch.setattr(kshot.demo.pipeline, "train", lambda *_, **__: (_ for _ in ()).throw(InterruptedError))
    with pytest.raises(InterruptedError):
        kshot.demo.run(Project(), require_tools=False, note=notes.append)
    assert [note for note in notes if "arm-none-eabi-gcc" in note and "qemu-system-arm" in note] == notes[:1]
