"""Targets and the boards behind them."""

import re
from pathlib import Path

import pytest

import firmware_gen
from firmware_gen.hardware import HARDWARE
from firmware_gen.targets import TARGETS, Board, Target, UnknownTargetError, get

BOARDS = Path(firmware_gen.__file__).parent / "boards"
ALL_TARGETS = [*TARGETS.values(), *(board.target for board in HARDWARE.values())]
ALL_BOARDS = [board for target in ALL_TARGETS for board in target.boards]


def test_an_unknown_target_is_answered_with_those_that_exist() -> None:
    """A person who mistypes a target learns the right names."""
    with pytest.raises(UnknownTargetError, match="no target 'm44'; there are host, m0, m3, m4"):
        get("m44")


def test_a_target_needs_a_board() -> None:
    """A row without a board is a mistake in the table."""
    with pytest.raises(ValueError, match="no board"):
        Target("m99", "nothing", ())


@pytest.mark.parametrize("board", ALL_BOARDS, ids=lambda board: board.name)
def test_a_board_has_a_folder_that_make_can_include(board: Board) -> None:
    """Every row of the table stands for a folder whose board.mk names sources and scripts that exist."""
    text = _included_text(BOARDS / board.name / "board.mk")
    for path in re.findall(r"boards/\S+\.(?:c|ld|mk)", text):
        assert (BOARDS.parent / path).is_file(), path


@pytest.mark.parametrize("board", [b for b in ALL_BOARDS if b.qemu_machine], ids=lambda board: board.name)
def test_make_run_and_the_emulator_use_the_same_machine(board: Board) -> None:
    """`make BOARD=... run` and `kshot emulate` must not run different machines."""
    assert f"-M {board.qemu_machine} -kernel" in (BOARDS / board.name / "board.mk").read_text()


def test_every_folder_with_a_board_mk_is_known() -> None:
    """A port that is in neither table could not be built by name."""
    assert {path.parent.name for path in BOARDS.glob("*/board.mk")} == {board.name for board in ALL_BOARDS}


def _included_text(path: Path) -> str:
    text = path.read_text()
    return text + "".join(_included_text(BOARDS.parent / name) for name in re.findall(r"^include (\S+)", text, re.M))
