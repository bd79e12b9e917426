"""What the store asks of a microcontroller: flash, RAM and stack."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from runtime_compilers import M0, M4, RUNTIME, Compiler, run

from bench.store_stack import CORES, store_stack_bytes

_SOURCES = [*sorted(RUNTIME.glob("kshot_store*.c")), RUNTIME / "kshot_crc32.c"]
_REJECTION = [RUNTIME / "kshot_reject.c", RUNTIME / "kshot_open_set.c"]
_KEPT = [*sorted(RUNTIME.glob("kshot_persist*.c")), *sorted(RUNTIME.glob("kshot_record*.c"))]


def _compile(compiler: Compiler, folder: Path, sources: Sequence[Path] = _SOURCES) -> None:
    run(*compiler.command, "-std=c99", "-Os", "-c", *sources, cwd=folder)


def _flash_bytes(folder: Path) -> int:
    """Code and constants of the objects in a folder, which have no variables."""
    rows = run("arm-none-eabi-size", "-t", *sorted(folder.glob("*.o"))).splitlines()
    text, data, bss = map(int, rows[-1].split()[:3])
    assert (data, bss) == (0, 0)
    return text


@pytest.mark.needs("arm-gcc")
@pytest.mark.parametrize("compiler", [M0, M4], ids=str)
def test_flash_leaves_room_for_the_rest(compiler: Compiler, tmp_path: Path) -> None:
    """The whole store has at most 6 KB of code and constants, so that store and rejection stay within 8 KB."""
    _compile(compiler, tmp_path)
    assert _flash_bytes(tmp_path) <= 6144


@pytest.mark.needs("arm-gcc")
@pytest.mark.parametrize("compiler", [M0, M4], ids=str)
def test_keeping_classes_costs_little_beyond_the_store(compiler: Compiler, tmp_path: Path) -> None:
    """The layer between kshot and store, with both formats of records, of which a model links one: 3 KB at most."""
    _compile(compiler, tmp_path, _KEPT)
    assert _flash_bytes(tmp_path) <= 3072


@pytest.mark.needs("arm-gcc")
@pytest.mark.parametrize("compiler", [M0, M4], ids=str)
def test_optional_parts_are_small(compiler: Compiler, tmp_path: Path) -> None:
    """Export and import, and the lock with its hash, take under 1.3 KB each, and are linked where they are called."""
    for parts in (("export", "import"), ("lock", "sha256")):
        folder = tmp_path / parts[0]
        folder.mkdir()
        _compile(compiler, folder, [RUNTIME / f"kshot_{part}.c" for part in parts])
        assert _flash_bytes(folder) <= 1331


@pytest.mark.needs("arm-gcc")
@pytest.mark.parametrize("core", CORES)
def test_the_stack_is_bounded(core: str, tmp_path: Path) -> None:
    """No call recurses or has a stack that depends on data; the callbacks aside, none needs more than 448 bytes."""
    depths = store_stack_bytes(core, tmp_path)
    assert len(depths) == 16
    assert max(depths.values()) <= 448, depths
    assert depths["kshot_store_put"] > 100, "the graph was not followed"


@pytest.mark.needs("arm-gcc")
def test_the_state_of_a_small_store(tmp_path: Path) -> None:
    """State for 16 banks, an index entry a class, and the workspace are all the memory: under 1 KB at 36 classes."""
    source = tmp_path / "sizes.c"
    source.write_text('#include "kshot_store.h"\nchar state[sizeof(kshot_store)], entry[sizeof(kshot_store_entry)];\n')
    run(*M0.command, "-std=c99", f"-I{RUNTIME}", "-c", source, "-o", tmp_path / "sizes.o")
    found = run("arm-none-eabi-nm", "-S", tmp_path / "sizes.o")
    sizes = {name: int(size, 16) for size, name in re.findall(r"^\w+ (\w+) \w (\w+)$", found, re.MULTILINE)}
    assert sizes["state"] + 36 * sizes["entry"] + 100 <= 1024


@pytest.mark.needs("arm-gcc")
@pytest.mark.parametrize("compiler", [M0, M4], ids=str)
def test_rejection_fits_beside_the_store(compiler: Compiler, tmp_path: Path) -> None:
    """All code of rejection has at most 2 KB: with the store's 6 KB that makes 8."""
    _compile(compiler, tmp_path, _REJECTION)
    assert _flash_bytes(tmp_path) <= 2048
