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
@click.option("--report", "reported", is_flag=True, help="Count each layer in QEMU, draw the arena, write report.md.")
def build(
    project: Project, as_json: bool, source: Path | None, *, board_names: tuple[str, ...], reported: bool
) -> None:
    """Compile a generated project for each target, or for boards.

    SOURCE is the folder that `kshot generate` wrote; by default the project's.
    """
    from kshot import pipeline
    from kshot.report.output import print_json, print_lines
    from kshot.report.tables import size_table, store_table
    from kshot.store_flash import store_of, store_row

    if reported and board_names:
        raise click.UsageError("--report counts on emulated targets: name them with --target, without --board")
    folder = source or project.source_folder
    if board_names:
        builds = [pipeline.build_for_board(project, folder, name) for name in pipeline.board_names(board_names)]
    else:
        builds = [pipeline.build(project, folder, target) for target in project.build.targets]
    store = store_of(folder)
    if as_json:
        row = {} if store is None else {"store": store_row(store)}
        print_json([{**pipeline.firmware_row(firmware), **row} for firmware in builds])
    else:
        size_table(builds).print()
        if store is not None:
            store_table(store_row(store)).print()
    if reported:
        found, path = pipeline.report(project, folder, builds)
        if not as_json:
            for each in found:
                each.print()
            print_lines(f"report: {path}")
