"""`FlashImage`: what a linked program puts into flash, byte by byte, read from the ELF file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

_SHF_ALLOC = 0x2


class ImageError(ValueError):
    """A file is no image for a board, or lacks what is asked of it."""


@dataclass(frozen=True)
class Segment:
    """Bytes at an address of the flash."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.address + len(self.data)


@dataclass(frozen=True)
class FlashImage:
    """What goes into flash.

    Attributes
    ----------
    segments : tuple of Segment
        In ascending order, none touching the next.
    entry : int
        The ELF file's entry point.
    symbols : mapping of str to int
        Values of the global symbols.
    """

    segments: tuple[Segment, ...]
    entry: int
    symbols: Mapping[str, int]

    def read(self, address: int, len_bytes: int) -> bytes:
        """Bytes of one segment.

        Raises
        ------
        ImageError
            If the image does not fill that range.
        """
        for segment in self.segments:
            if segment.address <= address and address + len_bytes <= segment.end:
                return segment.data[address - segment.address :][:len_bytes]
        raise ImageError(f"the image has no {len_bytes} bytes at {address:#010x}")

    def symbol(self, name: str) -> int:
        """Value of a symbol.

        Raises
        ------
        ImageError
            If the image has none of this name.
        """
        if name not in self.symbols:
            raise ImageError(f"the image has no symbol {name}")
        return self.symbols[name]


def read_image(elf: Path) -> FlashImage:
    """Read a linked program.

    Raises
    ------
    ImageError
        If the file is no ELF file for a 32-bit Arm processor.
    OSError
        If it cannot be read.
    """
    with elf.open("rb") as stream:
        if stream.read(4) != b"\x7fELF":
            raise ImageError(f"{elf}: not an ELF file")
        file = ELFFile(stream)
        if file["e_machine"] != "EM_ARM":
            raise ImageError(f"{elf}: built for {file['e_machine']}, not for a Cortex-M")
        loads = [segment for segment in file.iter_segments("PT_LOAD") if segment["p_filesz"]]
        parts = []
        for section in file.iter_sections():
            if not section["sh_flags"] & _SHF_ALLOC or section["sh_type"] == "SHT_NOBITS" or not section["sh_size"]:
                continue
            load = next(segment for segment in loads if segment.section_in_segment(section))
            parts.append(Segment(section["sh_addr"] - load["p_vaddr"] + load["p_paddr"], section.data()))
        symbols = {s.name: s["st_value"] for s in file.get_section_by_name(".symtab").iter_symbols() if s.name}
        return FlashImage(_joined(parts), file["e_entry"], symbols)


def _joined(parts: list[Segment]) -> tuple[Segment, ...]:
    joined: list[Segment] = []
    for part in sorted(parts, key=lambda part: part.address):
        if joined and joined[-1].end == part.address:
            joined[-1] = Segment(joined[-1].address, joined[-1].data + part.data)
        else:
            joined.append(part)
    return tuple(joined)
