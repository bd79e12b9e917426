"""`kshot build`: from C to firmware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kshot.cli.options import project_options

if TYPE_CHECKING:
    from kshot.project import Project


@click.command()
@click.argument("source", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option(
    "--board", "board_names", multiple=True, metavar="NAME", help="Build for a board, or `all`. May be repeated."
)
@project_options("build")
def build(project: Project, as_json: bool, source: Path | None, board_names: tuple[str, ...]) -> None:
    """Compile a generated project for each target, or for boards.

    SOURCE is the folder that `kshot generate` wrote; by default the project's.
    """
    from kshot import pipeline
    from kshot.report.output import print_json
    from kshot.report.tables import size_table

    folder = source or project.source_folder
    if board_names:
        builds = [pipeline.build_for_board(project, folder, name) for name in pipeline.board_names(board_names)]
    else:
        builds = [pipeline.build(project, folder, target) for target in project.build.targets]
    if as_json:
        print_json([pipeline.firmware_row(firmware) for firmware in builds])
    else:
        size_table(builds).print()
