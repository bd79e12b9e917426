"""Images for boards: they link, and their bytes are what the board starts from."""

import dataclasses
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from firmware_gen import hardware
from firmware_gen.build import Firmware, build
from firmware_gen.hardware import HARDWARE, HardwareBoard, Memory, UnknownBoardError
from firmware_gen.image import FlashImage, ImageError, Segment, read_image
from firmware_gen.image_checks import ImageCheckError, check_image, require_sound, store_of
from firmware_gen.source_tree import SourceTree

CROSS = pytest.mark.needs("arm-gcc")
EVERY_BOARD = pytest.mark.parametrize("board", HARDWARE.values(), ids=list(HARDWARE))

_PROGRAM = """
#include "tiny.h"
#include "boards/board.h"
#include "boards/board_flash.h"

const kshot_store_geometry *volatile geometry = &board_flash_geometry;

static int learns(const int8_t *input)
{
    static tiny_memory memory;
    static kshot learner;
    kshot_answer answer;

    return tiny_init(&learner, &memory) == KSHOT_OK && kshot_enroll_begin(&learner, "one") == KSHOT_OK &&
           kshot_enroll_add(&learner, input) == KSHOT_OK && kshot_enroll_commit(&learner, NULL) == KSHOT_OK &&
           kshot_classify(&learner, input, &answer) == KSHOT_OK && answer.class_id == 1;
}

int main(void)
{
    static int8_t input[TINY_INPUT_LEN];
    uint8_t unit[256];

    board_start();
    board_write("ready\\n", 6);
    (void)board_read((char *)input, sizeof input);
    board_write(learns(input) ? "learned\\n" : "failed!\\n", 8);
    if (board_flash()->erase(board_flash()->context, 0) != KSHOT_FLASH_OK ||
        board_flash()->read(board_flash()->context, 0, unit, sizeof unit) != KSHOT_FLASH_OK ||
        board_flash()->prog(board_flash()->context, 0, unit, sizeof unit) != KSHOT_FLASH_OK) {
        board_reset();
    }
    return geometry->bank_count == 0;
}
"""


def _with_program(tree: SourceTree) -> SourceTree:
    return dataclasses.replace(tree, files={**tree.files, "main.c": _PROGRAM})


@pytest.fixture(scope="session")
def board_images(tiny_tree: SourceTree, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Firmware]:
    """A program that learns, and uses the flash driver and the reset, for each board; warnings are errors."""
    folder = tmp_path_factory.mktemp("boards")
    tree = _with_program(tiny_tree)
    return {name: build(tree, board.target, folder, extra_cflags=["-Werror"]) for name, board in HARDWARE.items()}


@CROSS
@EVERY_BOARD
def test_the_bytes_are_what_the_board_starts_from(board: HardwareBoard, board_images: dict[str, Firmware]) -> None:
    """Vectors, entry, stack, memories, and what else the chip looks for, read out of the linked image."""
    checks = check_image(read_image(board_images[board.name].elf), board)
    assert [check for check in checks if not check.passed] == []


@CROSS
@EVERY_BOARD
def test_the_driver_fits_the_store_of_the_linker_script(
    board: HardwareBoard, board_images: dict[str, Firmware]
) -> None:
    """The geometry in the image, times its banks, is the region, in the erase units that the chip has there."""
    image = read_image(board_images[board.name].elf)
    unit, program, per_bank, banks, erased = struct.unpack(
        "<IHHHh", image.read(image.symbol("board_flash_geometry"), 12)
    )
    store = store_of(image)
    assert unit * per_bank * banks == len(store)
    for address in store[::unit]:
        assert board.erase_unit_at(address) == (address, address + unit)
    assert banks == 3
    assert unit % program == 0
    assert erased == 0xFF


@CROSS
@EVERY_BOARD
def test_the_hex_file_holds_the_same_bytes(board: HardwareBoard, board_images: dict[str, Firmware]) -> None:
    """What a person flashes with a tool of their own is what the ELF file says."""
    from intelhex import IntelHex

    firmware = board_images[board.name]
    assert firmware.hex is not None
    read = IntelHex(str(firmware.hex))
    segments = read_image(firmware.elf).segments
    assert read.segments() == [(segment.address, segment.end) for segment in segments]
    assert all(read.tobinstr(s.address, s.end - 1) == s.data for s in segments)


