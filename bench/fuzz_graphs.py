"""`make fuzz-graphs`: random int8 graphs, whose every output must equal the `tflite-micro` package's.

A case is a graph with three inputs, and a mismatch one that differs in any value, or writes or reads where it must not.
On the host every set of kernels runs every graph, under the address and undefined-behaviour sanitizers; in QEMU each
core runs its own kernels. A graph depends on the seed and its number alone. One that fails is kept in
build/graphs/failed, the first ones shrunk to the operator that fails; results lie in build/figures/graphs.json.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from bench.graph_generator import random_graph
from bench.graph_program import HOST, PASSED, Variant, emulated, marks
from bench.graph_shrink import Failure, answered, keep, shrink
from kshot.report.figures import write_figures
from kshot.report.output import note_console, print_lines
from kshot.report.tables import ReportTable

FOLDER = Path("build/graphs")
CORES = ("m0", "m4", "m55")
_HOST_BATCH = 200  # graphs a program
_EMULATED_BATCH = 100
_SECONDS = 10.0
_SHOWN = 20  # failures
_SHRUNK = 2  # failures a program: more of them most often have the same cause


@dataclass(frozen=True)
class Batch:
    """Graphs `first` to before `first + count` of `seed`, all in one program for each of `variants`."""

    where: str
    seed: int
    first: int
    count: int
    variants: tuple[Variant, ...]


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz_graphs", description=__doc__)
    parser.add_argument("--graphs", type=int, default=100_000, help="on the host (default: %(default)s)")
    parser.add_argument("--emulated", type=int, default=2_000, help="on each core in QEMU (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first graph (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time (default: one a processor)")
    options = parser.parse_args()
    print_lines(f"seed {options.seed}: graphs are numbered from {options.first}")
    counts = {"host": options.graphs, **dict.fromkeys(CORES, options.emulated)}
    failures = _run_all(list(batches(counts, seed=options.seed, first=options.first)), jobs=options.jobs)
    failed = {where: len({f.graph for name, f in failures if name == where}) for where in counts}
    print_lines(*(f"{f.graph} {f.variant}: {f.fault}: {'; '.join(f.operators)}" for _, f in failures[:_SHOWN]))
    rows = [(where, f"{counts[where]:,}", f"{failed[where]:,}") for where in counts]
    ReportTable("Random graphs against tflite-micro", ("where", "cases", "mismatches"), rows).print()
    figures = {f"{where}_cases": count for where, count in counts.items()}
    figures |= {f"{where}_mismatches": count for where, count in failed.items()}
    print_lines(f"figures: {write_figures('graphs', {**figures, 'seed': options.seed, 'first': options.first})}")
    if failures:
        raise SystemExit(f"there are mismatches: {FOLDER / 'failed'} has the operators")


def batches(counts: dict[str, int], *, seed: int, first: int) -> Iterator[Batch]:
    """Split the graphs into programs."""
    for where, total in counts.items():
        variants, size = (HOST, _HOST_BATCH) if where == "host" else ((emulated(where),), _EMULATED_BATCH)
        for start in range(0, total, size):
            yield Batch(where, seed, first + start, min(size, total - start), variants)


def run_batch(batch: Batch, folder: Path, kept: Path) -> list[Failure]:
    """Make the graphs, ask the oracle, run each variant; what failed, the first ones shrunk, written below `kept`."""
    cases = [answered(random_graph(batch.seed, number)) for number in range(batch.first, batch.first + batch.count)]
    failures = []
    for variant in batch.variants:
        found = marks(cases, variant, folder / variant.name)
        failed = [(case, mark) for case, mark in zip(cases, found, strict=True) if mark != PASSED]
        for i, (case, mark) in enumerate(failed):
            least = shrink(case, variant, folder / variant.name) if i < _SHRUNK else case
            failures.append(keep(case, least, mark, variant, kept=kept))
    return failures


def _run_all(todo: Sequence[Batch], *, jobs: int) -> list[tuple[str, Failure]]:
    """Run all batches, saying now and then how far it is; each process builds in a folder of its own."""
    failures: list[tuple[str, Failure]] = []
    pools = [ProcessPoolExecutor(1, mp_context=get_context("spawn")) for _ in range(jobs)]
    try:
        runs = {
            pools[i % jobs].submit(run_batch, batch, FOLDER / str(i % jobs), FOLDER / "failed"): batch
            for i, batch in enumerate(todo)
        }
        begun, said, graphs = time.monotonic(), 0.0, 0
        for done, future in enumerate(as_completed(runs), 1):
            batch = runs[future]
            try:
                failures += [(batch.where, failure) for failure in future.result()]
            except BrokenProcessPool:
                again = f"--seed {batch.seed} --first {batch.first} --graphs {batch.count}"
                raise SystemExit(f"the oracle's process died in these graphs or earlier ones: {again}") from None
            graphs += batch.count
            if time.monotonic() - said > _SECONDS or done == len(runs):
                said = time.monotonic()
                _say(graphs, todo, len(failures), said - begun)
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)
    return failures


def _say(graphs: int, todo: Iterable[Batch], failures: int, seconds: float) -> None:
    total = sum(batch.count for batch in todo)
    note_console().print(f"{graphs:,} of {total:,} graphs, {failures} failures, {seconds:.0f} s")


if __name__ == "__main__":
    main()
