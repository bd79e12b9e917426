"""What `kshot build --report` says of each target, layer by layer: kernel, work, counts, bytes, and the arena drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firmware_gen.build import Firmware
from firmware_gen.counting import count
from firmware_gen.cycle_estimate import WEIGHTS, cycles_an_instruction
from firmware_gen.networks import Network, network
from firmware_gen.source_tree import SourceTree
from kshot.benchmark import layer_rows
from kshot.project import Project
from kshot.report.arena import write_arena_picture
from kshot.report.figures import write_atomically
from kshot.report.output import json_text, print_lines
from kshot.report.tables import ReportTable
from quantize.artifact import Int8Embedding

Row = dict[str, Any]
_COLUMNS = ("layer", "operator", "output", "kernel", "macs", "instructions", "cycles_estimate", "weight_bytes")
_MORE = ("scratch_bytes", "live_bytes", "why")


class ReportError(ValueError):
    """A generated project cannot be reported on; the message says what would do."""


@dataclass(frozen=True)
class TargetReport:
    """One target.

    Attributes
    ----------
    target : str
    title : str
        For people.
    layers : tuple of mappings
    totals : mapping
    picture : Path
        The arena as a PNG; an SVG lies beside it.
    """

    target: str
    title: str
    layers: tuple[Row, ...]
    totals: Row
    picture: Path

    def tables(self) -> tuple[ReportTable, ReportTable]:
        """The layers and the totals."""
        head = [name for name in (*_COLUMNS, *_MORE) if any(row[name] is not None for row in self.layers)]
        cells = [[_spelled(row[name]) for name in head] for row in self.layers]
        names = [name.replace("_", " ") for name in head]
        totals = [(name.replace("_", " "), _spelled(value)) for name, value in self.totals.items()]
        return ReportTable(f"Layers on {self.title}", names, cells), ReportTable("In all", ("", ""), totals)

    def print(self) -> None:
        """Print both tables, and what the estimate is."""
        for table in self.tables():
            table.print()
        if self.target in WEIGHTS:
            print_lines(estimate_note({self.target: WEIGHTS[self.target]}), "")


def reports(
    project: Project, embedding: Int8Embedding, tree: SourceTree, builds: Sequence[Firmware]
) -> list[TargetReport]:
    """Count each emulated target layer by layer, and draw its arena.

    Parameters
    ----------
    project : Project
    embedding : Int8Embedding
        What `tree` was generated from.
    tree : SourceTree
    builds : sequence of Firmware

    Raises
    ------
    ReportError
        If the project was generated from another model or with other options, or no target is emulated.
    BuildError, EmulationError
        If the counting program does not build or run.
    """
    if embedding.fingerprint.hex()[:16] not in tree.files[f"model/{tree.name}.h"]:
        raise ReportError(f"the C was not generated from {project.int8_folder}: run `kshot generate` again")
    found = [_target(project, embedding, tree, firmware) for firmware in builds if firmware.target.emulated]
    if not found:
        raise ReportError("no target is emulated, so nothing can be counted: --target m4 would do")
    return found


def _target(project: Project, embedding: Int8Embedding, tree: SourceTree, firmware: Firmware) -> TargetReport:
    graph, target, options = embedding.graph, firmware.target, project.generate
    budget = options.arena_bytes if options.arena_bytes and target.kernels != "portable" else None
    run = network(graph, target.kernels, ends_in_arena=options.ends_in_arena, arena_bytes=budget)
    published = re.search(rf"_ARENA_BYTES_{target.kernels.upper()} (\d+)$", tree.files[f"model/{tree.name}.h"], re.M)
    if published is None or int(published[1]) != run.arena_bytes:
        raise ReportError("the C was generated with other options or another kshot: run `kshot generate` again")
    inputs = np.random.default_rng(0).integers(-128, 128, (1, *graph.input_tensor.shape[1:])).astype(np.int8)
    counted = count(tree, target, project.folder / "report" / "counting" / target.name, inputs)
    mean = cycles_an_instruction(firmware.elf, target.name, tool_prefix=target.tool_prefix)
    layers = tuple(
        {**row, **_memory(run, row["layer"] - 1), "cycles_estimate": _cycles(row, mean), "why": _why(run, row)}
        for row in layer_rows(graph, run, counted)
    )
    estimates = [row["cycles_estimate"] for row in layers if row["cycles_estimate"] is not None]
    totals: Row = {
        "macs": sum(row["macs"] for row in layers),
        "instructions": int(counted.instructions[0]),
        "cycles_estimate": sum(estimates) if estimates else None,
        "arena_bytes": run.arena_bytes,
        "arena_lower_bound": run.memory.lower_bound_bytes,
        "constant_bytes": counted.constant_bytes,
        "code_bytes": counted.code_bytes,
        "stack_bound_bytes": firmware.sizes.stack_bytes if firmware.sizes else None,
        "flash_bytes": firmware.sizes.flash_bytes if firmware.sizes else None,
        "ram_bytes": firmware.sizes.ram_bytes if firmware.sizes else None,
        "qemu": counted.qemu,
    }
    picture, _ = write_arena_picture(project.folder / "report" / f"arena-{target.name}", run, graph)
    return TargetReport(target.name, target.title, layers, totals, picture)


def _memory(run: Network, step: int) -> Row:
    """Bytes that a layer brings, works in, and finds alive in the arena with its own."""
    view = next(view for view in run.layers if view.number == step + 1)
    alive = [b for b in run.memory.buffers if b.place == "arena" and b.first <= step <= b.last]
    return {
        "weight_bytes": sum(constant.size_bytes for constant in view.constants),
        "scratch_bytes": sum(b.size_bytes for b in alive if not b.tensors),
        "live_bytes": max((b.end for b in alive), default=0),
    }


def _why(run: Network, row: Mapping[str, Any]) -> str:
    """Why this kernel runs the layer."""
    if run.kernels == "portable":
        return "the target has no set of its own"
    if row["kernel"].startswith(f"kshot_{run.kernels}_"):
        return f"in the {run.kernels} set, proved exact for these weights and shapes"
    return f"the {run.kernels} set has none that is exact here or fits the arena"


def _cycles(row: Mapping[str, Any], mean: Mapping[str, float]) -> int | None:
    weight = mean.get(row["kernel"])
    return None if weight is None else round(row["instructions"] * weight)


def write(found: Sequence[TargetReport], folder: Path) -> Path:
    """Write ``report.md`` and ``report.json`` into `folder`; the path of the first."""
    rows = [{"target": each.target, "totals": each.totals, "layers": list(each.layers)} for each in found]
    weights = {each.target: dict(WEIGHTS[each.target]) for each in found if each.target in WEIGHTS}
    write_atomically(folder / "report.json", json_text({"targets": rows, "cycle_weights": weights}))
    return write_atomically(folder / "report.md", "\n".join(_markdown(found, weights)) + "\n")


def _markdown(found: Sequence[TargetReport], weights: Mapping[str, Mapping[str, float]]) -> list[str]:
    lines = ["# What the network costs", "", "Instructions are counted in QEMU, for one inference on a random input."]
    if weights:
        lines += ["", estimate_note(weights)]
    for each in found:
        lines += ["", f"## {each.title}", ""]
        for table in each.tables():
            lines += _markdown_table(table)
        lines += [f"![arena]({each.picture.name})"]
    return lines


def estimate_note(weights: Mapping[str, Mapping[str, float]]) -> str:
    """What the column of cycles is, with its weights."""
    spelled = "; ".join(
        f"{target}: {', '.join(f'{kind} {value:g}' for kind, value in kinds.items())}"
        for target, kinds in weights.items()
    )
    return (
        "Cycles are an estimate, not a measurement: counted instructions times the mean weight of the instructions in "
        f"the kernel's code, for memory without wait states. Weights in cycles: {spelled}."
    )


def _markdown_table(table: ReportTable) -> list[str]:
    head, rule = f"| {' | '.join(table.head)} |", "|" + "---|" * len(table.head)
    return [head, rule, *(f"| {' | '.join(row)} |" for row in table.rows), ""]


def _spelled(value: object) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
