"""Build a generated project for a target, by the Makefile that the project itself carries."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from firmware_gen.sizes import SizeReport, size_report
from firmware_gen.source_tree import SourceTree
from firmware_gen.targets import Board, Target

logger = logging.getLogger(__name__)

Program = Literal["example", "emulation"]
"""``example``: the project's own ``main.c``. ``emulation``: the program that serves `firmware_gen.emulate`."""

_PACKAGES: Mapping[str, str] = MappingProxyType(
    {"make": "make", "cc": "gcc", "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi"}
)
_OVERFLOW = re.compile(r"region [`'](\w+)' overflowed by (\d+) bytes")
_MESSAGE_LINES = 40


class BuildError(RuntimeError):
    """The compiler or the linker refused; the message ends with what it said."""


class MissingToolError(BuildError):
    """A program that building needs is not installed; the message names its package."""


class MemoryOverflowError(BuildError):
    """The firmware does not fit a board.

    Attributes
    ----------
    region : str
        ``FLASH`` or ``RAM``.
    excess_bytes : int
    """

    def __init__(self, board: str, region: str, excess_bytes: int) -> None:
        super().__init__(
            f"{board}: {region} is {excess_bytes} bytes too small; fewer classes, a narrower backbone or a larger board"
            " would fit"
        )
        self.region = region
        self.excess_bytes = excess_bytes


@dataclass(frozen=True)
class Firmware:
    """A linked program.

    Attributes
    ----------
    name : str
        The model's name.
    target : Target
    board : Board
        The one of the target's boards that it was linked for.
    elf : Path
        On the host target, the program itself.
    bin, hex : Path or None
        Images of the flash; None on the host. No .bin where the board's image is in pieces.
    sizes : SizeReport or None
        None on the host, where memory is no question.
    """

    name: str
    target: Target
    board: Board
    elf: Path
    bin: Path | None
    hex: Path | None
    sizes: SizeReport | None


def build(
    tree: SourceTree,
    target: Target,
    folder: Path,
    *,
    main: Program = "example",
    extra_cflags: Sequence[str] = (),
    jobs: int | None = None,
) -> Firmware:
    """Write `tree` to `folder` and build it there, for the first board of `target` that holds it.

    Parameters
    ----------
    tree : SourceTree
    target : Target
    folder : Path
        Becomes the generated project; what is built lies in its ``build/<board>/<main>``. Building again compiles
        only what changed.
    main : {"example", "emulation"}
    extra_cflags : sequence of str
        After the project's own flags, for every file.
    jobs : int or None
        Compilers at a time; None for one a processor.

    Raises
    ------
    MissingToolError
        If make or the target's compiler is not installed.
    MemoryOverflowError
        If no board of the target holds the program.
    BuildError
        If compiling or linking fails, or the target cannot run the program asked for.
    UnboundedStackError
        If the program recurses.
    """
    if main == "emulation" and not target.emulated:
        raise BuildError(f"target {target.name} is not emulated, so it has no emulation program")
    _require_tools(target)
    tree.write(folder)
    build_for = partial(
        _build_for, tree, target, folder, main=main, extra_cflags=extra_cflags, jobs=jobs or os.cpu_count() or 1
    )
    *smaller, largest = target.boards
    for board in smaller:
        try:
            return build_for(board)
        except MemoryOverflowError as error:
            logger.info("%s; trying a larger board", error)
    return build_for(largest)


def _require_tools(target: Target) -> None:
    for tool in ("make", f"{target.tool_prefix}gcc" if target.tool_prefix else "cc"):
        if shutil.which(tool) is None:
            raise MissingToolError(f"{tool} is not installed; on Debian or Ubuntu: apt install {_PACKAGES[tool]}")


def _build_for(
    tree: SourceTree,
    target: Target,
    folder: Path,
    board: Board,
    *,
    main: Program,
    extra_cflags: Sequence[str],
    jobs: int,
) -> Firmware:
    output = Path("build", board.name, main)  # relative: make splits absolute paths that hold a space
    flags = " ".join(extra_cflags)
    _forget_other_flags(folder / output, flags)
    program = _place_emulation_main(folder, output) if main == "emulation" else Path("main.c")
    variables = {"BOARD": board.name, "BUILD": output.as_posix(), "MAIN": program.as_posix(), "EXTRA_CFLAGS": flags}
    _make(folder, board, variables, jobs)
    elf = folder / output / f"{tree.name}.elf"
    if not target.tool_prefix:
        return Firmware(tree.name, target, board, elf, None, None, None)
    sizes = size_report(
        elf,
        name=tree.name,
        arena_bytes=_published(tree, f"ARENA_BYTES_{target.kernels.upper()}"),
        class_bytes=_published(tree, "CLASS_BYTES"),
        class_store_bytes=_published(tree, "CLASS_STORE_BYTES"),
        tool_prefix=target.tool_prefix,
    )
    if sizes.ram_bytes > sizes.ram_region_bytes:
        raise MemoryOverflowError(board.name, "RAM", sizes.ram_bytes - sizes.ram_region_bytes)
    binary = elf.with_suffix(".bin")
    return Firmware(tree.name, target, board, elf, binary if binary.is_file() else None, elf.with_suffix(".hex"), sizes)


def _forget_other_flags(output: Path, flags: str) -> None:
    """Remove what was compiled with other flags, which make cannot see."""
    remembered = output / "flags.txt"
    if remembered.is_file() and remembered.read_text(encoding="utf-8") == flags:
        return
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    remembered.write_text(flags, encoding="utf-8")


def _published(tree: SourceTree, key: str) -> int:
    """A size of the model's header: a number, or so much for each shot that there is room for; 0 without."""
    header, model = tree.files[f"model/{tree.name}.h"], tree.name.upper()
    per_shot = rf"\((?:(\d+) \+ )?{model}_MAX_SHOTS \* (\d+)\)"
    found = re.search(rf"^#define {model}_{key} (?:(\d+)|{per_shot})$", header, re.MULTILINE)
    room = re.search(rf"^#define {model}_MAX_SHOTS (\d+)$", header, re.MULTILINE)
    if found is None:
        return 0
    number, fixed, each = (int(group or 0) for group in found.groups())
    return number + fixed + each * int(room[1] if room else 0)


def _place_emulation_main(folder: Path, output: Path) -> Path:
    """Copy the emulation program next to what is built from it; return its path relative to `folder`."""
    source = resources.files(__package__).joinpath("harness", "emulation_main.c").read_text(encoding="utf-8")
    path = output / "emulation_main.c"
    if not (folder / path).is_file() or (folder / path).read_text(encoding="utf-8") != source:
        (folder / path).write_text(source, encoding="utf-8")
    return path


def _make(folder: Path, board: Board, variables: Mapping[str, str], jobs: int) -> None:
    """Run make; nothing of a make that this one was started from reaches it."""
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    command = ["make", "--no-print-directory", f"-j{jobs}", *(f"{key}={value}" for key, value in variables.items())]
    logger.debug("in %s: %s", folder, " ".join(command))
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env={**environment, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise _build_error(folder, board, done.stderr.strip() or done.stdout.strip())


def _build_error(folder: Path, board: Board, message: str) -> BuildError:
    overflows = [(int(excess), region) for region, excess in _OVERFLOW.findall(message)]
    if overflows:
        excess, region = max(overflows)
        return MemoryOverflowError(board.name, region, excess)
    tail = "\n".join(message.splitlines()[-_MESSAGE_LINES:])
    return BuildError(f"{folder}: building for {board.name} failed\n{tail}")
