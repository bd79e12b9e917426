"""Instructions, memory and exactness of networks on emulated Cortex-M, beside those of an earlier run.

Instructions are counted in QEMU; they rank kernels and are no latency. A mismatch is an input whose output differs in
any value from the NumPy reference, or from TensorFlow Lite Micro where its package is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_gen import emit, targets
from firmware_gen.costs import macs
from firmware_gen.counting import Counted, count
from firmware_gen.networks import Network, network
from kshot.report.tables import ReportTable
from quantize import oracles, reference
from quantize.artifact import Int8Embedding
from quantize.graph import Int8Graph

CORES = tuple(name for name, target in targets.TARGETS.items() if target.emulated)
Int8Array = npt.NDArray[np.int8]
Row = dict[str, Any]
_KEY = ("model", "core")
_COMPARED = ("instructions", "arena_bytes", "code_bytes", "constant_bytes")
_COLUMNS = (*_KEY, "layer", "operator", "output", "kernel", "macs", "instructions", "instructions_per_mac")
_TOTALS = ("mismatches", "inputs", "arena_bytes", "arena_lower_bound", "io_arena_bytes", "code_bytes", "constant_bytes")


class StoredRunError(ValueError):
    """A file that should hold an earlier run does not."""


@dataclass(frozen=True)
class Measured:
    """One network on one core: its figures, and those of its layers in the order in which they run."""

    row: Row
    layers: tuple[Row, ...]


def measure(
    name: str, embedding: Int8Embedding, cores: Sequence[str], folder: Path, *, inputs: int, seed: int
) -> Iterator[Measured]:
    """Count a network on random inputs, core by core.

    Parameters
    ----------
    name : str
        Of the network, for the rows.
    embedding : Int8Embedding
    cores : sequence of str
        Of `CORES`.
    folder : Path
        To build in.
    inputs : int
        Of each core, at least 1; instructions are their mean.
    seed : int

    Raises
    ------
    BuildError, EmulationError
        If a tool is missing, or the firmware does not build or run.
    """
    rng = np.random.default_rng(seed)
    given = rng.integers(-128, 128, (inputs, *embedding.graph.input_tensor.shape[1:])).astype(np.int8)
    expected = [reference.run(embedding.graph, given).reshape(inputs, -1), *_oracle(embedding, given)]
    tree = emit.generate(embedding, name="engine")
    with ThreadPoolExecutor(2) as pool:
        runs = pool.map(lambda core: count(tree, targets.get(core), folder / name / core, given), cores)
        for core, counted in zip(cores, runs, strict=True):
            wrong = np.any([counted.embeddings != one for one in expected], axis=(0, 2))
            run = network(embedding.graph, targets.get(core).kernels)
            key = {"model": name, "core": core}
            layers = tuple(key | row for row in layer_rows(embedding.graph, run, counted))
            yield Measured(key | _row(embedding.graph, run, counted, int(wrong.sum())), layers)


def _oracle(embedding: Int8Embedding, inputs: Int8Array) -> list[Int8Array]:
    """What TensorFlow Lite Micro answers, in a process of its own, where there is one to ask."""
    if embedding.tflite is None or find_spec("tflite_micro") is None:
        return []
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        answered = pool.submit(oracles.tflite_micro_outputs, embedding.tflite, inputs).result()
    return [answered.reshape(len(inputs), -1)]


def _row(graph: Int8Graph, run: Network, counted: Counted, mismatches: int) -> Row:
    work = sum(macs(graph, op) for op in graph.ops)
    instructions = round(float(counted.instructions.mean()))
    return {
        "macs": work,
        "instructions": instructions,
        "instructions_per_mac": round(instructions / work, 3) if work else None,
        "mismatches": mismatches,
        "inputs": len(counted.instructions),
        "arena_bytes": counted.arena_bytes,
        "arena_lower_bound": run.memory.lower_bound_bytes,
        "io_arena_bytes": network(graph, run.kernels, ends_in_arena=True).arena_bytes,
        "code_bytes": counted.code_bytes,
        "constant_bytes": counted.constant_bytes,
        "qemu": counted.qemu,
    }


def layer_rows(graph: Int8Graph, run: Network, counted: Counted) -> Iterator[Row]:
    """A row a layer: its kernel, its work and what it cost in the last inference."""
    for view, instructions in zip(run.layers, counted.layers.tolist(), strict=True):
        op = graph.ops[view.number - 1]
        work = macs(graph, op)
        yield {
            "layer": view.number,
            "operator": type(op).__name__,
            "output": "x".join(map(str, graph.tensors[op.output].shape[1:])),
            "kernel": view.kernel,
            "macs": work,
            "instructions": instructions,
            "instructions_per_mac": round(instructions / work, 3) if work else None,
        }


def tables(measured: Sequence[Measured], *, layers: bool = False) -> Iterator[ReportTable]:
    """The layers, where they are asked for, and the networks."""
    shown = [("Layers", [row for each in measured for row in each.layers])] if layers else []
    for title, rows in (*shown, ("The int8 engine, instructions counted in QEMU", [each.row for each in measured])):
        head = [name for name in (*_COLUMNS, *_TOTALS) if rows and name in rows[0]]
        cells = [["-" if row[n] is None else _spelled(row[n]) for n in head] for row in rows]
        yield ReportTable(title, [name.replace("_", " ") for name in head], cells)


def _spelled(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def read_rows(path: Path) -> list[Row]:
    """The rows of an earlier run, as they were written.

    Raises
    ------
    StoredRunError
        If the file holds something else.
    OSError
        If it cannot be read.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StoredRunError(f"{path}: no JSON: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and set(_KEY) <= set(row) for row in rows):
        raise StoredRunError(f"{path}: no rows of models and cores; a file that `kshot bench --output` wrote works")
    return rows


def moved(before: Iterable[Row], after: Iterable[Row]) -> list[str]:
    """A line for each figure that differs between two runs of a model and core."""
    stored: Mapping[tuple[str, ...], Row] = {tuple(row[k] for k in _KEY): row for row in before}
    return [
        f"{row['model']} {row['core']}: {what.replace('_', ' ')} {old[what]:,} -> {row[what]:,}"
        + (f" ({100 * (row[what] / old[what] - 1):+.1f} %)" if old[what] else "")
        for row in after
        if (old := stored.get(tuple(row[k] for k in _KEY)))
        for what in _COMPARED
        if what in old and old[what] != row[what]
    ]


def merged(before: Iterable[Row], after: Iterable[Row]) -> list[Row]:
    """The rows of both runs, the later one's where both have a model and core."""
    rows = {tuple(row[k] for k in _KEY): row for row in (*before, *after)}
    return list(rows.values())
