"""Compiling a generated project into a shared library; what was built from the same bytes is used again."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import resources
from pathlib import Path

from firmware_gen.source_tree import SourceTree

log = logging.getLogger(__name__)

_FLAGS = ("-std=c99", "-O3", "-ffp-contract=off", "-fPIC")


class HostBuildError(RuntimeError):
    """The project could not be compiled here; the message holds the compiler's own words."""


def build_library(tree: SourceTree, folder: Path, *, compiler: str = "cc") -> Path:
    """Compile model, runtime and ``harness/host.c``.

    Parameters
    ----------
    tree : SourceTree
    folder : Path
        Where libraries are kept, named after a hash of everything that goes into them. Several processes may share it.
    compiler : str
        A C compiler that takes gcc's options.

    Returns
    -------
    Path
        The shared library.

    Raises
    ------
    HostBuildError
        If there is no such compiler, or it rejects the project.
    """
    tool = shutil.which(compiler)
    if tool is None:
        raise HostBuildError(
            f"there is no C compiler {compiler!r} here: install gcc or clang (apt: gcc), or name yours"
        )
    version = _output([tool, "--version"])
    harness = resources.files("firmware_gen").joinpath("harness", "host.c").read_text(encoding="utf-8")
    library = folder / f"{tree.name}-{_key(version, tree.sha256, harness)}.so"
    if library.is_file():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    runtime = {path: text for path, text in tree.files.items() if path.startswith("kshot/")}
    model = {path: text for path, text in tree.files.items() if path.startswith("model/")}
    objects = _runtime_objects(runtime, folder, tool, version)
    with tempfile.TemporaryDirectory(dir=folder, prefix="compile-") as name:
        scratch = SourceTree(tree.name, {**runtime, **model, "host.c": harness}).write(Path(name))
        sources = [scratch / "host.c", *sorted((scratch / "model").glob("*.c"))]
        defines = (f"-DMODEL={tree.name}", f'-DMODEL_HEADER="{tree.name}.h"', f"-DMODEL_LEARNS={int(tree.learns)}")
        includes = (f"-I{scratch / 'kshot'}", f"-I{scratch / 'model'}")
        built = scratch / library.name
        _output([tool, *_FLAGS, "-shared", *defines, *includes, *sources, *objects, "-o", built])
        built.replace(library)
    log.info("compiled %s", library)
    return library


def _runtime_objects(runtime: Mapping[str, str], folder: Path, tool: str, version: str) -> list[Path]:
    """Compile the runtime, which is the same for every model, one file per processor at a time."""
    home = folder / f"runtime-{_key(version, *runtime, *runtime.values())}"
    if not home.is_dir():
        with tempfile.TemporaryDirectory(dir=folder, prefix="compile-") as name:
            scratch = SourceTree("kshot", runtime).write(Path(name)) / "kshot"
            commands = [[tool, *_FLAGS, "-c", c, "-o", c.with_suffix(".o")] for c in sorted(scratch.glob("*.c"))]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(_output, commands))
            with suppress(OSError):  # another process was faster
                scratch.rename(home)
    return sorted(home.glob("*.o"))


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join([*parts, *_FLAGS]).encode()).hexdigest()[:16]


def _output(command: list[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HostBuildError(f"{command[0]} failed with status {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout
