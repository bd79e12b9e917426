"""Builds of the packages that `kshot generate --format` writes, each the way its build system would, on stand-ins.

``tests/stand_ins`` has as much of Arduino, Zephyr and ESP-IDF as a package and its example need.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

STAND_INS = Path(__file__).parents[1] / "tests/stand_ins"
_WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")


class PackageBuildError(RuntimeError):
    """A package does not compile, or its example fails; the message has what was said."""


@dataclass(frozen=True)
class Compiler:
    """A pair of compilers and what they compile for; `runs` where this computer runs their programs."""

    name: str
    prefix: str
    flags: tuple[str, ...]
    runs: bool = False


HOST = Compiler("host", "", ("-O1",), runs=True)
CORTEX_M4 = Compiler("Cortex-M4", "arm-none-eabi-", ("-mcpu=cortex-m4", "-mthumb", "--specs=nosys.specs", "-Os"))


def build_example(name: str, package: Path, folder: Path, compiler: Compiler) -> Path:
    """Build the example program of a package, warnings being errors.

    Parameters
    ----------
    name : str
        Of the format, ``plain`` included.
    package, folder : Path
        The package, and where everything that is built goes.
    compiler : Compiler

    Returns
    -------
    Path
        The linked program.

    Raises
    ------
    PackageBuildError
        If a compiler, the linker or CMake refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return _BUILDS[name](package.resolve(), folder.resolve(), compiler)


def run_program(program: Path) -> str:
    """Run a program of this computer and return what it prints.

    Raises
    ------
    PackageBuildError
        If it does not end by itself with status 0.
    """
    return _run(program, cwd=program.parent)


def _plain(package: Path, folder: Path, compiler: Compiler) -> Path:
    """The README's `make`; an emulated board stands for the processor."""
    board = "host" if compiler.runs else "qemu_m4"
    _run("make", "-s", f"-j{os.cpu_count()}", f"BOARD={board}", f"BUILD={folder}", "EXTRA_CFLAGS=-Werror", cwd=package)
    (program,) = folder.glob("*.elf")
    return program


def _arduino(package: Path, folder: Path, compiler: Compiler) -> Path:
    """All of ``src``, with only that folder to include from; a sketch is C++."""
    sketch = folder / "sketch.cpp"
    sketch.write_text((package / "examples/enroll/enroll.ino").read_text(encoding="utf-8"), encoding="utf-8")
    return _link_sketch(package, sketch, package / "examples/enroll", folder, compiler)


def _platformio(package: Path, folder: Path, compiler: Compiler) -> Path:
    source = package / "examples/enroll/src"
    return _link_sketch(package, source / "main.cpp", source, folder, compiler)


def _link_sketch(package: Path, sketch: Path, beside: Path, folder: Path, compiler: Compiler) -> Path:
    core = STAND_INS / "arduino"
    objects = _compile(sorted((package / "src").glob("*.c")), ["src"], package, folder, compiler)
    flags = ("-std=gnu++11", "-fno-exceptions", "-fno-rtti", f"-I{core}", f"-I{package / 'src'}", f"-I{beside}")
    for source in (sketch, core / "core.cpp"):
        objects.append(folder / f"{source.stem}.o")
        target = ("-c", source, "-o", objects[-1])
        _run(f"{compiler.prefix}g++", *compiler.flags, *_WARNINGS, *flags, *target, cwd=folder)
    return _link(objects, folder, compiler)


def _cmsis_pack(package: Path, folder: Path, compiler: Compiler) -> Path:
    """The files and include paths of all components, and the user code template."""
    (description,) = package.glob("*.pdsc")
    files = ElementTree.parse(description).getroot().findall("components/component/files/file")
    sources = [package / file.attrib["name"] for file in files if file.attrib["category"] == "sourceC"]
    includes = [file.attrib["name"] for file in files if file.attrib["category"] == "include"]
    return _link(_compile(sources, includes, package, folder, compiler), folder, compiler)


def _zephyr(package: Path, folder: Path, compiler: Compiler) -> Path:
    sample = package / "samples/enroll"
    variables = {"Zephyr_DIR": str(STAND_INS / "zephyr"), "Python3_EXECUTABLE": sys.executable}
    _cmake(sample, folder, compiler, variables)
    return folder / "zephyr_image"


def _esp_idf(package: Path, folder: Path, compiler: Compiler) -> Path:
    _cmake(package / "examples/enroll", folder, compiler, {}, IDF_PATH=str(STAND_INS / "esp-idf"))
    (program,) = folder.glob("*.elf")
    return program


_BUILDS: Mapping[str, Callable[[Path, Path, Compiler], Path]] = MappingProxyType(
    {
        "plain": _plain,
        "arduino": _arduino,
        "platformio": _platformio,
        "zephyr": _zephyr,
        "cmsis-pack": _cmsis_pack,
        "esp-idf": _esp_idf,
    }
)


def _compile(
    sources: Iterable[Path], includes: Sequence[str], package: Path, folder: Path, compiler: Compiler
) -> list[Path]:
    """C with GNU's extensions, as these build systems have it."""
    paths = [f"-I{package / include}" for include in includes]
    _run(f"{compiler.prefix}gcc", "-std=gnu11", *compiler.flags, *_WARNINGS, *paths, "-c", *sources, cwd=folder)
    return sorted(folder.glob("*.o"))


def _link(objects: Iterable[Path], folder: Path, compiler: Compiler) -> Path:
    program = folder / "program"
    _run(f"{compiler.prefix}gcc", *compiler.flags, *objects, "-o", program, cwd=folder)
    return program


def _cmake(source: Path, folder: Path, compiler: Compiler, variables: Mapping[str, str], **environment: str) -> None:
    settings = {"CMAKE_C_COMPILER": f"{compiler.prefix}gcc", "CMAKE_C_FLAGS": " ".join((*compiler.flags, *_WARNINGS))}
    if not compiler.runs:
        settings |= {"CMAKE_SYSTEM_NAME": "Generic", "CMAKE_TRY_COMPILE_TARGET_TYPE": "STATIC_LIBRARY"}
    arguments = [f"-D{key}={value}" for key, value in (settings | dict(variables)).items()]
    _run("cmake", "-S", source, "-B", folder, *arguments, cwd=folder, **environment)
    _run("cmake", "--build", folder, "--parallel", str(os.cpu_count()), cwd=folder, **environment)


def _run(*command: str | Path, cwd: Path, **environment: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAKE") and key != "MFLAGS"}
    done = subprocess.run(
        list(command),
        cwd=cwd,
        env={**kept, "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=600,
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-40:])
        raise PackageBuildError(f"{' '.join(map(str, command))[:200]} ended with {done.returncode}\n{said}")
    return done.stdout
