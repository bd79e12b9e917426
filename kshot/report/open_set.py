"""A picture of the open world: how far known and unknown queries lie from the class that answers."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PANELS_A_ROW = 2
_LOWEST, _HIGHEST, _BINS = 1 / 32, 8.0, 64


@dataclass(frozen=True, eq=False)
class ScorePanel:
    """One task of one embedding.

    Attributes
    ----------
    title : str
    known, unknown : float64 [n], [m]
        Distances over the threshold of the class that answered, at 5 % false accepts.
    realised : mapping of float to float
        Share of unknown queries that were accepted, by the rate asked for.
    """

    title: str
    known: npt.NDArray[np.float64]
    unknown: npt.NDArray[np.float64]
    realised: Mapping[float, float]


def write_scores(panels: Sequence[ScorePanel], folder: Path, *, name: str = "open_set.png") -> Path | None:
    """Draw histograms of the scores, two panels a row.

    Returns
    -------
    Path or None
        None where matplotlib is not installed, or there is nothing to draw.
    """
    if not panels or importlib.util.find_spec("matplotlib") is None:
        return None
    from matplotlib.figure import Figure

    rows = -(-len(panels) // PANELS_A_ROW)
    figure = Figure(figsize=(4.4 * PANELS_A_ROW, 1.1 + 1.9 * rows), layout="constrained")
    axes = list(figure.subplots(rows, PANELS_A_ROW, sharex=True, squeeze=False).flat)
    for axis, panel in zip(axes, panels, strict=False):
        _draw(axis, panel)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    for axis in axes[max(len(panels) - PANELS_A_ROW, 0) : len(panels)]:
        axis.set_xlabel("squared distance over the threshold for 5 %", fontsize=9)
    handles, texts = axes[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(texts), fontsize=9, frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    figure.savefig(path, dpi=130, metadata={"Software": None})
    return path


def _draw(axis: Any, panel: ScorePanel) -> None:
    bins = np.geomspace(_LOWEST, _HIGHEST, _BINS + 1)
    for scores, colour, label in ((panel.known, "tab:blue", "known class"), (panel.unknown, "tab:red", "unknown")):
        inside = np.clip(scores, _LOWEST, _HIGHEST)
        weights = np.full(len(scores), 100 / len(scores))
        axis.hist(inside, bins, weights=weights, color=colour, alpha=0.55, label=label)
    axis.axvline(1.0, color="black", linewidth=0.9, label="threshold")
    axis.set_xscale("log")
    axis.set_xlim(_LOWEST, _HIGHEST)
    axis.set_xticks([1 / 16, 1 / 4, 1, 4], ["1/16", "1/4", "1", "4"])
    axis.set_ylabel("% of queries", fontsize=9)
    axis.minorticks_off()
    axis.set_title(panel.title, fontsize=10)
    said = [f"asked {100 * rate:g} %: accepted {100 * share:.1f} %" for rate, share in panel.realised.items()]
    axis.text(0.02, 0.95, "\n".join(said), transform=axis.transAxes, fontsize=8, verticalalignment="top")
