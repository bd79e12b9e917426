"""Runs the C tests of tests/c under sanitizers, each function as a test of its own."""

import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from runtime_compilers import C_TESTS, C_WARNINGS, CLANG, GCC, RUNTIME, Compiler, compile_objects, run

_CASES = [
    pytest.param(compiler, source, name, id=f"{compiler}-{source.stem}-{name}", marks=pytest.mark.needs(compiler.need))
    for compiler in (GCC, CLANG)
    for source in sorted(C_TESTS.glob("test_*.c"))
    for name in re.findall(r"^TEST\((\w+)\)", source.read_text(), re.MULTILINE)
]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Compiler, Path], Path]:
    """Builder of test programs; each is built once."""

    @cache
    def objects(compiler: Compiler) -> list[Path]:
        return compile_objects(compiler, tmp_path_factory.mktemp(compiler.name), ("-g", "-O1", *compiler.sanitize))

    @cache
    def build(compiler: Compiler, source: Path) -> Path:
        target = objects(compiler)[0].parent / source.stem
        flags = ("-std=c99", *C_WARNINGS, "-g", "-O1", *compiler.sanitize, f"-I{RUNTIME}")
        run(*compiler.command, *flags, source, *objects(compiler), "-lm", "-o", target)
        return target

    return build


@pytest.mark.parametrize(("compiler", "source", "name"), _CASES)
def test_c(program: Callable[[Compiler, Path], Path], compiler: Compiler, source: Path, name: str) -> None:
    """What the comment above the C function says, with no sanitizer's complaint."""
    done = subprocess.run([program(compiler, source), name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("gcc")
def test_every_c_test_is_listed(program: Callable[[Compiler, Path], Path]) -> None:
    """A program knows the tests that its source holds, so that none is left out silently."""
    for source in sorted(C_TESTS.glob("test_*.c")):
        held = re.findall(r"^TEST\((\w+)\)", source.read_text(), re.MULTILINE)
        assert sorted(run(program(GCC, source)).split()) == sorted(held)
