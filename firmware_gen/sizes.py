"""`SizeReport`: what a linked firmware needs of flash and RAM, read from the ELF file itself."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from firmware_gen.kernel_sets import KERNEL_SETS
from firmware_gen.stack_bound import (
    EXCEPTION_FRAME_BYTES,
    EXCEPTION_FRAME_FPU_BYTES,
    read_call_graph,
    read_disassembly,
    stack_bound,
)

_SHF_ALLOC = 0x2
_MODEL = struct.Struct("<32s3I")
"""`kshot_model` up to its function pointer: fingerprint, input_len, embedding_len, arena_bytes."""
_LEARNER = re.compile(r"kshot_\w+_learner")
"""A `kshot_learner`: nothing but pointers to functions."""
_REJECT_CALLS = re.compile(r"kshot_reject_by_distance")
"""A `kshot_reject_calls`: the same; these call the learner's."""


@dataclass(frozen=True)
class LinkedModel:
    """What a firmware says of the model inside it, the fields of ``kshot_model``.

    Attributes
    ----------
    fingerprint : bytes
        32 bytes.
    input_len, embedding_len : int
        int8 values.
    arena_bytes : int
    """

    fingerprint: bytes
    input_len: int
    embedding_len: int
    arena_bytes: int


@dataclass(frozen=True)
class SizeReport:
    """Memory of one firmware, in bytes.

    Attributes
    ----------
    flash_bytes : int
        Code, constants, and the initial values of variables.
    ram_bytes : int
        Variables and the stack's bound: ``static_ram_bytes + stack_bytes``.
    static_ram_bytes : int
        Variables, the arena and learned classes among them; no stack.
    stack_bytes : int
        A bound on the stack with one interrupt on top (see `stack_bound`).
    arena_bytes : int
        The part of the variables that one inference works in.
    model_constant_bytes : int
        The part of the flash that holds the model's weights and parameters.
    class_bytes, class_store_bytes : int
        The part of the variables that one enrolled class takes, and what of that must survive a reset, its label, id
        and number of shots aside. 0 where the model only embeds.
    flash_region_bytes, ram_region_bytes : int
        What the board has.
    """

    flash_bytes: int
    ram_bytes: int
    static_ram_bytes: int
    stack_bytes: int
    arena_bytes: int
    model_constant_bytes: int
    class_bytes: int
    class_store_bytes: int
    flash_region_bytes: int
    ram_region_bytes: int


def linked_model(elf: Path, *, name: str) -> LinkedModel:
    """Read the constant ``<name>_model`` out of a linked firmware.

    Raises
    ------
    ValueError
        If the file is not an ELF file for a Cortex-M or has no such constant.
    """
    with elf.open("rb") as stream:
        image = _read_elf(stream, elf)
        symbol = _symbols(image).get(f"{name}_model")
        if symbol is None:
            raise ValueError(f"{elf}: holds no {name}_model")
        section = image.get_section(symbol["st_shndx"])
        start = symbol["st_value"] - section["sh_addr"]
        return LinkedModel(*_MODEL.unpack(section.data()[start : start + _MODEL.size]))


def size_report(
    elf: Path, *, name: str, arena_bytes: int, class_bytes: int, class_store_bytes: int, tool_prefix: str
) -> SizeReport:
    """Measure a firmware whose objects, with their ``.ci`` files, lie in the folder of `elf` or below.

    Parameters
    ----------
    elf : Path
    name : str
        The model's name.
    arena_bytes, class_bytes, class_store_bytes : int
        As the model's header publishes them.
    tool_prefix : str
        Of ``objdump``, which reads the library functions.

    Raises
    ------
    ValueError
        If the file is not an ELF file for a Cortex-M.
    UnboundedStackError
        If the program's stack has no bound.
    """
    with elf.open("rb") as stream:
        image = _read_elf(stream, elf)
        symbols = {key: symbol["st_value"] for key, symbol in _symbols(image).items()}
        flash, static_ram = _section_bytes(image)
        frame = EXCEPTION_FRAME_FPU_BYTES if _has_fpu(image) else EXCEPTION_FRAME_BYTES
        constants = _constant_bytes(image, name)
        called, rejecting = _table_calls(image, _LEARNER), _table_calls(image, _REJECT_CALLS)
    call_graph = read_call_graph(sorted(elf.parent.rglob("*.ci")))
    disassembly = subprocess.run(
        [f"{tool_prefix}objdump", "-d", "--no-show-raw-insn", str(elf)], check=True, capture_output=True, text=True
    ).stdout
    stack = stack_bound(
        call_graph,
        _with_aliases(read_disassembly(disassembly), symbols),
        root="startup_run",
        indirect_targets={f"{name}_embed", *(title for title in call_graph if title.rpartition("/")[2] in called)},
        outer_targets=[title for title in call_graph if title.rpartition("/")[2] in rejecting],
        exception_handlers=("SysTick_Handler",),
        exception_frame_bytes=frame,
    )
    return SizeReport(
        flash_bytes=flash,
        ram_bytes=static_ram + stack,
        static_ram_bytes=static_ram,
        stack_bytes=stack,
        arena_bytes=arena_bytes,
        model_constant_bytes=constants,
        class_bytes=class_bytes,
        class_store_bytes=class_store_bytes,
        flash_region_bytes=symbols["link_flash_region_bytes"],
        ram_region_bytes=symbols["link_ram_region_bytes"],
    )


