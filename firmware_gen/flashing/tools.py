"""Flashing by programs that a person has installed: OpenOCD, st-flash, dfu-util."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_gen.flashing.errors import FlashError, not_found, not_permitted
from firmware_gen.hardware import HardwareBoard, Method
from firmware_gen.image import FlashImage
from firmware_gen.image_checks import store_of

logger = logging.getLogger(__name__)

_PACKAGES = {"openocd": "openocd", "st-flash": "stlink-tools", "dfu-util": "dfu-util"}
_NO_PERMISSION = re.compile(r"LIBUSB_ERROR_ACCESS|[Pp]ermission denied|insufficient permissions|Access denied")
_NO_DEVICE = re.compile(r"open failed|[Nn]o device found|[Cc]ouldn't find any ST-Link|No DFU capable|unable to find")
_SEVERAL = re.compile(r"[Mm]ore than one|multiple .*(?:adapter|device|ST-?L)")
_MESSAGE_LINES = 15


@dataclass(frozen=True)
class Command:
    """A command, and what a file must hold when it has ended.

    Attributes
    ----------
    words : tuple of str
    expected : (str, bytes) or None
        A file that the command writes, and the bytes that verify the flash.
    """

    words: tuple[str, ...]
    expected: tuple[str, bytes] | None = None


def openocd_commands(
    image: FlashImage, board: HardwareBoard, elf: Path, *, probe: str | None, erase_store: bool
) -> list[Command]:
    """Write, compare and start, erasing the sectors that the image fills and, if asked, the store's."""
    store = store_of(image)
    steps = [f"adapter serial {probe}"] if probe else []
    steps += ["init", "reset halt"]
    if erase_store:
        steps.append(f"flash erase_address {store.start:#010x} {len(store):#x}")
    path = elf.with_suffix(".hex").as_posix()
    steps += [f"flash write_image erase {{{path}}}", f"verify_image {{{path}}}", "reset run", "shutdown"]
    words = ["openocd", "-f", str(board.openocd_config), *(word for step in steps for word in ("-c", step))]
    return [Command(tuple(words))]


def st_flash_commands(image: FlashImage, folder: Path, *, probe: str | None) -> list[Command]:
    """Write each piece of the image, which st-flash compares by itself; the last one starts the program."""
    *_, last = image.segments
    serial = (f"--serial={probe}",) if probe else ()
    commands = []
    for segment in image.segments:
        path = folder / f"{segment.address:08x}.bin"
        reset = ("--reset",) if segment is last else ()
        commands.append(Command(("st-flash", *serial, *reset, "write", str(path), f"{segment.address:#010x}")))
    return commands


def dfu_util_commands(image: FlashImage, folder: Path, *, probe: str | None) -> list[Command]:
    """Write each piece of the image through the chip's own bootloader, read it back, and start the program."""
    serial = ("-S", probe) if probe else ()
    head = ("dfu-util", "-d", "0483:df11", *serial, "-a", "0", "-s")
    *_, last = image.segments
    commands = []
    for segment in image.segments:
        path, back = folder / f"{segment.address:08x}.bin", folder / f"{segment.address:08x}.read"
        commands.append(Command((*head, f"{segment.address:#010x}", "-D", str(path))))
        where = f"{segment.address:#010x}:{len(segment.data)}" + (":leave" if segment is last else "")
        commands.append(Command((*head, where, "-U", str(back)), (str(back), segment.data)))
    return commands


def write_pieces(image: FlashImage, folder: Path) -> None:
    """Write the files that the commands of st-flash and dfu-util name."""
    for segment in image.segments:
        (folder / f"{segment.address:08x}.bin").write_bytes(segment.data)


def is_installed(tool: Method) -> bool:
    """Whether the program of a method is on the PATH."""
    return shutil.which(tool) is not None


def how_to_install(tool: Method) -> str:
    """A command that brings it."""
    return f"on Debian or Ubuntu: apt install {_PACKAGES[tool]}"


def _run(words: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run(words, check=False, capture_output=True, text=True, errors="replace")
    return done.returncode, done.stdout + done.stderr


def carry_out(
    commands: Sequence[Command], board: HardwareBoard, *, run: Callable[[Sequence[str]], tuple[int, str]] = _run
) -> None:
    """Run the commands in turn.

    Parameters
    ----------
    commands : sequence of Command
    board : HardwareBoard
    run : callable
        From a command's words to its exit status and what it printed.

    Raises
    ------
    FlashError
        If one fails, with what to do where the cause is known; or if what is read back is not what was written.
    """
    for command in commands:
        logger.debug("%s", " ".join(command.words))
        status, output = run(command.words)
        if status:
            raise _failure(board, command.words[0], output)
        if command.expected is not None:
            path, data = command.expected
            if Path(path).read_bytes()[: len(data)] != data:
                raise FlashError(f"{board.title} holds other bytes than were written: try again with a shorter cable")


def _failure(board: HardwareBoard, tool: str, output: str) -> FlashError:
    if _NO_PERMISSION.search(output):
        return not_permitted(board)
    if _SEVERAL.search(output):
        return FlashError(f"{tool} found several boards: name one by its serial number with --probe\n{output.strip()}")
    if _NO_DEVICE.search(output):
        return not_found(board, "board")
    tail = "\n".join(output.strip().splitlines()[-_MESSAGE_LINES:])
    return FlashError(f"{tool} failed\n{tail}")
