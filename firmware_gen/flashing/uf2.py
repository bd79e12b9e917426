"""UF2: blocks of 512 bytes that a bootloader takes as a file, and the drive that it shows."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from firmware_gen.flashing.errors import FlashError
from firmware_gen.hardware import HardwareBoard
from firmware_gen.image import Segment

PAYLOAD_BYTES = 256
_BLOCK = struct.Struct("<8I476sI")
_MAGIC = (0x0A32_4655, 0x9E5D_5157)
_MAGIC_END = 0x0AB1_6F30
_FAMILY_PRESENT = 0x2000
_INFO = "INFO_UF2.TXT"
_FILE = "kshot.uf2"


@dataclass(frozen=True)
class Drive:
    """A bootloader's drive.

    Attributes
    ----------
    folder : Path
    board_id : str
        As its INFO_UF2.TXT says.
    """

    folder: Path
    board_id: str


def encode(segments: Iterable[Segment], *, family: int) -> bytes:
    """Encode flash contents; a page that is filled in part is filled up with zeros.

    Parameters
    ----------
    segments : iterable of Segment
        In ascending order.
    family : int
        Family id: a bootloader drops blocks of others without a word.
    """
    pages: dict[int, bytearray] = {}
    for segment in segments:
        for offset, value in enumerate(segment.data):
            page, at = divmod(segment.address + offset, PAYLOAD_BYTES)
            pages.setdefault(page, bytearray(PAYLOAD_BYTES))[at] = value
    return b"".join(
        _BLOCK.pack(
            *_MAGIC,
            _FAMILY_PRESENT,
            page * PAYLOAD_BYTES,
            PAYLOAD_BYTES,
            number,
            len(pages),
            family,
            bytes(data),
            _MAGIC_END,
        )
        for number, (page, data) in enumerate(sorted(pages.items()))
    )


def mounted_folders() -> list[Path]:
    """Folders where systems mount drives."""
    user = os.environ.get("USER", "")
    roots = [Path("/media", user), Path("/run/media", user), Path("/media"), Path("/Volumes")]
    found = {path for root in roots if root.is_dir() for path in root.iterdir() if path.is_dir()}
    letters = {Path(f"{letter}:/") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ"} if os.name == "nt" else set()
    return sorted(found | {path for path in letters if path.is_dir()})


def find_drives(folders: Iterable[Path]) -> list[Drive]:
    """Those of `folders` that are a UF2 bootloader's, by the file that each of these shows."""
    drives = []
    for folder in folders:
        info = folder / _INFO
        if info.is_file():
            found = re.search(
                r"^Board-ID: *(.+?)\s*$", info.read_text(encoding="utf-8", errors="replace"), re.MULTILINE
            )
            drives.append(Drive(folder, found[1] if found else ""))
    return drives


def choose_drive(board: HardwareBoard, drives: list[Drive]) -> Drive:
    """The one drive of `board`.

    Raises
    ------
    FlashError
        If there is none, or more than one; the message says what to do.
    """
    fitting = [drive for drive in drives if drive.board_id == board.uf2_board]
    if not fitting:
        others = ", ".join(f"{drive.folder} is of {drive.board_id or 'an unnamed board'}" for drive in drives)
        raise FlashError(f"no drive of {board.title} found: {board.hint}" + (f" ({others})" if others else ""))
    if len(fitting) > 1:
        choices = ", ".join(str(drive.folder) for drive in fitting)
        raise FlashError(f"two or more boards are connected ({choices}): name one with --drive")
    return fitting[0]


def copy(data: bytes, drive: Drive) -> None:
    """Copy a UF2 file to a drive.

    A bootloader takes the drive away once it has the last block; while the drive is still there, the file is compared.

    Raises
    ------
    FlashError
        If the drive does not take it, or holds other bytes afterwards.
    """
    path = drive.folder / _FILE
    try:
        with path.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise FlashError(f"{drive.folder} did not take the file: {error.strerror}") from None
    try:
        held = path.read_bytes()
    except OSError:
        return
    if held != data:
        raise FlashError(f"{path} holds other bytes than were written: reconnect the board and try again")
