"""`kshot evaluate`: accuracy over episodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kshot.cli.options import project_options, quiet_option

if TYPE_CHECKING:
    from kshot.project import Project


@click.command()
@click.argument("artifacts", type=click.Path(path_type=Path), nargs=-1)
@project_options("data.test_source", "evaluate.n_query", "evaluate.episodes", "evaluate.seed")
@click.option("--n-way", type=click.IntRange(2), multiple=True, help="Classes to tell apart. May be repeated.")
@click.option("--k-shot", type=click.IntRange(1), multiple=True, help="Examples of each class. May be repeated.")
@click.option("--open-set", is_flag=True, help="Measure the rejection of classes that are not enrolled.")
@click.option("--n-unknown", type=click.IntRange(1), help="With --open-set: such classes an episode. [default: n-way]")
@quiet_option
def evaluate(
    project: Project,
    artifacts: tuple[Path, ...],
    *,
    n_way: tuple[int, ...],
    k_shot: tuple[int, ...],
    open_set: bool,
    n_unknown: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure accuracy on classes that were never seen in training.

    ARTIFACTS are folders that `train`, `quantize` or `generate` wrote; by default those of the project that exist. All
    of them answer the same episodes. --n-way and --k-shot are combined with each other; without either, the tasks of
    the project file are measured.

    With --open-set, part of what is asked is of classes that are not enrolled; ARTIFACTS are int8 folders. False
    accepts of 1 and 5 % are asked for, and thresholds are set at enrollment, as on the device.
    """
    from kshot import open_set_stage, pipeline
    from kshot.report.output import note_console, print_json
    from kshot.report.tables import accuracy_table, open_set_tables

    if n_unknown and not open_set:
        raise click.UsageError("--n-unknown goes with --open-set")

    tasks = [f"{n}w{k}s" for n in n_way or (5,) for k in k_shot or (1,)] if n_way or k_shot else project.evaluate.tasks
    console = note_console()
    progress = None if quiet else lambda what: console.print(f"measuring {what} ...")
    if open_set:
        measured = open_set_stage.evaluate(project, artifacts, tasks, n_unknown=n_unknown, progress=progress)
        if as_json:
            print_json([result.row() for result in measured])
        else:
            for table in open_set_tables(measured):
                table.print()
        return
    results = pipeline.evaluate(project, artifacts, tasks, progress=progress)
    if as_json:
        print_json([result.row() for result in results])
    else:
        accuracy_table(results).print()
