"""`make bench`: instructions, memory and exactness of the int8 engine on emulated Cortex-M, model by model.

MLPerf Tiny's four models and untrained backbones of our own, on each core, by `kshot.benchmark`. Results lie in
build/figures/engine.json, a row a model and core, and engine_layers.json, a row a layer; what moved against the stored
run, bench/engine.json, is printed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench import engine_models
from kshot.benchmark import CORES, Measured, measure, merged, moved, read_rows, tables
from kshot.report.figures import write_figures
from kshot.report.output import print_lines

FOLDER = Path("build/engine")
STORED = Path("bench/engine.json")


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
    measured: list[Measured] = []
    for name in options.model or engine_models.NAMES:
        try:
            embedding = engine_models.load(name, FOLDER / "models")
        except OSError as error:
            print_lines(f"left out: {name}: {error} (KSHOT_DATA names another folder)")
            continue
        cores = options.core or CORES
        measured += measure(name, embedding, cores, FOLDER, inputs=options.inputs, seed=options.seed)
    for table in tables(measured, layers=options.layers):
        table.print()
    rows = [each.row for each in measured]
    before = read_rows(STORED) if STORED.is_file() else []
    print_lines(f"against {STORED}:", *(moved(before, rows) or ["nothing moved"]))
    write_figures("engine_layers", [row for each in measured for row in each.layers])
    print_lines(f"figures: {write_figures('engine', rows)}")
    if options.store:
        STORED.write_text(json.dumps(merged(before, rows), indent=1) + "\n", encoding="utf-8")
    if any(row["mismatches"] for row in rows):
        raise SystemExit("there are mismatches")


if __name__ == "__main__":
    main()