def _read_elf(stream: Any, path: Path) -> Any:
    if stream.read(4) != b"\x7fELF":
        raise ValueError(f"{path}: not an ELF file")
    image = ELFFile(stream)
    if image["e_machine"] != "EM_ARM":
        raise ValueError(f"{path}: built for {image['e_machine']}, not for a Cortex-M")
    return image


def _symbols(image: Any) -> dict[str, Any]:
    return {symbol.name: symbol for symbol in image.get_section_by_name(".symtab").iter_symbols() if symbol.name}


def _section_bytes(image: Any) -> tuple[int, int]:
    """Flash and static RAM: every allocated section counts where it is stored and where it lives."""
    flash = ram = 0
    for section in image.iter_sections():
        if not section["sh_flags"] & _SHF_ALLOC or section.name == ".stack":
            continue
        stored = section["sh_type"] != "SHT_NOBITS"
        writable = section["sh_flags"] & 0x1
        flash += section["sh_size"] if stored else 0
        ram += section["sh_size"] if writable else 0
    return flash, ram


def _has_fpu(image: Any) -> bool:
    section = image.get_section_by_name(".ARM.attributes")
    return any(
        attribute.tag == "TAG_FP_ARCH" and attribute.value > 0
        for subsection in section.iter_subsections()
        for subsubsection in subsection.iter_subsubsections()
        for attribute in subsubsection.iter_attributes()
    )


def _constant_bytes(image: Any, model: str) -> int:
    """Sizes of the static objects of the model's source files; a file's symbols follow the one that names it."""
    sources = {f"{model}.c", *(f"{model}_{kernels}.c" for kernels in KERNEL_SETS)}
    total, within = 0, False
    for symbol in image.get_section_by_name(".symtab").iter_symbols():
        kind = symbol["st_info"]["type"]
        if kind == "STT_FILE":
            within = Path(symbol.name).name in sources
        elif within and kind == "STT_OBJECT" and symbol["st_info"]["bind"] == "STB_LOCAL":
            total += symbol["st_size"]
    return total


def _table_calls(image: Any, table_name: re.Pattern[str]) -> set[str]:
    """The functions that the linked tables of this name point to, static ones as ``file.c:name``."""
    functions: dict[int, str] = {}
    tables, file = [], ""
    for symbol in image.get_section_by_name(".symtab").iter_symbols():
        kind, binding = (symbol["st_info"][key] for key in ("type", "bind"))
        if kind == "STT_FILE":
            file = symbol.name
        elif kind == "STT_FUNC":
            local = binding == "STB_LOCAL"
            functions[symbol["st_value"] & ~1] = f"{file}:{symbol.name}" if local else symbol.name
        elif table_name.fullmatch(symbol.name):
            tables.append(symbol)
    pointers: set[int] = set()
    for table in tables:
        section = image.get_section(table["st_shndx"])
        start = table["st_value"] - section["sh_addr"]
        data = section.data()[start : start + table["st_size"]]
        pointers |= set(struct.unpack(f"<{len(data) // 4}I", data)) - {0}
    return {functions[pointer & ~1] for pointer in pointers}


def _with_aliases(functions: Mapping[str, Any], symbols: Mapping[str, int]) -> dict[str, Any]:
    """Give a function's other names, such as ``__aeabi_lmul`` beside ``__muldi3``, the same entry."""
    by_address = {symbols[name] & ~1: function for name, function in functions.items() if name in symbols}
    return {name: by_address[address & ~1] for name, address in symbols.items() if address & ~1 in by_address}
