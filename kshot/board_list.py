"""The boards that kshot knows, and whether a project's firmware fits them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from firmware_gen.build import MemoryOverflowError
from firmware_gen.hardware import HARDWARE, HardwareBoard
from kshot import pipeline
from kshot.project import Project
from kshot.report.tables import ReportTable


@dataclass(frozen=True)
class BoardRow:
    """A board and a project's firmware on it.

    Attributes
    ----------
    board, title, cpu : str
    flash_bytes, ram_bytes : int
        Of the chip.
    fits : bool or None
        Whether the linked firmware fits; None where there is no generated project.
    used_flash_bytes, used_ram_bytes : int or None
        Of the linked firmware, the stack included; None where there is none or it does not fit.
    flashed_by : tuple of str
    """

    board: str
    title: str
    cpu: str
    flash_bytes: int
    ram_bytes: int
    fits: bool | None
    used_flash_bytes: int | None
    used_ram_bytes: int | None
    flashed_by: tuple[str, ...]

    def row(self) -> dict[str, object]:
        """It as a flat row."""
        return asdict(self) | {"flashed_by": list(self.flashed_by)}


def board_rows(project: Project) -> list[BoardRow]:
    """A row for each board.

    Raises
    ------
    SourceTreeError, BuildError
        If there is a generated project that cannot be built.
    """
    generated = (project.source_folder / "Makefile").is_file()
    return [_row(project, board, generated=generated) for board in HARDWARE.values()]


def _row(project: Project, board: HardwareBoard, *, generated: bool) -> BoardRow:
    fits, flash, ram = None, None, None
    if generated:
        try:
            sizes = pipeline.build_for_board(project, project.source_folder, board.name).sizes
            fits = sizes is not None
            flash, ram = (sizes.flash_bytes, sizes.ram_bytes) if sizes else (None, None)
        except MemoryOverflowError:
            fits = False
    return BoardRow(
        board=board.name,
        title=board.title,
        cpu=board.processor,
        flash_bytes=board.flash.size_bytes,
        ram_bytes=board.ram.size_bytes,
        fits=fits,
        used_flash_bytes=flash,
        used_ram_bytes=ram,
        flashed_by=board.methods,
    )


def board_table(rows: list[BoardRow]) -> ReportTable:
    """The rows for a terminal."""
    fits = {None: "-", True: "yes", False: "no"}
    cells = [
        (
            row.board,
            row.cpu,
            f"{row.flash_bytes // 1024:,} KB",
            f"{row.ram_bytes // 1024:,} KB",
            fits[row.fits],
            "-" if row.used_flash_bytes is None else f"{row.used_flash_bytes:,}",
            "-" if row.used_ram_bytes is None else f"{row.used_ram_bytes:,}",
            ", ".join(row.flashed_by),
        )
        for row in rows
    ]
    head = ("board", "CPU", "flash", "RAM", "fits", "uses flash, bytes", "uses RAM, bytes", "flashed by")
    return ReportTable("Boards, and the project's firmware linked for each", head, cells)
