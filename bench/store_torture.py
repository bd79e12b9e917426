"""`make store-torture`: the flash store under cuts, failing flash, flipped bits, arbitrary images and wear.

The C itself, under the address and undefined-behaviour sanitizers, on 14 geometries; then the C and its Python twin
through the same histories; then a mutant for each rule of docs/store_format.md. A failure is printed with the mode,
geometry and seed that repeat it: `build/store_torture/torture MODE INDEX SEED 1`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from bench.store_cuts import CASES, Counts, build_program, run
from bench.store_mutants import MUTANTS, is_killed
from bench.store_stack import CORES, store_stack_bytes
from bench.store_twins import Twins, build_library, run_sequence
from kshot.report.figures import write_figures
from kshot.report.output import note_console, print_lines
from kshot.report.tables import ReportTable

FOLDER = Path("build/store_torture")
_LARGE = {"page4k": 0.3, "sector128k_ecc": 0.05, "unit256": 0.3}
_SHARES = {"random": 0.8, "faults": 0.2, "every": 0.15}  # `every` ends with its history: it comes on top
_CHUNK = 20_000
_SECONDS = 5.0


@dataclass(frozen=True)
class Job:
    """One run of the torture program."""

    mode: str
    case: int
    seed: int
    count: int


def main() -> None:
    """Torture, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.store_torture", description=__doc__)
    parser.add_argument("--cuts", type=int, default=1_000_000, help="of power, in all (default: %(default)s)")
    parser.add_argument("--images", type=int, default=200_000, help="arbitrary ones mounted (default: %(default)s)")
    parser.add_argument("--flips", type=int, default=100_000, help="stores with a flipped bit (default: %(default)s)")
    parser.add_argument("--puts", type=int, default=100_000, help="a geometry, for wear (default: %(default)s)")
    parser.add_argument("--sequences", type=int, default=10_000, help="for C and Python (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at a time (default: one a processor)")
    parser.add_argument("--no-mutants", action="store_true", help="leave the mutants out")
    options = parser.parse_args()
    program = build_program(FOLDER / "torture")
    try:
        failed = _measure(program, options)
    except KeyboardInterrupt:
        raise SystemExit("interrupted: build/figures/store.json is as it was") from None
    if failed:
        raise SystemExit("the store failed: the seeds are above")


def _measure(program: Path, options: argparse.Namespace) -> bool:
    """Run everything and write the figures; whether anything failed."""
    counts: dict[str, Counts] = {}
    for mode in (*_SHARES, "images", "flips", "wear"):
        counts[mode] = _run_all(program, mode, list(jobs(mode, options)), jobs=options.jobs)
    mismatches = _compare_twins(options)
    survivors = [] if options.no_mutants else _survivors()
    total = sum(counts.values(), Counts())
    figures: dict[str, int] = {
        "geometries": len(CASES),
        "histories": counts["random"].histories + counts["faults"].histories,
        "cuts": total.cuts,
        **{name: getattr(total, name) for name in ("lost", "phantom", "wrong", "written_twice", "crashes")},
        "images": counts["images"].images,
        "flipped_bits": counts["flips"].images,
        "wear_puts": options.puts,
        "wear_spread": total.wear_spread,
        "differential_sequences": options.sequences,
        "differential_mismatches": mismatches,
        "mutants": 0 if options.no_mutants else len(MUTANTS),
        "mutants_survived": len(survivors),
        **{f"stack_bytes_{core}": max(store_stack_bytes(core, FOLDER / f"stack_{core}").values()) for core in CORES},
        "seed": options.seed,
    }
    rows = [(name.replace("_", " "), f"{value:,}") for name, value in figures.items()]
    ReportTable("The flash store", ("count of", ""), rows).print()
    print_lines(*(f"survived: {name}" for name in survivors), f"figures: {write_figures('store', figures)}")
    return bool(total.failures or mismatches or survivors or total.wear_spread > 1)


def jobs(mode: str, options: argparse.Namespace) -> Iterator[Job]:
    """Split a mode's work over the geometries, in runs of which each has seeds of its own."""
    if mode == "wear":
        yield from (Job(mode, case, options.seed, options.puts) for case in range(len(CASES)))
        return
    whole = options.images if mode == "images" else options.flips if mode == "flips" else options.cuts * _SHARES[mode]
    weights = [_LARGE.get(name, 1.0) for name in CASES]
    for case, weight in enumerate(weights):
        left = int(whole * weight / sum(weights)) + 1
        seed = options.seed * 1_000_000_000
        while left > 0:
            count = min(left, _CHUNK)
            yield Job(mode, case, seed, count)
            seed, left = seed + _CHUNK, left - count


def _run_all(program: Path, mode: str, todo: list[Job], *, jobs: int) -> Counts:
    """Run all jobs of a mode, saying now and then how far it is."""
    total, begun, said = Counts(), time.monotonic(), 0.0
    with ThreadPoolExecutor(jobs) as pool:
        runs = {pool.submit(run, program, job.mode, job.case, job.seed, job.count): job for job in todo}
        try:
            for done, future in enumerate(as_completed(runs), 1):
                counts, message = future.result()
                total = total + counts
                if message:
                    note_console().print(f"{CASES[runs[future].case]}: {message}")
                if time.monotonic() - said > _SECONDS or done == len(runs):
                    said = time.monotonic()
                    note_console().print(
                        f"{mode}: {done} of {len(runs)} runs, {total.cuts:,} cuts, {total.images:,} images,"
                        f" {total.failures} failures, {said - begun:.0f} s"
                    )
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return total


def _compare_twins(options: argparse.Namespace) -> int:
    """Run the histories of C and Python; how many part."""
    twins = Twins(build_library(FOLDER))
    mismatches, said = 0, time.monotonic()
    for i in range(options.sequences):
        seed = options.seed * 1_000_000 + i
        if not run_sequence(twins, seed):
            mismatches += 1
            note_console().print(f"C and Python part: bench.store_twins.run_sequence(twins, {seed})")
        if time.monotonic() - said > _SECONDS:
            said = time.monotonic()
            note_console().print(f"twins: {i + 1:,} of {options.sequences:,} sequences, {mismatches} mismatches")
    return mismatches


def _survivors() -> list[str]:
    """Mutants that nobody noticed."""
    found = []
    for i, mutant in enumerate(MUTANTS, 1):
        with tempfile.TemporaryDirectory(prefix="kshot-mutant-") as folder:
            if not is_killed(mutant, Path(folder)):
                found.append(mutant.name)
        note_console().print(f"mutants: {i} of {len(MUTANTS)}, {len(found)} survived")
    return found


if __name__ == "__main__":
    main()
