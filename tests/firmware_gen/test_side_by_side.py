"""Models and languages beside each other: two models in one firmware, and C++ over C."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from runtime_compilers import C_TESTS, C_WARNINGS, M0, M4, SHARED_WARNINGS, Compiler, compile_objects, run
from tiny_graphs import identity, taught_by, tiny_conv, tiny_embedding

from firmware_gen.build import build
from firmware_gen.emit import generate
from firmware_gen.emulate import Emulator
from firmware_gen.source_tree import SourceTree
from firmware_gen.targets import TARGETS

PROCESSOR = {
    "m0": M0.command[1:],
    "m4": (*M4.command[1:], "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
}
ROOT = Path(__file__).parents[2]
TWO_MODELS = (C_TESTS / "two_models.c").read_text(encoding="utf-8")
CPP_FLAGS = (
    "-fno-exceptions",
    "-fno-rtti",
    "-Wnon-virtual-dtor",
    "-Wold-style-cast",
    "-Wzero-as-null-pointer-constant",
)


@pytest.fixture(scope="module")
def two_models() -> SourceTree:
    """A project with a second model beside its own; the program is the test."""
    first = generate(tiny_embedding(tiny_conv(), examples=0), name="first", max_classes=4)
    second = generate(taught_by(tiny_embedding(identity(9), examples=0), "siamese"), name="second", max_classes=3)
    models = {path: text for path, text in second.files.items() if path.startswith("model/")}
    return SourceTree("first", {**first.files, **models, "main.c": TWO_MODELS})


def _sources(folder: Path) -> list[Path]:
    return sorted([*folder.glob("kshot/*.c"), *folder.glob("model/*.c")])


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_two_models_side_by_side(two_models: SourceTree, sanitizer: str, tmp_path: Path) -> None:
    """Calls of two models may take turns, or run in two threads: nothing of one reaches the other."""
    folder = two_models.write(tmp_path)
    flags = [*C_WARNINGS, f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-pthread", "-DTWO_THREADS"]
    run("gcc", "-std=c99", *flags, "-Ikshot", "-Imodel", "main.c", *_sources(folder), "-o", "two", cwd=folder)
    run(folder / "two")


@pytest.mark.needs("arm-gcc", "qemu")
@pytest.mark.parametrize("target", ["m0", "m4"])
def test_two_models_in_one_firmware(two_models: SourceTree, target: str, tmp_path: Path) -> None:
    """The same on emulated processors, each with its own kernels."""
    firmware = build(two_models, TARGETS[target], tmp_path, extra_cflags=["-Werror", "-DON_A_BOARD"])
    assert Emulator(firmware).run().exit_status == 0


@pytest.mark.needs("arm-gcc")
@pytest.mark.parametrize("compiler", [M0, M4], ids=str)
def test_the_runtime_has_no_state_of_its_own(compiler: Compiler, tmp_path: Path) -> None:
    """No variable lives outside of what the caller hands in: constants are all that the objects hold beside code."""
    for path in compile_objects(compiler, tmp_path):
        symbols = run("arm-none-eabi-nm", path)
        assert re.findall(r"^\S+ [bBdDC] (\S+)$", symbols, re.MULTILINE) == [], path.name


@pytest.mark.needs("gcc", "g++")
@pytest.mark.parametrize("standard", ["c++11", "c++20"])
def test_cpp_wrapper(tiny_tree: SourceTree, standard: str, tmp_path: Path) -> None:
    """Enrollments abort by themselves, failures are remembered, and what was learned is overwritten in the end."""
    folder = tiny_tree.write(tmp_path)
    (folder / "main.c").write_text("int cpp_test(void);\nint main(void) { return cpp_test(); }\n")
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    flags = [f"-std={standard}", *SHARED_WARNINGS, *CPP_FLAGS, "-Ikshot", "-Imodel"]
    run("g++", *flags, *sanitize, "-c", C_TESTS / "test_kshot_hpp.cpp", "-o", "cpp.o", cwd=folder)
    run("gcc", *sanitize, "-Ikshot", "-Imodel", "main.c", "cpp.o", *_sources(folder), "-o", "cpp", cwd=folder)
    run(folder / "cpp")


@pytest.mark.needs("gcc", "g++")
def test_cpp_of_the_readme(tmp_path: Path) -> None:
    """The README's C++ is a whole program: it enrolls a class and recognises it."""
    folder = generate(tiny_embedding(tiny_conv(), examples=0), name="glyphs").write(tmp_path)
    (block,) = re.findall(r"```cpp\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    (folder / "main.cpp").write_text(block, encoding="utf-8")
    run("gcc", "-O0", "-Ikshot", "-Imodel", "-c", *_sources(folder), cwd=folder)
    flags = ["-std=c++11", *SHARED_WARNINGS, *CPP_FLAGS, "-Ikshot", "-Imodel"]
    run("g++", *flags, "main.cpp", *folder.glob("*.o"), "-o", "program", cwd=folder)
    run(folder / "program")


@pytest.mark.needs("arm-gcc", "qemu")
@pytest.mark.parametrize("target", ["m0", "m4"])
def test_cpp_wrapper_in_firmware(tiny_tree: SourceTree, target: str, tmp_path: Path) -> None:
    """The wrapper needs neither C++'s library nor its start-up: C firmware links with it, and it works there."""
    caller = (
        '#include "boards/board.h"\n'
        "int cpp_test(void);\n"
        "int main(void)\n{\n    board_start();\n    board_exit(cpp_test() == 0 ? 0 : 1);\n}\n"
    )
    tree = SourceTree(tiny_tree.name, {**tiny_tree.files, "main.c": caller})
    folder = tree.write(tmp_path / "project")
    command = ("arm-none-eabi-g++", *PROCESSOR[target], "-std=c++11", "-Os", *SHARED_WARNINGS, *CPP_FLAGS)
    run(*command, "-Ikshot", "-Imodel", "-c", C_TESTS / "test_kshot_hpp.cpp", "-o", tmp_path / "cpp.o", cwd=folder)
    symbols = run("arm-none-eabi-nm", "--undefined-only", tmp_path / "cpp.o")
    assert re.findall(r"\b(_Zn[wa]\S*|__cxa_\S+|_Zd[la]\S*|malloc|free)\b", symbols) == []
    firmware = build(tree, TARGETS[target], folder, extra_cflags=[f"-Wl,{tmp_path / 'cpp.o'}"])
    assert Emulator(firmware).run().exit_status == 0
