"""`kshot generate`: from an int8 embedding to C."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kshot.cli.options import project_options

if TYPE_CHECKING:
    from kshot.project import Project


@click.command()
@click.argument("embedding", type=click.Path(path_type=Path), required=False)
@project_options("generate", "store")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder of the result.")
def generate(project: Project, as_json: bool, embedding: Path | None, output: Path | None) -> None:
    """Generate a C project, or a package of it for another build system.

    EMBEDDING is the folder that `kshot quantize` wrote, or an int8 .tflite file; by default the project's.
    """
    from kshot import pipeline
    from kshot.report.output import print_json, print_lines

    folder = output or project.package_folder
    tree = pipeline.generate(project, embedding or project.int8_folder, folder)
    if as_json:
        print_json({"folder": str(folder), "name": tree.name, "sha256": tree.sha256, "files": list(tree.files)})
    else:
        print_lines(f"{len(tree.files)} files, SHA-256 {tree.sha256}", f"{folder}: README.md says how to go on")
