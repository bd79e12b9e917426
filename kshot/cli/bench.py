"""`kshot bench`: what a network costs on each core, counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from firmware_gen.targets import TARGETS
from kshot.cli.options import project_options

if TYPE_CHECKING:
    from kshot.project import Project


@click.command()
@click.argument("models", nargs=-1, type=click.Path(exists=True, path_type=Path))
@project_options()
@click.option(
    "--core",
    "cores",
    multiple=True,
    type=click.Choice([name for name, target in TARGETS.items() if target.emulated]),
    help="Core to count on; may be repeated. [default: all]",
)
@click.option("--inputs", type=click.IntRange(1, 10_000), default=2, show_default=True, help="Random inputs a core.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the inputs.")
@click.option("--layers", is_flag=True, help="Show a row a layer too.")
@click.option("--against", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="Earlier run to compare.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="JSON file for the rows.")
def bench(
    project: Project,
    *,
    as_json: bool,
    models: tuple[Path, ...],
    cores: tuple[str, ...],
    inputs: int,
    seed: int,
    layers: bool,
    against: Path | None,
    output: Path | None,
) -> None:
    """Count instructions, memory and mismatches of networks in QEMU.

    MODELS are folders that `kshot quantize` wrote, or int8 .tflite files; by default the project's.
    """
    from kshot import benchmark, pipeline
    from kshot.report.figures import write_atomically
    from kshot.report.output import json_text, print_json, print_lines

    measured = [
        each
        for name, path in [(path.stem, path) for path in models] or [(project.c_name, project.int8_folder)]
        for each in benchmark.measure(
            name,
            pipeline.load_int8(path),
            cores or benchmark.CORES,
            project.folder / "bench",
            inputs=inputs,
            seed=seed,
        )
    ]
    rows = [each.row for each in measured]
    if output:
        write_atomically(output, json_text(rows))
    if as_json:
        print_json({"rows": rows, "layers": [row for each in measured for row in each.layers]})
    else:
        for table in benchmark.tables(measured, layers=layers):
            table.print()
        if against:
            print_lines(
                f"against {against}:", *(benchmark.moved(benchmark.read_rows(against), rows) or ["nothing moved"])
            )
    if any(row["mismatches"] for row in rows):
        raise click.ClickException("there are mismatches: the kernels do not compute what the model says")
