"""`make fuzz-store`: coverage-guided fuzzing of the flash store, with clang's libFuzzer and sanitizers.

Each target is a program of tests/fuzz, which says at its head what an input is and what must hold. It starts from the
corpus kept beside it and from what earlier runs found. What ends a program is a finding: an input that is left in
``build/store_fuzz/findings``, and that ``build/store_fuzz/NAME INPUT`` repeats.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.store_cuts import C_TESTS, ROOT, RUNTIME, STORE
from kshot.report.figures import write_figures
from kshot.report.output import note_console, print_lines
from kshot.report.tables import ReportTable

FUZZ = ROOT / "tests" / "fuzz"
FOLDER = Path("build/store_fuzz")
_SANITIZE = "address,undefined"
_FLAGS = ("-std=c99", "-g", "-O2", "-fno-sanitize-recover=all")
_INPUT_SECONDS = 300  # of one input; more is a finding


@dataclass(frozen=True)
class Target:
    """A program of tests/fuzz.

    Attributes
    ----------
    name : str
        Of ``tests/fuzz/store_NAME.c`` and of its corpus.
    max_bytes : int
        Of an input.
    helpers : tuple of str
        Sources of tests/c that it needs.
    min_runs : int
        Fewer are not enough, whatever time they take.
    learners : bool
        Whether it needs all of the runtime but its kernels, and not the store alone.
    """

    name: str
    max_bytes: int
    helpers: tuple[str, ...] = ()
    min_runs: int = 0
    learners: bool = False

    def sources(self, runtime: Path) -> list[Path]:
        """The runtime's files that it tries."""
        if self.learners:
            return sorted(path for path in runtime.glob("*.c") if not path.stem.endswith("_s8"))
        return [runtime / name for name in STORE]

    @property
    def corpus(self) -> Path:
        """Inputs kept in the repository."""
        return FUZZ / "corpus" / self.name


TARGETS = (
    Target("mount", 2058, min_runs=1_000_000),
    Target("calls", 195, ("torture.c", "flash_model.c")),
    Target("import", 420, learners=True),
)


@dataclass(frozen=True)
class Fuzzed:
    """What one target's runs came to.

    Attributes
    ----------
    runs : int
        Inputs tried.
    seconds : int
        That libFuzzer took; of several processes, the one that took least.
    edges, edges_total : int
        Branches of the store's code that were taken, and that there are; those to the sanitizers' complaints, two
        thirds or so, are among them and must never be taken.
    inputs : int
        That each reach something of their own.
    findings : int
    """

    target: str
    runs: int = 0
    seconds: int = 0
    edges: int = 0
    edges_total: int = 0
    inputs: int = 0
    findings: int = 0


