"""Building a generated project: what comes out, and what a person reads when it does not."""

import dataclasses
import os
from pathlib import Path

import pytest

from firmware_gen.build import BuildError, Firmware, MemoryOverflowError, MissingToolError, build
from firmware_gen.source_tree import SourceTree
from firmware_gen.targets import TARGETS

CROSS = pytest.mark.needs("arm-gcc")


def with_main(tree: SourceTree, text: str) -> SourceTree:
    """The same project around another program."""
    return dataclasses.replace(tree, files={**tree.files, "main.c": text})


def variables(megabytes: int) -> str:
    """A program that does nothing but need RAM."""
    size = f"{megabytes} * 1024 * 1024"
    return f"static volatile char big[{size}];\nint main(void) {{ return big[0]; }}\n"


@pytest.mark.needs("gcc")
def test_the_host_target_gives_a_program(tiny_tree: SourceTree, tmp_path: Path) -> None:
    """Without a cross-compiler there is still something to run; images and sizes are no question there."""
    firmware = build(tiny_tree, TARGETS["host"], tmp_path)
    assert os.access(firmware.elf, os.X_OK)
    assert (firmware.bin, firmware.hex, firmware.sizes) == (None, None, None)


@CROSS
def test_a_cross_build_gives_images_and_sizes(tiny_tree: SourceTree, tmp_path: Path) -> None:
    """The .bin holds just what the report counts as flash, and the .hex the same bytes."""
    firmware = build(tiny_tree, TARGETS["m4"], tmp_path / "a folder", extra_cflags=["-Werror"])
    assert firmware.sizes is not None
    assert firmware.bin is not None
    assert firmware.hex is not None
    assert firmware.bin.stat().st_size == firmware.sizes.flash_bytes
    assert _hex_data(firmware.hex) == firmware.bin.read_bytes()


@CROSS
def test_building_again_compiles_nothing(emulation: dict[str, Firmware], tiny_tree: SourceTree) -> None:
    """A second build of the same tree leaves the program as it was."""
    before = emulation["m4"]
    again = build(tiny_tree, before.target, before.elf.parents[3], main="emulation", extra_cflags=["-Werror"])
    assert again == before
    assert again.elf.stat().st_mtime_ns == before.elf.stat().st_mtime_ns


@CROSS
def test_other_flags_compile_everything_again(tiny_tree: SourceTree, tmp_path: Path) -> None:
    """Objects of another optimisation must not end up in the program, also after a build that failed on the way."""
    fast = build(tiny_tree, TARGETS["m4"], tmp_path).sizes
    with pytest.raises(BuildError):
        build(with_main(tiny_tree, "mistake"), TARGETS["m4"], tmp_path, extra_cflags=["-Os"])
    small = build(tiny_tree, TARGETS["m4"], tmp_path, extra_cflags=["-Os"]).sizes
    assert fast is not None
    assert small is not None
    assert small.flash_bytes < fast.flash_bytes


@CROSS
def test_the_smallest_board_that_holds_it_is_taken(emulation: dict[str, Firmware]) -> None:
    """A tiny model fits the micro:bit's 16 KB."""
    assert emulation["m0"].board.name == "qemu_m0_microbit"


@CROSS
def test_a_larger_board_takes_over(tiny_tree: SourceTree, programs: Path) -> None:
    """1 MB of variables does not fit the micro:bit; the M3 machine has 4 MB."""
    firmware = build(with_main(tiny_tree, variables(1)), TARGETS["m0"], programs)
    assert firmware.board.name == "qemu_m0"


@CROSS
def test_too_much_for_every_board_says_how_much(tiny_tree: SourceTree, programs: Path) -> None:
    """The error names the board, the region and the bytes too many."""
    with pytest.raises(MemoryOverflowError, match=r"qemu_m4: RAM is .* bytes too small") as caught:
        build(with_main(tiny_tree, variables(5)), TARGETS["m4"], programs)
    assert caught.value.region == "RAM"
    assert 1 << 20 <= caught.value.excess_bytes < (1 << 20) + 4096


@CROSS
def test_a_stack_that_does_not_fit_is_an_overflow(tiny_tree: SourceTree, programs: Path) -> None:
    """The linker cannot see the stack; its bound is checked after the link."""
    text = """
        #include <stdint.h>
        #include <string.h>
        static volatile char most[15 * 1024];
        int main(void) { char deep[2048]; memset(deep, most[0], sizeof deep); return ((volatile char *)deep)[7]; }
    """
    firmware = build(with_main(tiny_tree, text), TARGETS["m0"], programs)
    assert firmware.board.name == "qemu_m0"


@CROSS
def test_what_the_compiler_says_is_passed_on(tiny_tree: SourceTree, programs: Path) -> None:
    """A person who edits main.c sees their own mistake."""
    with pytest.raises(BuildError, match=r"(?s)building for qemu_m4 failed.*undeclared_thing"):
        build(with_main(tiny_tree, "int main(void) { return undeclared_thing; }\n"), TARGETS["m4"], programs)


def test_a_missing_compiler_names_its_package(
    tiny_tree: SourceTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear message instead of make's."""
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text("#!/bin/sh\n")
    make.chmod(0o755)
    monkeypatch.setenv("PATH", str(make.parent))
    with pytest.raises(MissingToolError, match="apt install gcc-arm-none-eabi libnewlib-arm-none-eabi"):
        build(tiny_tree, TARGETS["m4"], tmp_path)
    assert not (tmp_path / "Makefile").exists()


def test_the_host_has_no_emulation_program(tiny_tree: SourceTree, tmp_path: Path) -> None:
    """There is nothing to emulate; the shared library of `host` serves there."""
    with pytest.raises(BuildError, match="host is not emulated"):
        build(tiny_tree, TARGETS["host"], tmp_path, main="emulation")


@pytest.mark.needs("gcc")
def test_a_make_around_it_has_no_say(tiny_tree: SourceTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make demo BOARD=...` must not reach the project's own make."""
    monkeypatch.setenv("MAKEFLAGS", "n -- BOARD=nonsense")
    assert build(tiny_tree, TARGETS["host"], tmp_path).elf.is_file()


def _hex_data(path: Path) -> bytes:
    """The data records of an Intel HEX file that has no gaps."""
    records = [bytes.fromhex(line[1:]) for line in path.read_text().split()]
    return b"".join(record[4:-1] for record in records if record[3] == 0)
