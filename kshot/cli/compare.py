"""`kshot compare`: learners beside each other."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kshot.cli.options import json_option, quiet_option


@click.command()
@click.argument("artifacts", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--test-source", help="Data whose classes all test, such as folder:PATH. [default: what training set aside]"
)
@click.option("--invert", is_flag=True, help="The images of a test folder have dark ink on light ground.")
@click.option(
    "--rotations/--no-rotations",
    default=None,
    help="Images turned by 90, 180 and 270 degrees test as classes of their own. [default: as in training]",
)
@click.option("--task", "tasks", multiple=True, help="Such as 20w5s or within-alphabet-20w1s. May be repeated.")
@click.option("--episodes", type=click.IntRange(2), help="Episodes of each task. [default: 1000]")
@click.option("--n-query", type=click.IntRange(1), help="Queries of each class in an episode. [default: 5]")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of the episodes. [default: 1]")
@click.option(
    "--episodes-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="List of episodes: used where it exists, else written. [default: one in the output folder]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/compare"),
    show_default=True,
    help="Folder of tables, pictures and the list of episodes.",
)
@json_option
@quiet_option
def compare(
    artifacts: tuple[Path, ...],
    *,
    test_source: str | None,
    invert: bool,
    rotations: bool | None,
    tasks: tuple[str, ...],
    episodes: int | None,
    n_query: int | None,
    seed: int | None,
    episodes_file: Path | None,
    output: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare trainings: float, int8 and compiled C, all on the same episodes.

    ARTIFACTS are folders that `train` wrote, each with the folder that `quantize` wrote beside it; an int8 folder is
    measured without its float form. The classes tested are those that training set aside. Exit status 1 if compiled C
    and the NumPy reference differ anywhere.
    """
    from kshot import comparison
    from kshot.report.comparison import document, print_comparison, write_comparison
    from kshot.report.output import note_console, print_json

    console = note_console()
    result = comparison.compare(
        artifacts,
        folder=output,
        test_source=test_source,
        invert=invert,
        rotations=rotations,
        wanted=comparison.Wanted(tasks, seed, episodes, n_query),
        episodes_file=episodes_file,
        note=(lambda _: None) if quiet else lambda what: console.print(f"{what} ..."),
    )
    files = write_comparison(result, output)
    if as_json:
        print_json(document(result))
    else:
        print_comparison(result, files)
    if result.mismatches:
        sys.exit(1)
