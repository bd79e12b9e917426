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
@project_options("build")
def build(project: Project, as_json: bool, source: Path | None) -> None:
    """Compile a generated project for each target.

    SOURCE is the folder that `kshot generate` wrote; by default the project's.
    """
    from kshot import pipeline
    from kshot.report.output import print_json
    from kshot.report.tables import size_table, store_table
    from kshot.store_flash import store_of, store_row

    folder = source or project.source_folder
    builds = [pipeline.build(project, folder, target) for target in project.build.targets]
    store = store_of(folder)
    if as_json:
        row = {} if store is None else {"store": store_row(store)}
        print_json([{**pipeline.firmware_row(firmware), **row} for firmware in builds])
        return
    size_table(builds).print()
    if store is not None:
        store_table(store_row(store)).print()
