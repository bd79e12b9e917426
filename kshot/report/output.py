"""Results on standard output, as tables for people or JSON for scripts; notes and progress on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def note_console() -> Console:
    """Console on standard error, for progress and notes; without colour when NO_COLOR is set or it is no terminal."""
    return Console(stderr=True, highlight=False)


def print_json(result: object) -> None:
    """Print `result` as JSON on standard output."""
    sys.stdout.write(json_text(result))


def json_text(result: object) -> str:
    """`result` as JSON, as `print_json` and files have it."""
    return json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def print_lines(*lines: str) -> None:
    """Print plain lines on standard output."""
    sys.stdout.write("".join(line + "\n" for line in lines))


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table on standard output.

    Parameters
    ----------
    title : str
        Line above the table, or empty.
    head : sequence of str
    rows : sequence of sequences
        As many cells as `head`; numbers are set flush right.
    """
    console = _result_console()
    if title:
        console.print(title, style="bold")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(head):
        numeric = bool(rows) and all(isinstance(row[i], int | float) or _is_figure(row[i]) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row])
    console.print(table)


def _result_console() -> Console:
    """Console on standard output; wide when piped, so that lines stay whole."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, markup=False, width=160 if piped else None)


def _is_figure(cell: object) -> bool:
    text = str(cell)
    return bool(text) and (text[0].isdigit() or text == "-")
