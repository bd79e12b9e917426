"""Boards of a user's own: a folder that lies beside the project file and goes into the generated project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType

import jinja2

from firmware_gen.hardware import HARDWARE, UnknownBoardError
from firmware_gen.kernel_sets import KernelSet
from firmware_gen.targets import TARGETS, Board, Target

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SUFFIXES = (".c", ".h", ".ld", ".mk")
_KERNELS: tuple[tuple[re.Pattern[str], KernelSet], ...] = (
    (re.compile(r"-mcpu=cortex-m(55|85)\b(?!\S*\+nomve)"), "helium"),
    (re.compile(r"-mcpu=cortex-m(4|7|33|35p|55|85)\b(?!\S*\+nodsp)"), "dsp"),
)
_TEMPLATES = ("board.mk", "board.c", "link.ld")


class BoardNameError(ValueError):
    """A name that no board may have; the message says which may."""


@dataclass(frozen=True)
class OwnBoard:
    """A board as its folder describes it.

    Attributes
    ----------
    target : Target
    files : mapping of str to str
        What goes into a generated project: path there -> text.
    """

    target: Target
    files: Mapping[str, str]


def read(parent: Path, name: str) -> OwnBoard:
    """Read the folder `name` of `parent`.

    Raises
    ------
    UnknownBoardError
        If there is no such folder with a ``board.mk``.
    """
    folder = parent / name
    makefile = folder / "board.mk"
    if not _NAME.fullmatch(name) or not makefile.is_file():
        raise UnknownBoardError(
            f"no board {name!r}: there are {', '.join(HARDWARE)}, and none of yours in {parent}"
            f" (`kshot boards new {name}` begins one)"
        )
    texts = {f"boards/{name}/{p.name}": p.read_text(encoding="utf-8") for p in _sources(folder)}
    flags = makefile.read_text(encoding="utf-8")
    others: KernelSet = "scalar"
    kernels = next((kernels for pattern, kernels in _KERNELS if pattern.search(flags)), others)
    return OwnBoard(Target(name, name, (Board(name),), kernels=kernels), MappingProxyType(texts))


def _sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)


def write_skeleton(parent: Path, name: str) -> list[Path]:
    """Write a port that builds as it is and runs in QEMU, for a person to turn into one for their board.

    Parameters
    ----------
    parent : Path
        Where the board's folder goes, which must not be there.
    name : str

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    BoardNameError
        If the name cannot be a board's.
    FileExistsError
        If the folder is there already.
    """
    if not _NAME.fullmatch(name):
        raise BoardNameError(f"{name!r} cannot name a board: it must match {_NAME.pattern}")
    if name in TARGETS or name in HARDWARE or _is_shipped(name):
        raise BoardNameError(f"{name!r} is a board or target of kshot's own: choose another name")
    folder = parent / name
    folder.mkdir(parents=True)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("firmware_gen", "templates/board"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    paths = []
    for template in _TEMPLATES:
        path = folder / template
        path.write_text(environment.get_template(f"{template}.j2").render(name=name), encoding="utf-8")
        paths.append(path)
    return paths


def _is_shipped(name: str) -> bool:
    return resources.files("firmware_gen").joinpath("boards", name).is_dir()
