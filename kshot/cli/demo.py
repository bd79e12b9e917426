"""`kshot demo`: the whole way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kshot.cli.options import project_options, quiet_option

if TYPE_CHECKING:
    from kshot.project import Project


@click.command()
@project_options("train", "evaluate.episodes")
@click.option("--require-tools", is_flag=True, help="Fail when a compiler or QEMU is missing, rather than leave out.")
@quiet_option
def demo(project: Project, as_json: bool, require_tools: bool, quiet: bool) -> None:
    """Go the whole way, from training to emulated firmware.

    By default the network learns from print and the microcontrollers enroll handwriting; a project file changes that.
    Figures go to build/figures/demo.json, all else to the project's folder, build/demo.
    """
    from kshot import demo as steps
    from kshot.report.live import TrainingDisplay
    from kshot.report.output import note_console, print_json
    from kshot.report.tables import print_demo

    console = note_console()
    note = (lambda text: None) if quiet else console.print
    with TrainingDisplay(quiet=quiet, console=console) as display:
        outcome = steps.run(project, require_tools=require_tools, training=display.update, note=note)
    display.history.draw(outcome.trained.folder / "training.png")
    if as_json:
        print_json(outcome.figures())
    else:
        print_demo(outcome)
