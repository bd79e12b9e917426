"""`kshot data`: what there is to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kshot.cli.options import json_option, project_options, quiet_option

if TYPE_CHECKING:
    from kshot.project import Project


@click.group()
def data() -> None:
    """Get, list and look at data sets."""


@data.command("list")
@json_option
def list_sources(as_json: bool) -> None:
    """List the sources of images."""
    from kshot.report.output import print_json, print_lines
    from trainer.datasets import SOURCES

    if as_json:
        print_json(list(SOURCES))
    else:
        print_lines(*SOURCES)


@data.command()
@click.argument("source", required=False)
@project_options("data.input_shape", "data.invert", "data.rotations")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="PNG file of a contact sheet.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the sheet's choice.")
def show(project: Project, as_json: bool, source: str | None, output: Path | None, seed: int) -> None:
    """Describe a data set, and draw a contact sheet.

    SOURCE is one of those that `kshot data list` names; by default the project's training data.
    """
    import numpy as np

    from kshot import pipeline
    from kshot.report.output import print_json, print_lines
    from kshot.report.pictures import png_bytes
    from trainer.datasets import load_dataset
    from trainer.datasets.contact_sheet import contact_sheet

    if source:
        project = project.with_values("data", {"source": source})
    dataset = load_dataset(**pipeline.training_source(project))
    summary = pipeline.describe_data(dataset)
    if output:
        output.write_bytes(png_bytes(contact_sheet(dataset, rng=np.random.default_rng(seed))))
        summary["contact_sheet"] = str(output)
    if as_json:
        print_json(summary)
    else:
        print_lines(*[f"{name.replace('_', ' ')}: {value}" for name, value in summary.items()])


@data.command()
@click.argument("name", type=click.Choice(["omniglot", "vinyals-split"]))
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data folder. [default: $KSHOT_DATA, or the cache]",
)
@quiet_option
def get(name: str, folder: Path | None, quiet: bool) -> None:
    """Download a data set, or the lists of a split: `vinyals-split` is for `--split vinyals` of omniglot.

    An interrupted download of a data set goes on where it stopped.
    """
    from kshot.report.live import DownloadDisplay
    from kshot.report.output import print_lines
    from trainer.datasets.download import get_omniglot
    from trainer.datasets.omniglot import data_folder
    from trainer.datasets.vinyals import get_vinyals_split

    with DownloadDisplay(name, quiet=quiet) as display:
        download = get_omniglot if name == "omniglot" else get_vinyals_split
        path = download(folder or data_folder(), progress=display.update)
    print_lines(str(path))
