"""Progress while one waits: on a terminal a line that stays in place, elsewhere plain lines now and then."""

from __future__ import annotations

import importlib.util
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from kshot.report.output import note_console
from kshot.report.pictures import write_training_curve

if TYPE_CHECKING:
    from trainer.fit import Progress

_PLAIN_SECONDS = 10.0


@dataclass
class History:
    """What a training reported, for its curve."""

    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)

    def add(self, progress: Progress) -> None:
        """Remember one report."""
        self.steps.append(progress.step)
        self.loss.append(progress.loss)
        newest = progress.validation
        if newest is not None and (not self.validation or self.validation[-1][1] != newest.mean):
            self.validation.append((progress.step, newest.mean))

    def draw(self, path: Path) -> Path | None:
        """Draw the curve into `path`; None when there is nothing to draw, or no matplotlib to do it."""
        if not self.steps or importlib.util.find_spec("matplotlib") is None:
            return None
        return write_training_curve(path, self.steps, self.loss, self.validation)


class _Display:
    """A line on standard error that stays in place on a terminal, and is repeated now and then elsewhere."""

    def __init__(self, *, quiet: bool, console: Console | None = None) -> None:
        self._console = console or note_console()
        self._quiet = quiet
        self._live = Live(console=self._console, refresh_per_second=4, transient=False)
        self._printed_at = 0.0

    def __enter__(self) -> Self:
        if self._in_place:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    @property
    def _in_place(self) -> bool:
        return self._console.is_terminal and not self._quiet

    def show(self, line: str, *, last: bool) -> None:
        """Show `line`, at the end of the work in any case."""
        if self._quiet:
            return
        if self._in_place:
            self._live.update(Text(line))
            if last:
                self._live.stop()
        elif last or time.monotonic() - self._printed_at >= _PLAIN_SECONDS:
            self._printed_at = time.monotonic()
            self._console.print(line, soft_wrap=True)


class TrainingDisplay(_Display):
    """How a training goes: step, loss, validation accuracy, speed, time left.

    Attributes
    ----------
    history : History
        All that was reported.
    """

    def __init__(self, *, quiet: bool, console: Console | None = None) -> None:
        super().__init__(quiet=quiet, console=console)
        self.history = History()

    def update(self, progress: Progress) -> None:
        """Take one report of the training."""
        if progress.step == 0:
            self.show("the first step takes longer ...", last=False)
            return
        self.history.add(progress)
        validation = progress.validation
        parts = [
            f"step {progress.step:,}/{progress.steps:,}",
            f"loss {progress.loss:.3f}",
            f"validation {100 * validation.mean:.1f} %" if validation else "validation -",
            f"{progress.episodes_per_second:.1f} episodes/s",
            f"{duration(progress.seconds_left)} left",
        ]
        self.show(" · ".join(parts), last=progress.step == progress.steps)


class DownloadDisplay(_Display):
    """How a download goes: bytes, share, speed."""

    def __init__(self, name: str, *, quiet: bool, console: Console | None = None) -> None:
        super().__init__(quiet=quiet, console=console)
        self._name = name
        self._started = time.monotonic()

    def update(self, done_bytes: int, total_bytes: int | None) -> None:
        """Take one report of the download."""
        megabytes = done_bytes / 1e6
        share = f" of {total_bytes / 1e6:.1f} MB, {100 * done_bytes / total_bytes:.0f} %" if total_bytes else " MB"
        speed = megabytes / max(time.monotonic() - self._started, 1e-3)
        self.show(f"{self._name}: {megabytes:.1f}{share}, {speed:.1f} MB/s", last=done_bytes == total_bytes)


def duration(seconds: float) -> str:
    """Write a duration for people: 48 s, 3:05 min or 1:20 h; ? when it is not known yet."""
    if not math.isfinite(seconds):
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
