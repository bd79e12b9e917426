"""A comparison of learners on paper: tables for the terminal and for Markdown, rows for CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kshot.report.figures import write_atomically, write_figures
from kshot.report.output import print_lines
from kshot.report.tables import ReportTable

if TYPE_CHECKING:
    from kshot.comparison import Comparison
    from kshot.comparison.results import Cell, PairedTest

METHODS = (
    "Mean accuracy in % ± half its 95 % interval over the episodes, 1.96 s / sqrt(n).",
    "In brackets: the 95 % interval over classes, a percentile bootstrap that draws whole classes anew (a character "
    "with its rotations, with all of its queries in all episodes) and takes the mean over the queries drawn.",
    "Paired tests: Student's t and sign-flip permutation, both two-sided, on the differences of single episodes; "
    "Holm's correction over all tests of a kind. They speak of these trained networks, not of other trainings.",
)


def print_comparison(comparison: Comparison, files: Sequence[Path]) -> None:
    """Print the tables, what was skipped, and where everything lies."""
    for table in comparison_tables(comparison, with_classes=False):
        table.print()
        print_lines("")
    print_lines(*exactness_lines(comparison), *comparison.notes, "", *[str(path) for path in files])


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write ``compare.csv``, ``compare.json``, ``compare.md`` and, with matplotlib, the forest plot into `folder`.

    The rows also go to build/figures/compare.json.

    Returns
    -------
    list of Path
        Everything that was written.
    """
    from kshot.report.forest import write_forest

    rows = rows_of(comparison)
    text = json.dumps(document(comparison), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return [
        write_atomically(folder / "compare.csv", _csv(rows)),
        write_atomically(folder / "compare.json", text),
        write_atomically(folder / "compare.md", markdown(comparison)),
        *write_forest(comparison, folder),
        comparison.drawn.file,
        write_figures("compare", rows),
    ]


def rows_of(comparison: Comparison) -> list[dict[str, Any]]:
    """A flat row for each training, stage and task; accuracies are fractions of 1."""
    drawn = {"split": comparison.held_out.split, "episode_seed": comparison.drawn.episodes.protocol.seed}
    return [cell.row() | drawn for cell in comparison.figures.cells]


def document(comparison: Comparison) -> dict[str, Any]:
    """Everything as JSON can hold it; accuracies and differences are fractions of 1."""
    figures, held_out = comparison.figures, comparison.held_out
    return {
        "split": held_out.split,
        "tested_on": held_out.part,
        "test_classes": len(held_out.dataset.class_names),
        "rotations": held_out.rotations,
        **vars(comparison.drawn.episodes.protocol),
        "episodes_file": str(comparison.drawn.file),
        "rows": rows_of(comparison),
        "trainings": [vars(row) for row in figures.trainings],
        "tests": [vars(row) for row in figures.tests],
        "losses": [vars(row) for row in figures.losses],
        "exactness": [vars(row) | {"mismatches": row.mismatches} for row in figures.exactness],
        "notes": list(comparison.notes),
    }


def comparison_tables(comparison: Comparison, *, with_classes: bool) -> list[ReportTable]:
    """Accuracy, and as far as there is any: spread over trainings, loss from float, paired tests.

    Parameters
    ----------
    comparison : Comparison
    with_classes : bool
        Whether accuracies carry the interval over classes, too.
    """
    figures = comparison.figures
    episodes = comparison.drawn.episodes.protocol.episodes
    tasks = list(comparison.drawn.episodes.tasks)

    def accuracy(cell: Cell) -> str:
        classes = f" [{100 * cell.classes.low:.1f}, {100 * cell.classes.high:.1f}]" if with_classes else ""
        return f"{100 * cell.accuracy.mean:.2f} ± {100 * cell.accuracy.ci95:.2f}{classes}"

    tables = [
        _pivot(
            f"Accuracy in %, ± 95 % interval over {episodes:,} episodes a task",
            ("", "seed", "stage"),
            tasks,
            [
                ((figures.labels[c.name], "-" if c.seed is None else str(c.seed), c.stage), c.task, accuracy(c))
                for c in figures.cells
            ],
        ),
        _pivot(
            "Over trainings that differ in the seed alone: mean in % (standard deviation)",
            ("", "trainings", "stage"),
            tasks,
            [
                ((t.label, str(t.trainings), t.stage), t.task, f"{100 * t.mean:.2f} ({100 * t.sd:.2f})")
                for t in figures.trainings
            ],
        ),
        _pivot(
            "Lost from float to int8, in points, ± 95 % interval over the episodes",
            ("", "training", "stage"),
            tasks,
            [
                ((figures.labels[lost.name], lost.name, lost.stage), lost.task, _points(lost.difference, lost.ci95))
                for lost in figures.losses
            ],
        ),
        _test_table(figures.tests),
    ]
    return [table for table in tables if table.rows]


def _points(difference: float, ci95: float) -> str:
    return f"{100 * difference:+.2f} ± {100 * ci95:.2f}"


def _pivot(
    title: str, head: Sequence[str], tasks: Sequence[str], cells: Sequence[tuple[tuple[str, ...], str, str]]
) -> ReportTable:
    """A row for each key, a column for each task."""
    found = {(key, task): text for key, task, text in cells}
    keys = dict.fromkeys(key for key, _, _ in cells)
    rows = [(*key, *(found.get((key, task), "-") for task in tasks)) for key in keys]
    return ReportTable(title, (*head, *tasks), rows)


def _test_table(tests: Sequence[PairedTest]) -> ReportTable:
    stage = tests[0].stage if tests else ""
    rows = [
        (
            test.task,
            test.first,
            test.second,
            _points(test.difference, test.ci95),
            _p(test.t_p),
            _p(test.t_holm),
            _p(test.flip_p),
            _p(test.flip_holm),
        )
        for test in tests
    ]
    head = ("task", "first", "second", "first less second", "t test p", "Holm", "sign-flip p", "Holm")
    return ReportTable(f"Paired tests on the same episodes, {stage}", head, rows)


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def exactness_lines(comparison: Comparison) -> list[str]:
    """A line for each candidate whose compiled C was held against the reference."""
    return [
        f"{found.name}: compiled C beside the NumPy reference: {found.embeddings:,} embeddings and {found.answers:,} "
        f"answers, {found.mismatches:,} mismatches"
        for found in comparison.figures.exactness
    ]


def protocol_lines(comparison: Comparison) -> list[str]:
    """What was tested, in sentences."""
    held_out, protocol = comparison.held_out, comparison.drawn.episodes.protocol
    seeds = {str(cell.seed) for cell in comparison.figures.cells if cell.seed is not None}
    turned = "with rotations as classes, but for tasks within an alphabet" if held_out.rotations else "as they are"
    return [
        f"Split: {held_out.split}. Tested: {held_out.part} ({len(held_out.dataset.class_names)} classes, {turned}).",
        f"Data SHA-256: {protocol.dataset_sha256}. Seeds of the trainings: {', '.join(sorted(seeds)) or 'unknown'}.",
        f"{protocol.episodes:,} episodes a task with {protocol.n_query} queries of each class, drawn from seed "
        f"{protocol.seed}, the same for all: {comparison.drawn.file.name}.",
    ]


def markdown(comparison: Comparison) -> str:
    """The comparison as a page of Markdown."""
    lines = ["# Comparison of learners", ""]
    lines += [f"- {line}" for line in (*protocol_lines(comparison), *METHODS)]
    for table in comparison_tables(comparison, with_classes=True):
        lines += ["", f"## {table.title}", "", *_markdown_table(table)]
    closing = (*exactness_lines(comparison), *comparison.notes)
    lines += ["", *[f"- {line}" for line in closing]] if closing else []
    return "\n".join(lines) + "\n"


def _markdown_table(table: ReportTable) -> list[str]:
    rows = [table.head, ["---"] * len(table.head), *table.rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def _csv(rows: Sequence[Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
