"""The store's C under cuts: compiles the torture program of tests/c and runs its modes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "firmware_gen" / "runtime"
C_TESTS = ROOT / "tests" / "c"
SANITIZE = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
STORE = (
    *(f"kshot_store{part}.c" for part in ("", "_bank", "_format", "_target", "_write")),
    "kshot_crc32.c",
)
_TORTURE = ("torture.c", "torture_histories.c", "torture_modes.c", "flash_model.c")
_SECONDS = 600.0

CASES = (
    "unit1",
    "unit2",
    "unit4",
    "unit4_tight",
    "unit8_ecc",
    "unit16_ecc",
    "unit32_ecc_2banks",
    "unit32_ecc",
    "unit256",
    "erased0_units128",
    "undefined_unit4",
    "unit4_2banks",
    "page4k",
    "sector128k_ecc",
)
"""Names of tests/c/torture.c, by index."""


@dataclass(frozen=True)
class Counts:
    """What one run or several counted; `crashes` are runs that a sanitizer, a signal or the clock ended."""

    histories: int = 0
    cuts: int = 0
    lost: int = 0
    phantom: int = 0
    wrong: int = 0
    written_twice: int = 0
    images: int = 0
    wear_spread: int = 0
    crashes: int = 0

    def __add__(self, other: Counts) -> Counts:
        sums = {name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__}
        return Counts(**{**sums, "wear_spread": max(self.wear_spread, other.wear_spread)})

    @property
    def failures(self) -> int:
        """Everything that must not happen."""
        return self.lost + self.phantom + self.wrong + self.written_twice + self.crashes


def build_program(
    target: Path,
    *,
    runtime: Path = RUNTIME,
    main: Sequence[str] = _TORTURE,
    flags: Sequence[str] = ("-O2", *SANITIZE),
) -> Path:
    """Compile the torture program, or another of tests/c, with the store of `runtime`.

    Raises
    ------
    subprocess.CalledProcessError
        If gcc rejects it.
    """
    sources = [*(C_TESTS / name for name in main), *(runtime / name for name in STORE)]
    target.parent.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-std=c99", *flags, f"-I{runtime}", f"-I{RUNTIME}", *map(str, sources), "-o", str(target)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


def run(program: Path, mode: str, case: int, seed: int, count: int) -> tuple[Counts, str]:
    """Run one mode on one geometry.

    Parameters
    ----------
    program : Path
    mode : str
        ``random`` and ``faults`` (histories of 24 cuts), ``every`` (each event of a history with each outcome),
        ``images``, ``flips``, ``wear``.
    case : int
        Index into `CASES`.
    seed : int
        The same seed repeats the run; a failure prints that of its history.
    count : int
        Cuts, images or puts.

    Returns
    -------
    Counts, str
        And what the program said of the first failure.
    """
    command = [str(program), mode, str(case), str(seed), str(count)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return Counts(crashes=1), f"{' '.join(command)}: no end after {_SECONDS:.0f} s"
    if done.returncode:
        return Counts(crashes=1), f"{' '.join(command)}: status {done.returncode}\n{done.stderr[-2000:]}"
    found: Mapping[str, int] = json.loads(done.stdout)
    return Counts(**found), f"{mode} {done.stderr.strip()}" if done.stderr else ""


def kills(program: Path, arguments: Sequence[str]) -> bool:
    """Whether a run of a torture or test program fails: by its counts, its status, or because it does not end."""
    try:
        done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    if done.returncode or not done.stdout.startswith("{"):
        return done.returncode != 0
    return Counts(**json.loads(done.stdout)).failures > 0


def mutated_runtime(folder: Path, file: str, edits: Sequence[tuple[str, str]]) -> Path:
    """Copy the runtime into `folder` with one file edited.

    Raises
    ------
    ValueError
        If a text to replace does not stand in the file exactly once: the mutant has to follow the code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for source in [*RUNTIME.glob("*.h"), *(RUNTIME / name for name in STORE)]:
        text = source.read_text(encoding="utf-8")
        for old, new in edits if source.name == file else ():
            if text.count(old) != 1:
                raise ValueError(f"{file} holds {old!r} {text.count(old)} times, not once")
            text = text.replace(old, new)
        (folder / source.name).write_text(text, encoding="utf-8")
    return folder
