"""`make boards`: firmware linked for every board, and its bytes checked.

Each board gets the example program around an untrained conv4 network, whose sizes are those of a trained one, or a
generated project that `--source` names. It is linked twice, in different folders. Results lie in
build/figures/boards.json, a row a board: what the chip has, what the firmware takes, whether it fits, how many checks
of its bytes passed (`firmware_gen.image_checks`, and that both links are equal byte for byte), how it is flashed. No
board is needed, and none is touched.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bench import engine_models
from firmware_gen import emit
from firmware_gen.build import Firmware, MemoryOverflowError, build
from firmware_gen.hardware import HARDWARE, HardwareBoard
from firmware_gen.image import read_image
from firmware_gen.image_checks import check_image, store_of
from firmware_gen.source_tree import SourceTree
from kshot.report.figures import write_figures
from kshot.report.output import print_lines
from kshot.report.tables import ReportTable

FOLDER = Path("build/boards")
MODEL = "conv4-32"


def main() -> None:
    """Link, check, print, write; fails where a check does."""
    parser = argparse.ArgumentParser(prog="python -m bench.boards", description=__doc__)
    parser.add_argument("--board", action="append", choices=list(HARDWARE), help="only this one; repeatable")
    parser.add_argument("--source", type=Path, help="a folder that `kshot generate` wrote")
    options = parser.parse_args()
    tree = SourceTree.read(options.source) if options.source else _untrained()
    rows = [_row(tree, HARDWARE[name]) for name in options.board or HARDWARE]
    _table(rows).print()
    print_lines(f"figures: {write_figures('boards', rows)}")
    if problems := [f"{row['board']}: {problem}" for row in rows for problem in row["problems"]]:
        raise SystemExit("\n".join(problems))


def _untrained() -> SourceTree:
    return emit.generate(engine_models.load(MODEL, FOLDER / "models"), name="model")


def _row(tree: SourceTree, board: HardwareBoard) -> dict[str, Any]:
    row: dict[str, Any] = {
        "board": board.name,
        "chip": board.chip,
        "cpu": board.processor,
        "flash_bytes": board.flash.size_bytes,
        "ram_bytes": board.ram.size_bytes,
        "flashed_by": list(board.methods),
        "fits": True,
        "problems": [],
    }
    try:
        first, second = (build(tree, board.target, FOLDER / again / board.name) for again in ("first", "second"))
    except MemoryOverflowError as error:
        return {**row, "fits": False, "why_not": str(error), "checks_passed": 0, "checks": 0}
    return {**row, **_checked(first, second, board)}


def _checked(first: Firmware, second: Firmware, board: HardwareBoard) -> dict[str, Any]:
    image, sizes = read_image(first.elf), first.sizes
    assert sizes is not None
    checks = check_image(image, board)
    problems = [f"{check.what}: {check.problem}" for check in checks if not check.passed]
    if image.segments != read_image(second.elf).segments:
        problems.append("two builds of the same input differ")
    return {
        "used_flash_bytes": sizes.flash_bytes,
        "used_ram_bytes": sizes.ram_bytes,
        "stack_bytes": sizes.stack_bytes,
        "arena_bytes": sizes.arena_bytes,
        "store_bytes": len(store_of(image)),
        "checks": len(checks) + 1,
        "checks_passed": len(checks) + 1 - len(problems),
        "problems": problems,
    }


def _table(rows: list[dict[str, Any]]) -> ReportTable:
    used = ("used_flash_bytes", "used_ram_bytes", "stack_bytes", "arena_bytes", "store_bytes")
    head = ("board", "CPU", "chip's flash", "its RAM", "fits", "flash", "RAM", "stack", "arena", "store", "checks")
    cells = [
        (
            row["board"],
            row["cpu"],
            f"{row['flash_bytes']:,}",
            f"{row['ram_bytes']:,}",
            "yes" if row["fits"] else "no",
            *(f"{row[name]:,}" if name in row else "-" for name in used),
            f"{row['checks_passed']} of {row['checks']}",
        )
        for row in rows
    ]
    return ReportTable("Firmware linked for every board, bytes; RAM includes arena, stack and classes", head, cells)


if __name__ == "__main__":
    main()
