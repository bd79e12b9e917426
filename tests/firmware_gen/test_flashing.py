"""From an image to a board: the plan, the drive, the probe, and what a person reads when it does not work."""

from __future__ import annotations

import dataclasses
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from board_images import image_of

from firmware_gen.flashing import FlashError, plans, pyocd_probe, tools, uf2
from firmware_gen.flashing.errors import not_found
from firmware_gen.flashing.plans import Plan
from firmware_gen.hardware import HARDWARE, HardwareBoard
from firmware_gen.image import FlashImage, Segment
from firmware_gen.image_checks import ImageCheckError, store_of

PICO, PICO2, DK = (HARDWARE[name] for name in ("raspberry_pi_pico", "raspberry_pi_pico2", "nrf52840_dk"))
F446 = HARDWARE["nucleo_f446re"]
BY_PYOCD = [board for board in HARDWARE.values() if board.pyocd_target]
_NOBODYS_USB = Path("/nonexistent")


def _plan(board: HardwareBoard, **options: object) -> Plan:
    plan = Plan(board, board.methods[0], Path("build/firmware.elf"), image_of(board))
    return dataclasses.replace(plan, **options)  # type: ignore[arg-type]


def _drive(folder: Path, board_id: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v1.0\nModel: Raspberry Pi\nBoard-ID: {board_id}\n")
    return folder


@pytest.mark.parametrize("board", [PICO, PICO2], ids=lambda board: board.name)
def test_a_uf2_file_reads_back_as_the_image(board: HardwareBoard, tmp_path: Path) -> None:
    """A parser that is not ours finds the same bytes at the same addresses, for the right family."""
    from uf2utils.file import UF2File

    drive = _drive(tmp_path / "drive", board.uf2_board)
    _plan(board, drive=drive).carry_out()
    read = UF2File(str(drive / "kshot.uf2"))
    blocks = [read[number] for number in range(len(read))]
    families = {"RP2040": 0xE48BFF56, "RP2350": 0xE48BFF59}
    assert {block.header.board_family for block in blocks} == {families[board.chip]}
    (segment,) = image_of(board).segments
    held = b"".join(bytes(block.payload) for block in blocks)
    assert [block.header.address for block in blocks] == [segment.address + 256 * i for i in range(len(blocks))]
    assert held[: len(segment.data)] == segment.data
    assert set(held[len(segment.data) :]) <= {0}


def test_uf2_blocks_are_those_of_the_specification() -> None:
    """Magic numbers, flags, address, length, numbers and family stand where the format says; gaps take no block."""
    data = uf2.encode([Segment(0x1000_0010, b"\x11" * 4), Segment(0x1000_0300, b"\x22" * 257)], family=0xE48BFF56)
    blocks = [data[i : i + 512] for i in range(0, len(data), 512)]
    heads = [struct.unpack("<8I", block[:32]) for block in blocks]
    assert [head[3] for head in heads] == [0x1000_0000, 0x1000_0300, 0x1000_0400]
    for number, (head, block) in enumerate(zip(heads, blocks, strict=True)):
        assert head[:3] == (0x0A324655, 0x9E5D5157, 0x2000)
        assert head[4:] == (256, number, 3, 0xE48BFF56)
        assert block[-4:] == bytes.fromhex("306fb10a")
    assert blocks[0][32 : 32 + 256] == bytes(16) + b"\x11" * 4 + bytes(236)


def test_the_store_stays_unless_asked() -> None:
    """No block touches the store's addresses; with --erase-store every one of its pages is 0xFF."""
    image = image_of(PICO)
    store = store_of(image)

    def in_store(plan: Plan) -> list[bytes]:
        data = plan._uf2()
        blocks = [data[i : i + 512] for i in range(0, len(data), 512)]
        return [block[32:288] for block in blocks if struct.unpack_from("<I", block, 12)[0] in store]

    assert in_store(_plan(PICO)) == []
    assert in_store(_plan(PICO, erase_store=True)) == [b"\xff" * 256] * (len(store) // 256)


def test_only_the_right_boards_drive_is_taken(tmp_path: Path) -> None:
    """A family that a bootloader does not know is dropped without a word, so the board's name is compared first."""
    drives = uf2.find_drives(
        [_drive(tmp_path / "a", "RP2350"), _drive(tmp_path / "b", "RPI-RP2"), tmp_path / "not-a-drive"]
    )
    assert uf2.choose_drive(PICO, drives).folder == tmp_path / "b"
    with pytest.raises(FlashError, match=r"no drive of Raspberry Pi Pico found: hold BOOTSEL .*is of RP2350"):
        uf2.choose_drive(PICO, drives[:1])
    with pytest.raises(FlashError, match=r"two or more boards .*name one with --drive"):
        uf2.choose_drive(PICO, [drives[1], drives[1]])


def test_a_drive_that_goes_away_has_taken_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bootloader restarts the board after the last block: that is no error."""
    drive = uf2.Drive(_drive(tmp_path / "drive", "RPI-RP2"), "RPI-RP2")
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (sync(file), (drive.folder / "kshot.uf2").unlink()))
    uf2.copy(b"data", drive)
    assert not (drive.folder / "kshot.uf2").exists()


def test_a_drive_that_holds_something_else_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the drive kept is compared with what was sent."""
    drive = uf2.Drive(_drive(tmp_path / "drive", "RPI-RP2"), "RPI-RP2")
    monkeypatch.setattr(os, "fsync", lambda _: (drive.folder / "kshot.uf2").write_bytes(b"short"))
    with pytest.raises(FlashError, match="holds other bytes"):
        uf2.copy(b"longer", drive)


def test_a_drive_that_refuses_says_so(tmp_path: Path) -> None:
    """A drive that went away before the copy is one line, not a traceback."""
    with pytest.raises(FlashError, match="did not take the file: No such file"):
        uf2.copy(b"data", uf2.Drive(tmp_path / "gone", "RPI-RP2"))


@pytest.mark.parametrize("board", BY_PYOCD, ids=lambda board: board.name)
def test_pyocd_knows_the_target_and_its_flash(board: HardwareBoard) -> None:
    """PyOCD's own definition has the same flash, and its erase units, so that what it erases is what the plan says."""
    from pyocd.core.memory_map import MemoryType
    from pyocd.target.builtin import BUILTIN_TARGETS

    assert board.pyocd_target is not None
    regions = [r for r in BUILTIN_TARGETS[board.pyocd_target].MEMORY_MAP if r.type is MemoryType.FLASH]
    store = store_of(image_of(board))
    for address in (board.flash.start, store.start, store.stop - 1):
        (region,) = [r for r in regions if r.start <= address <= r.end]
        first, end = board.erase_unit_at(address)
        assert end - first == region.blocksize
        assert (first - region.start) % region.blocksize == 0


def test_pyocd_never_opens_a_locked_chip_by_itself() -> None:
    """Unlocking erases everything, the store too."""
    options = pyocd_probe.options_of(DK)
    assert options["auto_unlock"] is False
    assert options["chip_erase"] == "sector"
    assert options["target_override"] == "nrf52840"


@dataclass
class _Probe:
    unique_id: str
    description: str = "a probe"


def test_one_probe_is_chosen() -> None:
    """The only one, or the one that the person names by the beginning of its serial number."""
    probes = [_Probe("0683"), _Probe("E660")]
    assert pyocd_probe.choose_probe(DK, probes[:1], None) is probes[0]
    assert pyocd_probe.choose_probe(DK, probes, "E6") is probes[1]
    with pytest.raises(FlashError, match=r"two or more probes .*0683 \(a probe\), E660 .*--probe"):
        pyocd_probe.choose_probe(DK, probes, None)
    with pytest.raises(FlashError, match="no probe 'F1'; connected: 0683"):
        pyocd_probe.choose_probe(DK, probes[:1], "F1")
    with pytest.raises(FlashError, match="no debug probe found for Nordic nRF52840-DK: connect the USB connector J2"):
        pyocd_probe.choose_probe(DK, [], None)


def test_a_board_that_may_not_be_opened_gets_a_udev_rule(tmp_path: Path) -> None:
    """The device is on the bus but no probe shows up: that is a question of permission, and the rule is spelled out."""
    (tmp_path / "1-2").mkdir()
    (tmp_path / "1-2" / "idVendor").write_text("1366\n")
    message = str(not_found(DK, "debug probe", usb_devices=tmp_path))
    assert 'ATTR{idVendor}=="1366", MODE="0660", TAG+="uaccess"' in message
    assert "/etc/udev/rules.d/60-kshot.rules" in message
    assert "no debug probe found" in str(not_found(F446, "debug probe", usb_devices=tmp_path))
    assert "no debug probe found" in str(not_found(DK, "debug probe", usb_devices=_NOBODYS_USB))


def test_openocd_erases_what_it_writes_and_no_more() -> None:
    """The sparse .hex is written, compared and started; the store is erased only when asked for."""
    (command,) = _plan(F446)._commands(Path("pieces"))
    assert command.words[:3] == ("openocd", "-f", "board/st_nucleo_f4.cfg")
    assert "flash write_image erase {build/firmware.hex}" in command.words
    assert "verify_image {build/firmware.hex}" in command.words
    assert not any("erase_address" in word for word in command.words)
    (command,) = _plan(F446, erase_store=True, probe="0667")._commands(Path("pieces"))
    assert "flash erase_address 0x08004000 0xc000" in command.words
    assert command.words.index("flash erase_address 0x08004000 0xc000") < command.words.index(
        "verify_image {build/firmware.hex}"
    )
    assert "adapter serial 0667" in command.words


def test_st_flash_writes_the_pieces_around_the_store(tmp_path: Path) -> None:
    """A single .bin would fill the gap where the store is."""
    commands = _plan(F446, method="st-flash")._commands(tmp_path)
    tools.write_pieces(image_of(F446), tmp_path)
    assert [(c.words[-1], Path(c.words[-2]).read_bytes()) for c in commands] == [
        (f"{segment.address:#010x}", segment.data) for segment in image_of(F446).segments
    ]
    assert [("--reset" in c.words) for c in commands] == [False, True]


def test_dfu_util_reads_back_what_it_wrote(tmp_path: Path) -> None:
    """What the chip returns is compared; a byte that differs is an error."""
    board = HARDWARE["nucleo_h743zi"]
    data = image_of(board).segments[0].data

    def run(words: Sequence[str]) -> tuple[int, str]:
        if "-U" in words:
            Path(words[-1]).write_bytes(held)
        return 0, ""

    commands = _plan(board, method="dfu-util")._commands(tmp_path)
    assert commands[-1].words[-3].endswith(":leave")
    held = data
    tools.carry_out(commands, board, run=run)
    held = data[:-1] + b"\x7e"
    with pytest.raises(FlashError, match="other bytes than were written"):
        tools.carry_out(commands, board, run=run)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("Error: libusb_open() failed with LIBUSB_ERROR_ACCESS", "udev"),
        ("Couldn't find any ST-Link devices", "no board found for ST Nucleo-F446RE: connect the USB connector"),
        ("Error: open failed", "no board found"),
        ("multiple ST-Links found", "name one by its serial number with --probe"),
        ("line 1\nsomething else", "openocd failed\nline 1\nsomething else"),
    ],
)
def test_what_a_tool_says_becomes_advice(output: str, message: str) -> None:
    """The usual causes are named with their remedy; anything else is passed on."""
    command = tools.Command(("openocd", "-f", "x"))
    with pytest.raises(FlashError) as caught:
        tools.carry_out([command], F446, run=lambda _: (1, output))
    assert message in str(caught.value)


