"""`kshot flash`: firmware into a board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kshot.cli.options import project_options

if TYPE_CHECKING:
    from firmware_gen.hardware import Method
    from kshot.project import Project


@click.command()
@click.argument("source", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option("--board", "board_name", required=True, metavar="NAME", help="The board; `kshot boards` lists them.")
@click.option(
    "--method",
    type=click.Choice(("uf2", "pyocd", "openocd", "st-flash", "dfu-util")),
    help="How. [default: the first of the board's ways that is installed]",
)
@click.option("--probe", metavar="ID", help="Serial number of the debug probe, where several are connected.")
@click.option(
    "--drive",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The bootloader's drive, where it is not found by itself.",
)
@click.option("--erase-store", is_flag=True, help="Erase the enrolled classes, too; otherwise they stay.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@project_options()
def flash(
    project: Project,
    *,
    as_json: bool,
    source: Path | None,
    board_name: str,
    method: Method | None,
    probe: str | None,
    drive: Path | None,
    erase_store: bool,
    dry_run: bool,
) -> None:
    """Build a generated project for a board and bring it there.

    SOURCE is the folder that `kshot generate` wrote; by default the project's.
    """
    from firmware_gen import flashing, hardware
    from kshot import pipeline
    from kshot.report.output import print_json, print_lines

    board = hardware.get(board_name)
    firmware = pipeline.build_for_board(project, source or project.source_folder, board.name)
    plan = flashing.plan(firmware.elf, board, method=method, erase_store=erase_store, probe=probe, drive=drive)
    if not dry_run:
        plan.carry_out()
    if as_json:
        print_json({"board": board.name, "method": plan.method, "steps": plan.steps(), "done": not dry_run})
    else:
        print_lines(f"{board.title}: {flashing.METHOD_TITLES[plan.method]}", *(f"  {step}" for step in plan.steps()))
        print_lines("nothing was done: this was --dry-run" if dry_run else "done and verified")
