"""Flashing over a debug probe with pyOCD's Python interface. pyOCD is imported when a board is flashed, not before."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from firmware_gen.flashing.errors import FlashError, not_found, not_permitted
from firmware_gen.hardware import HardwareBoard
from firmware_gen.image import FlashImage
from firmware_gen.image_checks import sectors_touched, store_of

INSTALL = 'pip install "kshot[flash]"'


def is_installed() -> bool:
    """Whether pyOCD can be imported."""
    return find_spec("pyocd") is not None


def options_of(board: HardwareBoard) -> dict[str, Any]:
    """Options of a pyOCD session.

    ``auto_unlock`` is off: it opens a locked chip by erasing all of it, the store too. Sectors alone are erased, and
    what an image leaves of one is kept.
    """
    return {
        "target_override": board.pyocd_target,
        "auto_unlock": False,
        "chip_erase": "sector",
        "keep_unwritten": True,
        "smart_flash": True,
        "hide_programming_progress": True,
    }


def choose_probe(board: HardwareBoard, probes: Sequence[Any], unique_id: str | None) -> Any:
    """The one probe to use.

    Parameters
    ----------
    board : HardwareBoard
    probes : sequence of pyocd.probe.debug_probe.DebugProbe
        Those that are connected.
    unique_id : str or None
        Or the beginning of one.

    Raises
    ------
    FlashError
        If there is none, or more than one.
    """
    fitting = [probe for probe in probes if unique_id is None or probe.unique_id.startswith(unique_id)]
    if not fitting:
        if unique_id is not None and probes:
            raise FlashError(f"no probe {unique_id!r}; connected: {_listed(probes)}")
        raise not_found(board, "debug probe")
    if len(fitting) > 1:
        raise FlashError(f"two or more probes are connected ({_listed(fitting)}): name one with --probe")
    return fitting[0]


def _listed(probes: Sequence[Any]) -> str:
    return ", ".join(f"{probe.unique_id} ({probe.description})" for probe in probes)


def carry_out(image: FlashImage, board: HardwareBoard, *, probe: str | None, erase_store: bool) -> None:
    """Program, compare and start.

    Raises
    ------
    FlashError
        If no probe or more than one is connected, the chip is locked, or programming or comparing fails.
    """
    from pyocd.core.exceptions import Error, TargetError
    from pyocd.core.helpers import ConnectHelper
    from pyocd.core.session import Session

    chosen = choose_probe(board, ConnectHelper.get_all_connected_probes(blocking=False), probe)
    try:
        with Session(chosen, options=options_of(board)) as session:
            program(session, image, board, erase_store=erase_store)
    except TargetError as error:
        raise FlashError(
            f"{board.title}: {error}. A locked chip opens only after all of its flash was erased, the store too:"
            f" `pyocd erase --mass --target {board.pyocd_target}` does that"
        ) from None
    except Error as error:
        if "permission" in str(error).lower() or "access" in str(error).lower():
            raise not_permitted(board) from None
        raise FlashError(f"{board.title}: {error}") from None


def program(session: Any, image: FlashImage, board: HardwareBoard, *, erase_store: bool) -> None:
    """Erase and program over an open session, read everything back, and start the program.

    Raises
    ------
    FlashError
        If what is read back is not the image.
    """
    from pyocd.flash.eraser import FlashEraser
    from pyocd.flash.loader import MemoryLoader

    if erase_store:
        store = store_of(image)
        FlashEraser(session, FlashEraser.Mode.SECTOR).erase([(store.start, store.stop)])
    loader = MemoryLoader(session, chip_erase="sector", keep_unwritten=True)
    for segment in image.segments:
        loader.add_data(segment.address, segment.data)
    loader.commit()
    for segment in image.segments:
        held = bytes(session.target.read_memory_block8(segment.address, len(segment.data)))
        if held != segment.data:
            at = next(i for i, (a, b) in enumerate(zip(held, segment.data, strict=True)) if a != b)
            raise FlashError(f"{board.title} holds other bytes than were written, from {segment.address + at:#010x} on")
    session.target.reset()


def steps(image: FlashImage, board: HardwareBoard, *, erase_store: bool) -> list[str]:
    """What `carry_out` does, in words."""
    store, touched = store_of(image), list(sectors_touched(image, board))
    found = [f"connect to {board.pyocd_target} with pyOCD, without unlocking it"]
    if erase_store:
        found.append(f"erase the store, {store.start:#010x} to {store.stop:#010x}")
    total = sum(len(segment.data) for segment in image.segments)
    spans = ", ".join(f"{segment.address:#010x} to {segment.end:#010x}" for segment in image.segments)
    return [
        *found,
        f"program {total:,} bytes, {spans}, in {len(touched)} erase units",
        "read everything back and compare",
        "reset the board",
    ]
