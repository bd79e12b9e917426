"""`kshot train`: from classes of images to an embedding."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from kshot.cli.group import INTERRUPTED
from kshot.cli.options import project_options, quiet_option

if TYPE_CHECKING:
    from kshot.project import Project


@click.command()
@project_options("project.name", "data", "train")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint of an interrupted training.")
@quiet_option
def train(project: Project, as_json: bool, resume: bool, quiet: bool) -> None:
    """Train an embedding on a data set's classes.

    Ctrl-C keeps a checkpoint; --resume goes on from it.
    """
    from kshot import pipeline
    from kshot.report.live import TrainingDisplay
    from kshot.report.output import print_json, print_lines

    with TrainingDisplay(quiet=quiet) as display:
        try:
            trained = pipeline.train(project, resume=resume, progress=display.update)
        except KeyboardInterrupt:
            click.echo("kshot: interrupted; the same command with --resume goes on from the checkpoint", err=True)
            sys.exit(INTERRUPTED)
    curve = display.history.draw(trained.folder / "training.png")
    if as_json:
        print_json({"folder": str(trained.folder), "embedding_len": trained.embedding_len, **trained.figures})
        return
    print_lines(
        *[f"{name.replace('_', ' ')}: {value:.4g}" for name, value in trained.figures.items()],
        *([f"training curve: {curve}"] if curve else []),
        f"trained embedding: {trained.folder}",
    )