@pytest.mark.needs("arm-gcc", "qemu")
def test_the_nucleo_f446re_image_runs_on_an_stm32f405(board_images: dict[str, Firmware]) -> None:
    """QEMU's netduinoplus2 has the same USART where this board's ST-LINK is: startup and serial line, both ways."""
    machine = ("-M", "netduinoplus2", "-display", "none", "-monitor", "none", "-serial", "null", "-serial", "stdio")
    command = ["qemu-system-arm", *machine, "-kernel", str(board_images["nucleo_f446re"].elf)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as qemu:
        assert qemu.stdin is not None
        assert qemu.stdout is not None
        stop = threading.Timer(300, qemu.kill)  # a hang fails below, for want of an answer
        stop.start()
        try:
            assert qemu.stdout.readline() == b"ready\n"
            qemu.stdin.write(bytes(range(64)))
            assert qemu.stdout.readline() == b"learned\n"
        finally:
            stop.cancel()
            qemu.kill()


@CROSS
def test_two_builds_give_the_same_bytes(
    tiny_tree: SourceTree, board_images: dict[str, Firmware], tmp_path: Path
) -> None:
    """An image depends on nothing but its sources, not on the folder it was built in."""
    board = HARDWARE["nrf52840_dk"]
    again = build(_with_program(tiny_tree), board.target, tmp_path / "elsewhere", extra_cflags=["-Werror"])
    assert read_image(again.elf).segments == read_image(board_images[board.name].elf).segments


def test_an_unknown_board_is_answered_with_those_that_exist() -> None:
    """A person who mistypes a board learns the right names."""
    with pytest.raises(UnknownBoardError, match="no board 'nrf52840dk'; there are nrf52840_dk, "):
        hardware.get("nrf52840dk")


def test_erase_units_must_be_the_flash() -> None:
    """A row that describes half of the flash is a mistake in the table."""
    board = HARDWARE["nrf52840_dk"]
    with pytest.raises(ValueError, match="erase units of nrf52840_dk"):
        dataclasses.replace(board, erase_units=((4096, 10),))
    with pytest.raises(ValueError, match="0x00100000 is not in the flash"):
        board.erase_unit_at(0x100000)


_VECTORS = (0x2000_1000, *[0x101] * 15)


def _image(
    vectors: tuple[int, ...] = _VECTORS, *, entry: int = 0x101, size: int = 0x200, store: int = 0xFA000
) -> FlashImage:
    """An image for the nRF52840-DK with nothing but vectors in it."""
    data = struct.pack("<16I", *vectors).ljust(size, b"\0")
    symbols = {
        "link_stack_limit": 0x2000_0800,
        "link_ram_region_start": 0x2000_0000,
        "link_ram_region_bytes": 0x4_0000,
        "link_store_start": store,
        "link_store_region_bytes": 24576,
    }
    return FlashImage((Segment(0, data),), entry, symbols)


def _problems(image: FlashImage) -> str:
    found = check_image(image, HARDWARE["nrf52840_dk"])
    return "; ".join(check.problem for check in found if not check.passed)


def test_a_sound_image_passes() -> None:
    """The image that the next test damages has nothing wrong with it."""
    assert _problems(_image()) == ""


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (_image((0x2000_1004, *_VECTORS[1:])), "0x20001004 is no such address"),
        (_image((0x2004_0008, *_VECTORS[1:])), "0x20040008 is no such address"),
        (_image((0x2000_0800, *_VECTORS[1:])), "the stack would end at 0x20000800"),
        (_image((_VECTORS[0], 0x100, *_VECTORS[2:]), entry=0x100), "0x00000100 is no Thumb address"),
        (_image(entry=0x103), "the vector says 0x00000101, the file 0x00000103"),
        (_image((*_VECTORS[:3], 0x1001, *_VECTORS[4:])), "no 2 bytes at 0x00001000"),
        (_image((*_VECTORS[:15], 0)), "that of exception 15 is 0x00000000"),
        (_image(size=0x10_0001), "0x00000000 to 0x00100001 is outside"),
        (_image(size=0xFA001), "fills the erase unit 0x000fa000 to 0x000fb000"),
        (_image(store=0xFB000), "it lies at 0x000fb000 to 0x00101000"),
        (_image(store=0xF9800), "its erase units would reach from 0x000f9000"),
        (dataclasses.replace(_image(), segments=()), "no 64 bytes at 0x00000000"),
        (dataclasses.replace(_image(), symbols={}), "no symbol link_store_start"),
    ],
)
def test_each_damage_is_seen(image: FlashImage, problem: str) -> None:
    """No check passes whatever the image holds."""
    assert problem in _problems(image)


def test_an_unsound_image_is_refused_with_its_problem() -> None:
    """The error says which board and which property."""
    with pytest.raises(ImageCheckError, match=r"not for Nordic nRF52840-DK: the reset vector is the entry point"):
        require_sound(_image(entry=0x103), HARDWARE["nrf52840_dk"])
    require_sound(_image(), HARDWARE["nrf52840_dk"])


@pytest.mark.parametrize("text", [b"\x7fELX", b"", b"#!/bin/sh"])
def test_what_is_no_elf_file_is_refused(text: bytes, tmp_path: Path) -> None:
    """The error names the file."""
    path = tmp_path / "firmware.elf"
    path.write_bytes(text)
    with pytest.raises(ImageError, match=r"firmware\.elf: not an ELF file"):
        read_image(path)


def test_memories_know_their_ends() -> None:
    """The last byte is inside, the one behind it is not."""
    memory = Memory(0x1000, 0x100)
    assert memory.holds(0x10FF)
    assert not memory.holds(0x10FF, 2)
    assert not memory.holds(0xFFF)
