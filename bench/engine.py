"""`make bench`: instructions, memory and exactness of the int8 engine on emulated Cortex-M, model by model.

MLPerf Tiny's four models and two untrained backbones, on each core. A mismatch is an input whose output differs in any
value from the NumPy reference or from the `tflite-micro` package. Instructions are the mean of the inputs, counted in
QEMU; they rank kernels and are no latency. Results lie in build/figures/engine.json, a row a model and core, and
engine_layers.json, a row a layer; what moved against the stored run, bench/engine.json, is printed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench import engine_models
from bench.engine_program import Counted, count
from firmware_gen import emit, targets
from firmware_gen.networks import Network, network
from kshot.report.figures import write_figures
from kshot.report.output import print_lines
from kshot.report.tables import ReportTable
from quantize import oracles, reference
from quantize.artifact import Int8Embedding
from quantize.graph import Int8Graph

FOLDER = Path("build/engine")
STORED = Path("bench/engine.json")
CORES = ("m0", "m3", "m4", "m7", "m33", "m55")
Row = dict[str, Any]
_KEY = ("model", "core")


def main() -> None:
    """Count, compare, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--model", action="append", choices=engine_models.NAMES, help="only this one; repeatable")
    parser.add_argument("--core", action="append", choices=CORES, help="only this one; repeatable")
    parser.add_argument("--inputs", type=int, default=2, help="a model and core (default: %(default)s)")
    parser.add_argument("--layers", action="store_true", help="print a row a layer too")
    parser.add_argument("--store", action="store_true", help=f"keep the counts in {STORED}, to be compared with")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows: list[Row] = []
    layer_rows: list[Row] = []
    for name in options.model or engine_models.NAMES:
        try:
            embedding = engine_models.load(name, FOLDER / "models")
        except OSError as error:
            print_lines(f"left out: {name}: {error} (KSHOT_DATA names another folder)")
            continue
        inputs = _random_inputs(embedding, options.inputs, np.random.default_rng(options.seed))
        for counted_rows in _model(name, embedding, options.core or CORES, inputs):
            rows.append(counted_rows[0])
            layer_rows += counted_rows[1:]
    _print(rows, layer_rows if options.layers else [])
    _print_moved(_stored(), rows)
    write_figures("engine_layers", layer_rows)
    print_lines(f"figures: {write_figures('engine', rows)}")
    if options.store:
        merged = {**_stored(), **{_key(row): row for row in rows}}
        STORED.write_text(json.dumps(list(merged.values()), indent=1) + "\n", encoding="utf-8")
    if any(row["mismatches"] for row in rows):
        raise SystemExit("there are mismatches")


def _model(
    name: str, embedding: Int8Embedding, cores: Iterable[str], inputs: npt.NDArray[np.int8]
) -> Iterable[list[Row]]:
    """For each core, its row and those of its layers."""
    assert embedding.tflite is not None  # every model of this bench comes from a file
    tree = emit.generate(embedding, name="engine")
    expected = reference.run(embedding.graph, inputs).reshape(len(inputs), -1)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        oracle = pool.submit(oracles.tflite_micro_outputs, embedding.tflite, inputs).result().reshape(len(inputs), -1)
    with ThreadPoolExecutor(2) as pool:
        runs = pool.map(lambda core: count(tree, targets.get(core), FOLDER / name / core, inputs), cores)
        for core, counted in zip(cores, runs, strict=True):
            wrong = (counted.embeddings != expected) | (counted.embeddings != oracle)
            run = network(embedding.graph, targets.get(core).kernels)
            graph = embedding.graph
            keys = {"model": name, "core": core}
            rows = [_row(graph, run, counted, wrong), *_layer_rows(graph, run, counted)]
            yield [keys | row for row in rows]


def _row(graph: Int8Graph, run: Network, counted: Counted, wrong: npt.NDArray[np.bool_]) -> Row:
    macs = sum(engine_models.macs(graph, op) for op in graph.ops)
    instructions = round(float(counted.instructions.mean()))
    return {
        "macs": macs,
        "instructions": instructions,
        "instructions_per_mac": round(instructions / macs, 3),
        "mismatches": int(wrong.any(axis=1).sum()),
        "inputs": len(wrong),
        "arena_bytes": counted.arena_bytes,
        "arena_lower_bound": run.memory.lower_bound_bytes,
        "code_bytes": counted.code_bytes,
        "constant_bytes": counted.constant_bytes,
        "qemu": counted.qemu,
    }


def _layer_rows(graph: Int8Graph, run: Network, counted: Counted) -> Iterable[Row]:
    for view, instructions in zip(run.layers, counted.layers.tolist(), strict=True):
        op = graph.ops[view.number - 1]
        macs = engine_models.macs(graph, op)
        yield {
            "layer": view.number,
            "operator": type(op).__name__,
            "output": "x".join(map(str, graph.tensors[op.output].shape[1:])),
            "kernel": view.call.partition("(")[0],
            "macs": macs,
            "instructions": instructions,
            "instructions_per_mac": round(instructions / macs, 3) if macs else None,
        }


def _random_inputs(embedding: Int8Embedding, number: int, rng: np.random.Generator) -> npt.NDArray[np.int8]:
    return rng.integers(-128, 128, (number, *embedding.graph.input_tensor.shape[1:])).astype(np.int8)


def _print(rows: list[Row], layer_rows: list[Row]) -> None:
    for title, shown in (("Layers", layer_rows), ("The int8 engine, QEMU", rows)):
        if shown:
            head = [key for key in shown[0] if key != "qemu"]
            cells = [[f"{row[k]:,}" if isinstance(row[k], int) else str(row[k] or "-") for k in head] for row in shown]
            ReportTable(title, [key.replace("_", " ") for key in head], cells).print()


def _print_moved(stored: Mapping[tuple[str, str], Row], rows: list[Row]) -> None:
    moved = [
        f"{row['model']} {row['core']}: {what.replace('_', ' ')} {before[what]:,} -> {row[what]:,}"
        f" ({100 * (row[what] / before[what] - 1):+.1f} %)"
        for row in rows
        if (before := stored.get(_key(row)))
        for what in ("instructions", "arena_bytes", "code_bytes", "constant_bytes")
        if before[what] != row[what]
    ]
    if stored:
        print_lines(f"against {STORED}: {'nothing moved' if not moved else ''}".rstrip(), *moved)


def _stored() -> dict[tuple[str, str], Row]:
    if not STORED.is_file():
        return {}
    return {_key(row): row for row in json.loads(STORED.read_text(encoding="utf-8"))}


def _key(row: Row) -> tuple[str, str]:
    return row["model"], row["core"]


if __name__ == "__main__":
    main()