def main() -> None:
    """Fuzz, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.store_fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="a target, at least (default: %(default)s)")
    parser.add_argument("--images", type=int, help="arbitrary ones mounted, at least (default: 1,000,000)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="that share a target's inputs (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time (default: %(default)s)")
    options = parser.parse_args()
    _set_aside_findings()
    programs = {target: build_target(target, FOLDER) for target in TARGETS}
    parts = [(target, part) for target in TARGETS for part in range(options.processes)]
    try:
        with ThreadPoolExecutor(options.jobs) as pool:
            fuzzed = list(pool.map(lambda work: _fuzz_at_length(work[0], programs[work[0]], work[1], options), parts))
    except KeyboardInterrupt:
        raise SystemExit("interrupted: build/figures/store_fuzz.json is as it was") from None
    found = [_joined([f for f in fuzzed if f.target == target.name]) for target in TARGETS]
    rows = [
        (f.target, f"{f.runs:,}", f"{f.seconds:,}", f"{f.edges:,} of {f.edges_total:,}", f"{f.inputs:,}", f.findings)
        for f in found
    ]
    head = ("target", "runs", "seconds", "branches", "inputs", "findings")
    ReportTable("The flash store, fuzzed", head, [tuple(map(str, row)) for row in rows]).print()
    print_lines(f"figures: {write_figures('store_fuzz', [asdict(f) for f in found])}")
    if any(f.findings for f in found):
        raise SystemExit(f"the store failed: inputs that show it are in {FOLDER / 'findings'}")


def build_target(target: Target, folder: Path, *, runtime: Path = RUNTIME) -> Path:
    """Compile a target with the store of `runtime` into `folder`; only the store's own branches are counted.

    The CRC goes without sanitizers, because nine tenths of the time would be its.

    Raises
    ------
    subprocess.CalledProcessError
        If clang rejects it.
    """
    program, objects = folder / target.name, folder / f"{target.name}.objects"
    objects.mkdir(parents=True, exist_ok=True)
    flags = (*_FLAGS, f"-I{runtime}", f"-I{RUNTIME}", f"-I{C_TESTS}", f"-I{FUZZ}")
    crc = runtime / "kshot_crc32.c"
    store = [source for source in target.sources(runtime) if source != crc]
    harness = [FUZZ / f"store_{target.name}.c", *(C_TESTS / name for name in target.helpers)]
    for sanitize, sources in (
        ((f"-fsanitize=fuzzer-no-link,{_SANITIZE}",), store),
        ((f"-fsanitize={_SANITIZE}",), harness),
        ((), [crc]),
    ):
        _run(["clang", *flags, *sanitize, "-c", *map(str, sources)], cwd=objects)
    names = [f"{objects / source.stem}.o" for source in (*store, *harness, crc)]
    _run(["clang", f"-fsanitize=fuzzer,{_SANITIZE}", *names, "-o", str(program)])
    return program


def fuzz(target: Target, program: Path, folder: Path, limits: Sequence[str], *, part: int = 0) -> Fuzzed:
    """Run a target from its corpus, once.

    Parameters
    ----------
    target : Target
    program : Path
        From `build_target`.
    folder : Path
        Gets the log, the findings, and the inputs that reach something new.
    limits : sequence of str
        libFuzzer's options that end it, and ``-seed``.
    part : int
        Of processes that run at the same time.
    """
    new, findings = folder / "corpus" / target.name, folder / "findings"
    for needed in (new, findings):
        needed.mkdir(parents=True, exist_ok=True)
    prefix = f"{target.name}-{part}-"
    before = len(list(findings.glob(f"{prefix}*")))
    options = [
        *limits,
        f"-max_len={target.max_bytes}",
        f"-timeout={_INPUT_SECONDS}",
        f"-report_slow_units={_INPUT_SECONDS}",
        f"-artifact_prefix={findings / prefix}",
        "-print_final_stats=1",
    ]
    log = folder / f"{target.name}-{part}.log"
    with log.open("w", encoding="utf-8") as output:
        command = [str(program), *options, str(new), str(target.corpus)]
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    found = max(len(list(findings.glob(f"{prefix}*"))) - before, int(done.returncode != 0))
    return read_log(target.name, log.read_text(encoding="utf-8", errors="replace"), found)


def read_log(name: str, text: str, findings: int) -> Fuzzed:
    """Read what libFuzzer wrote.

    Raises
    ------
    ValueError
        If it never started, so that no findings would mean nothing.
    """
    modules = re.search(r"Loaded \d+ modules\s+\((\d+) inline", text)
    states = re.findall(r"^#(\d+)\s+\w+\s+cov: (\d+) ft: \d+ corp: (\d+)/", text, re.MULTILINE)
    if modules is None or not (states or findings):
        raise ValueError(f"target {name} did not run: {text[-500:]}")
    if not states:  # an input of the corpus ended it
        return Fuzzed(name, edges_total=int(modules[1]), findings=findings)
    runs = re.search(r"^stat::number_of_executed_units: (\d+)$", text, re.MULTILINE)
    seconds = re.search(r"^Done \d+ runs in (\d+) second", text, re.MULTILINE)
    return Fuzzed(
        name,
        runs=int(runs[1] if runs else states[-1][0]),
        seconds=int(seconds[1]) if seconds else 0,
        edges=int(states[-1][1]),
        edges_total=int(modules[1]),
        inputs=int(states[-1][2]),
        findings=findings,
    )


def _fuzz_at_length(target: Target, program: Path, part: int, options: argparse.Namespace) -> Fuzzed:
    """Fuzz for the time asked for, and then for the inputs that are wanting; a finding ends it."""
    least = target.min_runs if options.images is None else min(target.min_runs, options.images)
    least = -(-least // options.processes)
    runs = seconds = 0
    limit = f"-max_total_time={options.seconds}"
    seed = options.seed * 1000 + part
    while True:
        found = fuzz(target, program, FOLDER, (limit, f"-seed={seed}"), part=part)
        runs, seconds, seed = runs + found.runs, seconds + found.seconds, seed + options.processes
        note_console().print(f"{target.name}: {runs:,} inputs, {seconds:,} s, {found.findings} findings")
        if found.findings or runs >= least:
            return replace(found, runs=runs, seconds=seconds)
        limit = f"-runs={least - runs}"


def _joined(parts: Sequence[Fuzzed]) -> Fuzzed:
    """Add up the processes of a target; what they reached they share by their corpus."""
    return replace(
        max(parts, key=lambda part: part.edges),
        runs=sum(part.runs for part in parts),
        seconds=min(part.seconds for part in parts),
        findings=sum(part.findings for part in parts),
    )


def _set_aside_findings() -> None:
    """Findings of earlier runs do not count as this one's."""
    for path in (FOLDER / "findings").glob("*"):
        (FOLDER / "earlier_findings").mkdir(exist_ok=True)
        path.replace(FOLDER / "earlier_findings" / path.name)


def _run(command: Sequence[str], *, cwd: Path | None = None) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd)


if __name__ == "__main__":
    main()
