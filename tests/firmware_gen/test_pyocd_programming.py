"""Programming through the loader and the eraser of pyOCD, with its memory map of each target, on made-up chips."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from board_images import image_of
from pyocd.core.memory_map import MemoryMap, MemoryType
from pyocd.flash.flash import Flash
from pyocd.target.builtin import BUILTIN_TARGETS

from firmware_gen.flashing import FlashError, pyocd_probe
from firmware_gen.hardware import HARDWARE, HardwareBoard
from firmware_gen.image import FlashImage
from firmware_gen.image_checks import sectors_touched, store_of

BY_PYOCD = [board for board in HARDWARE.values() if board.pyocd_target]


class Chip:
    """Memory behind a session: what pyOCD reads of it, and the sectors that it erased."""

    def __init__(self, board: HardwareBoard) -> None:
        assert board.pyocd_target is not None
        self.memory: dict[int, int] = {}
        self.erased: list[int] = []
        self.resets = 0
        self.corrupts: int | None = None
        memory_map: MemoryMap = BUILTIN_TARGETS[board.pyocd_target].MEMORY_MAP.clone()
        self.options = {"hide_programming_progress": True, **pyocd_probe.options_of(board)}
        self.session = SimpleNamespace(options=self.options, notify=lambda *_: None)
        self.session.target = SimpleNamespace(
            session=self.session,
            memory_map=memory_map,
            selected_core=SimpleNamespace(node_name=None),
            debug_sequence_delegate=None,
            read_memory_block8=self.read,
            reset=self._reset,
        )
        self.session.board = SimpleNamespace(target=self.session.target)
        for region in memory_map.iter_matching_regions(type=MemoryType.FLASH):
            region.flash = _Flash(self)
            region.flash.region = region

    def read(self, address: int, size: int) -> list[int]:
        return [self.memory.get(at, 0xA5) for at in range(address, address + size)]

    def _reset(self) -> None:
        self.resets += 1


class _Flash(Flash):  # type: ignore[misc]
    """Operations that change a `Chip` at once, in place of an algorithm in its RAM."""

    def __init__(self, chip: Chip) -> None:
        super().__init__(chip.session.target, None)
        self._chip = chip

    @property
    def is_erase_all_supported(self) -> bool:
        return False

    def init(self, *_: Any, **__: Any) -> None:
        pass

    def uninit(self) -> None:
        pass

    def cleanup(self) -> None:
        pass

    def erase_sector(self, address: int) -> None:
        size = self.get_sector_info(address).size
        self._chip.erased.append(address)
        self._chip.memory |= dict.fromkeys(range(address, address + size), 0xFF)

    def program_page(self, address: int, data: list[int]) -> None:
        page = dict(zip(range(address, address + len(data)), data, strict=True))
        assert all(self._chip.memory.get(at) == 0xFF for at in page), "programmed without an erase"
        self._chip.memory |= page
        if self._chip.corrupts in page:
            self._chip.memory[self._chip.corrupts] ^= 0xFF


def _program(chip: Chip, board: HardwareBoard, **options: bool) -> FlashImage:
    image = image_of(board)
    pyocd_probe.program(chip.session, image, board, **{"erase_store": False, **options})
    return image


@pytest.mark.parametrize("board", BY_PYOCD, ids=lambda board: board.name)
def test_what_is_erased_is_what_the_plan_says(board: HardwareBoard) -> None:
    """The image is in flash, the board runs, and no sector but the image's was touched: enrolled classes stay."""
    chip = Chip(board)
    image = _program(chip, board)
    for segment in image.segments:
        assert bytes(chip.read(segment.address, len(segment.data))) == segment.data
    assert chip.erased == [start for start, _ in sectors_touched(image, board)]
    store = store_of(image)
    assert chip.read(store.start, len(store)) == [0xA5] * len(store)
    assert chip.resets == 1


@pytest.mark.parametrize("board", BY_PYOCD, ids=lambda board: board.name)
def test_erase_store_erases_the_store_and_its_neighbours_not(board: HardwareBoard) -> None:
    """All of the store reads 0xFF, and the byte before it is what it was."""
    chip = Chip(board)
    store = store_of(_program(chip, board, erase_store=True))
    assert set(chip.read(store.start, len(store))) == {0xFF}
    assert chip.read(store.start - 1, 1) == [0xA5]


def test_what_else_is_in_a_sector_is_kept() -> None:
    """The image ends inside a sector: the rest of that sector is written back."""
    board = HARDWARE["nrf52840_dk"]
    chip = Chip(board)
    end = _program(chip, board).segments[-1].end
    assert chip.read(end, 16) == [0xA5] * 16


def test_programming_again_erases_nothing() -> None:
    """The same image a second time wears nothing out."""
    board = HARDWARE["nrf52840_dk"]
    chip = Chip(board)
    _program(chip, board)
    chip.erased.clear()
    _program(chip, board)
    assert chip.erased == []


def test_a_byte_that_does_not_stick_is_reported() -> None:
    """What is read back is compared, and the error names the address; the board is not started."""
    board = HARDWARE["nrf52840_dk"]
    chip = Chip(board)
    chip.corrupts = image_of(board).segments[0].address + 9
    with pytest.raises(FlashError, match="other bytes than were written, from 0x00000009 on"):
        _program(chip, board)
    assert chip.resets == 0


def test_an_image_outside_the_flash_is_not_programmed() -> None:
    """Its addresses are looked up in pyOCD's memory map before anything is erased."""
    board = HARDWARE["nrf52840_dk"]
    chip = Chip(board)
    image = image_of(board)
    moved = dataclasses.replace(image, segments=(dataclasses.replace(image.segments[0], address=0x7000_0000),))
    with pytest.raises(ValueError, match="no memory region defined for address 0x70000000"):
        pyocd_probe.program(chip.session, moved, board, erase_store=False)
    assert chip.erased == []
