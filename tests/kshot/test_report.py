"""What people look at: tables, pictures, progress."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from rich.console import Console

from kshot.report.live import DownloadDisplay, History, TrainingDisplay, duration
from kshot.report.output import print_json, print_table
from kshot.report.pictures import png_bytes
from trainer.evaluate import Accuracy
from trainer.fit import Progress

SHAPES = st.sampled_from([(3, 5), (1, 1), (7, 2, 1), (4, 3, 3)])


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_png_reads_back(image: np.ndarray) -> None:
    """Another library sees the same pixels."""
    with Image.open(io.BytesIO(png_bytes(image))) as picture:
        assert np.array_equal(np.asarray(picture), image[..., 0] if image.shape[2:] == (1,) else image)


@pytest.mark.parametrize("image", [np.zeros((2, 2), np.float32), np.zeros((2, 2, 4), np.uint8), np.zeros(3, np.uint8)])
def test_png_refuses_other_arrays(image: np.ndarray) -> None:
    """What is no picture is told so."""
    with pytest.raises(ValueError, match="uint8"):
        png_bytes(image)


def _progress(step: int, validation: float | None) -> Progress:
    measured = None if validation is None else Accuracy(validation, 0.01, 10)
    return Progress(
        step=step,
        steps=9,
        loss=2.0 / step,
        accuracy=0.5,
        validation=measured,
        best_validation=measured,
        episodes_per_second=4.0,
        seconds_left=185.0,
    )


def test_training_line(tmp_path: Path) -> None:
    """Loss, validation accuracy, speed and time left stand in one line; the course can be drawn."""
    console = Console(file=io.StringIO(), width=200)
    with TrainingDisplay(quiet=False, console=console) as display:
        for step in range(1, 10):
            display.update(_progress(step, 0.75 if step >= 5 else None))
    text = console.file.getvalue()
    assert "step 9/9 · loss 0.222 · validation 75.0 % · 4.0 episodes/s · 3:05 min left" in text
    assert text.count("\n") == 2
    assert display.history.validation == [(5, 0.75)]
    picture = display.history.draw(tmp_path / "curve.png")
    assert picture is not None
    with Image.open(picture) as image:
        assert image.size[0] > 400


def test_nothing_to_draw(tmp_path: Path) -> None:
    """A training that was over at once has no curve."""
    assert History().draw(tmp_path / "curve.png") is None


def test_quiet_says_nothing() -> None:
    """--quiet silences progress, on a terminal as well."""
    console = Console(file=io.StringIO(), force_terminal=True)
    with DownloadDisplay("omniglot", quiet=True, console=console) as display:
        display.update(10, 10)
    assert console.file.getvalue() == ""


def test_download_line() -> None:
    """Bytes, share and speed."""
    console = Console(file=io.StringIO(), width=200)
    with DownloadDisplay("omniglot", quiet=False, console=console) as display:
        display.update(5_000_000, 10_000_000)
    assert "omniglot: 5.0 of 10.0 MB, 50 %" in console.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1:00 min"),
        (185, "3:05 min"),
        (7260, "2:01 h"),
        (math.inf, "?"),
        (math.nan, "?"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    """Durations as people say them."""
    assert duration(seconds) == text


def test_table_without_escape_codes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Piped, or with NO_COLOR, a table is plain text; numbers stand flush right and markup is shown as it is."""
    monkeypatch.setenv("NO_COLOR", "1")
    print_table("title", ("name", "count"), [("[red]a", 1234), ("b", 5)])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert [line.rstrip() for line in out.splitlines()] == ["title", "name    count", "[red]a  1,234", "b           5"]


def test_json_refuses_what_json_cannot_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """A script never reads NaN; text is left readable."""
    with pytest.raises(ValueError, match="JSON compliant"):
        print_json({"a": math.nan})
    print_json({"é": 1})
    assert json.loads(capsys.readouterr().out) == {"é": 1}
