"""`kshot emulate`: enroll and classify in emulated firmware."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from kshot.cli.options import project_options, quiet_option

if TYPE_CHECKING:
    from kshot.project import Project


@click.command()
@project_options("build")
@click.option("--shots", type=click.IntRange(1), default=5, show_default=True, help="Examples to enroll a class from.")
@quiet_option
def emulate(project: Project, as_json: bool, shots: int, quiet: bool) -> None:
    """Enroll and classify in emulated firmware.

    The firmware runs in QEMU, on the images that travel with the int8 embedding. Exit status 1 when an embedding, an
    answer or a distance differs from the NumPy reference.
    """
    from kshot import pipeline
    from kshot.report.output import note_console, print_json
    from kshot.report.tables import emulation_table

    runs = []
    for target in project.build.targets:
        if not quiet:
            note_console().print(f"{target}: QEMU is running ...")
        runs.append(pipeline.emulate(project, target, shots=shots))
    if as_json:
        print_json([run.row() for run in runs])
    else:
        emulation_table(runs).print()
    if any(run.mismatches for run in runs):
        sys.exit(1)
