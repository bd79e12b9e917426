"""Learners beside each other: float, int8 and device, over one stored list of episodes that all of them answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kshot.comparison.candidates import ComparisonError, load_candidates
from kshot.comparison.episodes import TASKS, Drawn, Wanted, episode_list
from kshot.comparison.held_out import HeldOut, hold_out
from kshot.comparison.measuring import COMPILER, Note, can_compile, measure
from kshot.comparison.results import Figures, summarise

__all__ = ["TASKS", "Comparison", "ComparisonError", "Wanted", "compare"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was compared, on what, and what came of it.

    Attributes
    ----------
    held_out : HeldOut
    drawn : Drawn
        The episodes.
    figures : Figures
    notes : sequence of str
        What was skipped or left out, a line each.
    """

    held_out: HeldOut
    drawn: Drawn
    figures: Figures
    notes: Sequence[str]

    @property
    def mismatches(self) -> int:
        """Differences between compiled C and the NumPy reference, of all candidates."""
        return sum(found.mismatches for found in self.figures.exactness)


def compare(
    artifacts: Sequence[Path],
    *,
    folder: Path,
    test_source: str | None = None,
    invert: bool = False,
    rotations: bool | None = None,
    wanted: Wanted | None = None,
    episodes_file: Path | None = None,
    note: Note = lambda _: None,
) -> Comparison:
    """Compare trainings.

    Parameters
    ----------
    artifacts : sequence of Path
        See `load_candidates`.
    folder : Path
        For the list of episodes and the compiled libraries.
    test_source, invert, rotations
        See `hold_out`.
    wanted : Wanted, optional
    episodes_file : Path, optional
        See `episode_list`.
    note : callable
        Receives what is being done.

    Raises
    ------
    ComparisonError
        If the artifacts cannot be compared, or not on these classes or episodes.
    ArtifactError, DatasetError, UnsupportedModelError, HostBuildError
        If an artifact or the data cannot be used.
    """
    candidates = load_candidates(artifacts)
    if not candidates:
        raise ComparisonError("there is nothing to compare; name folders that `kshot train` or `kshot quantize` wrote")
    held_out = hold_out(candidates, source=test_source, invert=invert, rotations=rotations)
    drawn = episode_list(held_out, wanted or Wanted(), folder=folder, file=episodes_file)
    notes = list(drawn.skipped)
    notes += [f"{c.name} has no int8 folder beside it: float alone is measured" for c in candidates if c.int8 is None]
    if not can_compile():
        notes.append(f"{COMPILER} is not installed: the compiled C is left out; `kshot doctor` says how to get it")
    measured, exactness = [], []
    for candidate in candidates:
        found, exact = measure(candidate, held_out.turned.images, drawn.episodes, folder=folder / "host", note=note)
        measured += found
        exactness += [exact] if exact else []
    note("intervals and tests")
    return Comparison(held_out, drawn, summarise(measured, exactness, drawn.episodes, held_out), notes)
