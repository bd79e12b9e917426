"""How the tests compile the runtime: the flags of DESIGN.md, and one compiler for each place where it must work."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RUNTIME = Path(__file__).parents[2] / "firmware_gen" / "runtime"
C_TESTS = Path(__file__).parents[1] / "c"

SHARED_WARNINGS = (
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow"),
    *("-Wdouble-promotion", "-Wcast-qual", "-Wvla", "-Werror"),
)
C_WARNINGS = (*SHARED_WARNINGS, "-Wstrict-prototypes", "-Wmissing-prototypes")


@dataclass(frozen=True)
class Compiler:
    """A compiler as a test calls it; `need` is its name for ``@pytest.mark.needs``."""

    name: str
    need: str
    command: tuple[str, ...]
    sanitize: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


# clang's sanitizers trap: their messages need a library that Debian packs apart
GCC = Compiler("gcc", "gcc", ("gcc",), ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"))
CLANG = Compiler("clang", "clang", ("clang",), ("-fsanitize=undefined", "-fsanitize-trap=all"))
M0 = Compiler("m0", "arm-gcc", ("arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"))
M4 = Compiler("m4", "arm-gcc", ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"))
M55 = Compiler("m55", "arm-gcc", ("arm-none-eabi-gcc", "-mcpu=cortex-m55", "-mfloat-abi=hard", "-mthumb"))


def sources() -> list[Path]:
    """Every C file of the runtime."""
    return sorted(RUNTIME.glob("*.c"))


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command and return its standard output; its messages become the assertion's when it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def compile_objects(compiler: Compiler, folder: Path, flags: Sequence[str] = ()) -> list[Path]:
    """Compile the runtime, without a warning, into one object file per source in `folder`."""
    run(*compiler.command, "-std=c99", *C_WARNINGS, *flags, "-c", *sources(), cwd=folder)
    return sorted(folder.glob("*.o"))
