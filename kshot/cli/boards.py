"""`kshot boards`: which boards there are, and the beginning of one more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kshot.cli.options import project_options

if TYPE_CHECKING:
    from kshot.project import Project


@click.group(invoke_without_command=True)
@project_options()
def boards(project: Project, as_json: bool) -> None:
    """List the boards: processor, memories, whether the project's model fits, and how they are flashed.

    Whether the model fits is known once `kshot generate` has run: each board's firmware is linked then.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    from kshot import board_list
    from kshot.report.output import print_json

    rows = board_list.board_rows(project)
    if as_json:
        print_json([row.row() for row in rows])
    else:
        board_list.board_table(rows).print()


@boards.command()
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("boards"),
    show_default=True,
    help="Where the board's folder goes; `kshot build --board NAME` looks into boards/ beside kshot.toml.",
)
def new(name: str, folder: Path) -> None:
    """Write the skeleton of a port to a board of your own, which builds as it is."""
    from firmware_gen import own_boards
    from kshot.report.output import print_lines

    for path in own_boards.write_skeleton(folder, name):
        print_lines(str(path))
