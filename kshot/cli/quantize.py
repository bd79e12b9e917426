"""`kshot quantize`: from a trained embedding to int8."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kshot.cli.options import project_options

if TYPE_CHECKING:
    from kshot.project import Project


@click.command()
@click.argument("trained", type=click.Path(path_type=Path), required=False)
@project_options("project.name", "quantize", "data")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder of the result.")
def quantize(project: Project, as_json: bool, trained: Path | None, output: Path | None) -> None:
    """Convert a trained embedding to int8.

    TRAINED is the folder that `kshot train` wrote, or an int8 .tflite file of your own; by default the project's.
    """
    from kshot import pipeline
    from kshot.report.output import print_json, print_lines

    embedding = pipeline.quantize(project, trained or project.trained_folder, output or project.int8_folder)
    summary = pipeline.describe(embedding) | {"folder": str(output or project.int8_folder)}
    if as_json:
        print_json(summary)
    else:
        print_lines(*[f"{name.replace('_', ' ')}: {value}" for name, value in summary.items()])
