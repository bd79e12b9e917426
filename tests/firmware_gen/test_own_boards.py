"""A board of the user's own: the skeleton builds and runs as it is, and what cannot be a board is refused."""

from __future__ import annotations

import dataclasses
import subprocess
import threading
from pathlib import Path

import pytest

from firmware_gen import own_boards
from firmware_gen.build import build
from firmware_gen.hardware import UnknownBoardError
from firmware_gen.own_boards import BoardNameError
from firmware_gen.source_tree import SourceTree

_ECHO = """
#include "boards/board.h"

int main(void)
{
    char byte;

    board_start();
    board_write("ready\\n", 6);
    (void)board_read(&byte, 1);
    board_write(&byte, 1);
    board_write(board_tick() > 0 ? "ticks\\n" : "still\\n", 6);
    return 0;
}
"""


@pytest.mark.needs("arm-gcc", "qemu")
def test_the_skeleton_runs_before_it_is_changed(tiny_tree: SourceTree, tmp_path: Path) -> None:
    """Built without a warning, it starts in QEMU, sends, receives and counts."""
    own_boards.write_skeleton(tmp_path / "boards", "my_board")
    own = own_boards.read(tmp_path / "boards", "my_board")
    assert own.target.kernels == "dsp"
    tree = dataclasses.replace(tiny_tree, files={**tiny_tree.files, **own.files, "main.c": _ECHO})
    firmware = build(tree, own.target, tmp_path / "project", extra_cflags=["-Werror"])
    machine = ("-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "stdio")
    command = ["qemu-system-arm", *machine, "-kernel", str(firmware.elf)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as qemu:
        assert qemu.stdin is not None
        assert qemu.stdout is not None
        stop = threading.Timer(300, qemu.kill)  # a hang fails below, for want of an answer
        stop.start()
        try:
            assert qemu.stdout.readline() == b"ready\n"
            qemu.stdin.write(b"!")
            assert qemu.stdout.readline() == b"!ticks\n"
        finally:
            stop.cancel()
            qemu.kill()


@pytest.mark.parametrize(
    ("processor", "kernels"),
    [
        ("-mcpu=cortex-m0plus", "scalar"),
        ("-mcpu=cortex-m3", "scalar"),
        ("-mcpu=cortex-m33", "dsp"),
        ("-mcpu=cortex-m33+nodsp", "scalar"),
        ("-mcpu=cortex-m7 -mfpu=fpv5-d16", "dsp"),
        ("-mcpu=cortex-m55", "helium"),
        ("-mcpu=cortex-m55+nomve", "dsp"),
    ],
)
def test_the_kernels_follow_the_processor(processor: str, kernels: str, tmp_path: Path) -> None:
    """The size report names the arena of the kernels that the compiler's flags choose."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "board.mk").write_text(f"BOARD_CPU = {processor}\n")
    assert own_boards.read(tmp_path, "mine").target.kernels == kernels


@pytest.mark.parametrize("name", ["My_Board", "1st", "a-b", "", "x" * 33, "../up", "m4", "nucleo_f446re", "cortex_m"])
def test_a_name_that_cannot_be_a_boards_is_refused(name: str, tmp_path: Path) -> None:
    """Make and C must be able to use it, and it must not hide a board of kshot's."""
    with pytest.raises(BoardNameError):
        own_boards.write_skeleton(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_board_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """A port that someone has worked on stays."""
    own_boards.write_skeleton(tmp_path, "mine")
    (tmp_path / "mine" / "board.c").write_text("work")
    with pytest.raises(FileExistsError):
        own_boards.write_skeleton(tmp_path, "mine")
    assert (tmp_path / "mine" / "board.c").read_text() == "work"


def test_a_board_that_is_not_there_is_answered_with_the_way_to_begin(tmp_path: Path) -> None:
    """The message lists kshot's boards and names the command that begins one."""
    with pytest.raises(UnknownBoardError, match=r"no board 'mine': there are nrf52840_dk, .*kshot boards new mine"):
        own_boards.read(tmp_path, "mine")
