"""Which way an image goes to a board, and what will happen on it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from firmware_gen.flashing import pyocd_probe, tools, uf2
from firmware_gen.flashing.errors import FlashError
from firmware_gen.hardware import HardwareBoard, Method
from firmware_gen.image import FlashImage, Segment, read_image
from firmware_gen.image_checks import require_sound, store_of

METHOD_TITLES: Mapping[Method, str] = MappingProxyType(
    {
        "uf2": "a UF2 file copied to the board's drive",
        "pyocd": "pyOCD over a debug probe",
        "openocd": "OpenOCD over a debug probe",
        "st-flash": "st-flash over the ST-LINK",
        "dfu-util": "dfu-util through the chip's own bootloader",
    }
)


@dataclass(frozen=True)
class Plan:
    """A way for an image to a board.

    Attributes
    ----------
    board : HardwareBoard
    method : Method
    elf : Path
    image : FlashImage
    erase_store : bool
        Whether enrolled classes are erased; otherwise no erase unit of the store is touched.
    probe : str or None
        Serial number of the probe or board to use, or its beginning; None where only one is connected.
    drive : Path or None
        The bootloader's drive; None to find it.
    """

    board: HardwareBoard
    method: Method
    elf: Path
    image: FlashImage
    erase_store: bool = False
    probe: str | None = None
    drive: Path | None = None

    def steps(self) -> list[str]:
        """What `carry_out` does, a line a step."""
        if self.method == "uf2":
            data = self._uf2()
            where = self.drive or f"the drive whose INFO_UF2.TXT says Board-ID: {self.board.uf2_board}"
            store = ["the blocks that erase the store are among them"] if self.erase_store else []
            return [
                f"encode {len(data) // 512} blocks for the family {self.board.uf2_family:#010x}",
                *store,
                f"copy them to {where}",
                "compare the file, unless the board has started by then",
            ]
        if self.method == "pyocd":
            return pyocd_probe.steps(self.image, self.board, erase_store=self.erase_store)
        return [" ".join(_quoted(word) for word in c.words) for c in self._commands(Path("PIECES"))]

    def carry_out(self) -> None:
        """Bring the image to the board and verify it.

        Raises
        ------
        FlashError
            If that does not succeed; the message says what to do.
        """
        if self.method == "uf2":
            folders = [self.drive] if self.drive else uf2.mounted_folders()
            uf2.copy(self._uf2(), uf2.choose_drive(self.board, uf2.find_drives(folders)))
        elif self.method == "pyocd":
            pyocd_probe.carry_out(self.image, self.board, probe=self.probe, erase_store=self.erase_store)
        else:
            with tempfile.TemporaryDirectory(prefix="kshot-flash-") as name:
                tools.write_pieces(self.image, Path(name))
                tools.carry_out(self._commands(Path(name)), self.board)

    def _uf2(self) -> bytes:
        segments = list(self.image.segments)
        if self.erase_store:
            store = store_of(self.image)
            segments.append(Segment(store.start, b"\xff" * len(store)))
        assert self.board.uf2_family is not None
        return uf2.encode(segments, family=self.board.uf2_family)

    def _commands(self, folder: Path) -> Sequence[tools.Command]:
        if self.method == "openocd":
            return tools.openocd_commands(
                self.image, self.board, self.elf, probe=self.probe, erase_store=self.erase_store
            )
        of = tools.st_flash_commands if self.method == "st-flash" else tools.dfu_util_commands
        return of(self.image, folder, probe=self.probe)


def _quoted(word: str) -> str:
    return f"'{word}'" if " " in word else word


def plan(
    elf: Path,
    board: HardwareBoard,
    *,
    method: Method | None = None,
    erase_store: bool = False,
    probe: str | None = None,
    drive: Path | None = None,
) -> Plan:
    """Choose the way for a linked program to a board.

    Parameters
    ----------
    elf : Path
    board : HardwareBoard
    method : Method or None
        None for the first of the board's methods that is installed here.
    erase_store, probe, drive
        As in `Plan`.

    Raises
    ------
    ImageError, ImageCheckError
        If the file is no image that the board would start.
    FlashError
        If the board knows no such method, or no method is installed here.
    """
    image = read_image(elf)
    require_sound(image, board)
    chosen = _chosen(board, method, erase_store=erase_store)
    return Plan(board, chosen, elf, image, erase_store, probe, drive)


def _chosen(board: HardwareBoard, method: Method | None, *, erase_store: bool) -> Method:
    if method is not None and method not in board.methods:
        raise FlashError(f"{board.title} is not flashed by {method}, but by {' or '.join(board.methods)}")
    wanted = [method] if method else [m for m in board.methods if not erase_store or _erases_stores(m)]
    if erase_store and method and not _erases_stores(method):
        raise FlashError(f"{method} cannot erase the store alone: use {' or '.join(board.methods[:1])}")
    for each in wanted:
        if _is_installed(each):
            return each
    remedies = "; or ".join(f"{each}: {_how_to_install(each)}" for each in wanted)
    raise FlashError(f"nothing that flashes {board.title} is installed here. {remedies}")


def _erases_stores(method: Method) -> bool:
    """st-flash and dfu-util would have to program 0xFF, which counts as written where flash has ECC."""
    return method in ("uf2", "pyocd", "openocd")


def _is_installed(method: Method) -> bool:
    return method == "uf2" or (pyocd_probe.is_installed() if method == "pyocd" else tools.is_installed(method))


def _how_to_install(method: Method) -> str:
    return pyocd_probe.INSTALL if method == "pyocd" else tools.how_to_install(method)