def test_the_way_is_the_first_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenOCD before st-flash; neither is an error that says how to get one."""
    installed: set[str] = set()
    monkeypatch.setattr(tools, "is_installed", lambda tool: tool in installed)
    with pytest.raises(FlashError, match=r"nothing that flashes ST Nucleo-F446RE .*apt install openocd; or st-flash"):
        plans._chosen(F446, None, erase_store=False)
    installed.add("st-flash")
    assert plans._chosen(F446, None, erase_store=False) == "st-flash"
    with pytest.raises(FlashError, match="nothing that flashes"):
        plans._chosen(F446, None, erase_store=True)
    with pytest.raises(FlashError, match="st-flash cannot erase the store alone: use openocd"):
        plans._chosen(F446, "st-flash", erase_store=True)
    installed.add("openocd")
    assert plans._chosen(F446, None, erase_store=False) == "openocd"
    with pytest.raises(FlashError, match="is not flashed by uf2, but by openocd or st-flash"):
        plans._chosen(F446, "uf2", erase_store=False)


@pytest.mark.parametrize("board", HARDWARE.values(), ids=list(HARDWARE))
def test_every_way_of_every_board_has_a_plan(board: HardwareBoard) -> None:
    """What --dry-run prints is there for each method, and erasing the store is announced where it happens."""
    for method in board.methods:
        assert _plan(board, method=method).steps()
    if board.methods[0] != "uf2":
        store = store_of(image_of(board))
        erasing = " ".join(_plan(board, erase_store=True).steps())
        assert f"{store.start:#010x}" in erasing
        assert f"{store.start:#010x}" not in " ".join(_plan(board).steps())


def test_an_image_for_another_board_gets_no_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks of the bytes come before anything is connected."""
    foreign: FlashImage = image_of(PICO2)
    monkeypatch.setattr(plans, "read_image", lambda _: foreign)
    with pytest.raises(ImageCheckError, match="this image is not for Raspberry Pi Pico"):
        plans.plan(tmp_path / "firmware.elf", PICO)
    assert plans.plan(tmp_path / "firmware.elf", PICO2).method == "uf2"
