"""The forest plot of a comparison: for each task the accuracies with their intervals, one under the other."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kshot.comparison import Comparison
    from kshot.comparison.results import Cell

_LOOKS = {"float": ("tab:gray", "o"), "int8": ("tab:blue", "s"), "device": ("tab:orange", "D")}
_GAP = 0.22  # between the stages of one training, in rows


def write_forest(comparison: Comparison, folder: Path) -> list[Path]:
    """Draw ``forest.png`` and ``forest.svg`` into `folder`.

    A panel for each task, a row for each training, a marker for each stage: the thick line is the 95 % interval over
    episodes, the thin one that over classes. The dotted line marks the best mean of the last stage.

    Returns
    -------
    list of Path
        Empty where matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return []
    import matplotlib as mpl
    from matplotlib.figure import Figure

    cells, tasks = comparison.figures.cells, list(comparison.drawn.episodes.tasks)
    names = list(dict.fromkeys(cell.name for cell in cells))
    stages = [stage for stage in _LOOKS if any(cell.stage == stage for cell in cells)]
    size = (2.2 + 2.7 * len(tasks), 1.4 + 0.62 * len(names))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    for panel, task in zip(panels, tasks, strict=True):
        _draw_panel(panel, [cell for cell in cells if cell.task == task], names, stages)
        panel.set_title(task, fontsize=10)
        panel.set_xlabel("accuracy, %", fontsize=9)
    panels[0].set_yticks(range(len(names)), [_label(comparison, name) for name in names], fontsize=9)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    handles, texts = panels[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=len(stages), fontsize=9, frameon=False)
    figure.suptitle(_title(comparison), fontsize=10)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "forest.png", folder / "forest.svg"]
    with mpl.rc_context({"svg.hashsalt": "kshot"}):  # the same figures give the same bytes
        figure.savefig(paths[0], dpi=150, metadata={"Software": None})
        figure.savefig(paths[1], metadata={"Date": None})
    return paths


def _title(comparison: Comparison) -> str:
    protocol = comparison.drawn.episodes.protocol
    return (
        f"Tested on {comparison.held_out.part}: {protocol.episodes:,} episodes a task, the same for all\n"
        "thick: 95 % interval over episodes, thin: over classes"
    )


def _label(comparison: Comparison, name: str) -> str:
    """Learner and backbone, and what tells this training from others of the same."""
    labels, cells = comparison.figures.labels, comparison.figures.cells
    label = labels[name]
    seed = next(cell.seed for cell in cells if cell.name == name)
    alone = list(labels.values()).count(label) == 1
    return label if alone else f"{label}, {name if seed is None else f'seed {seed}'}"


def _draw_panel(panel: Any, cells: Sequence[Cell], names: Sequence[str], stages: Sequence[str]) -> None:
    for position, stage in enumerate(stages):
        colour, marker = _LOOKS[stage]
        shown = [cell for cell in cells if cell.stage == stage]
        rows = [names.index(cell.name) + (position - (len(stages) - 1) / 2) * _GAP for cell in shown]
        means = [100 * cell.accuracy.mean for cell in shown]
        thin = [(100 * cell.classes.low, 100 * cell.classes.high) for cell in shown]
        panel.hlines(rows, [low for low, _ in thin], [high for _, high in thin], color=colour, linewidth=1)
        thick = [100 * cell.accuracy.ci95 for cell in shown]
        panel.errorbar(
            means, rows, xerr=thick, color=colour, marker=marker, markersize=4, linestyle="", elinewidth=3, label=stage
        )
    last = [100 * cell.accuracy.mean for cell in cells if cell.stage == stages[-1]]
    if last:
        panel.axvline(max(last), color="black", linewidth=0.7, linestyle=":")
    panel.grid(axis="x", linewidth=0.4, alpha=0.6)
    panel.tick_params(axis="x", labelsize=8)
    panel.tick_params(axis="y", length=0)
    for edge in ("top", "right", "left"):
        panel.spines[edge].set_visible(False)
