"""`kshot boards`, `kshot build --board` and `kshot flash`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from firmware_gen.hardware import HARDWARE
from kshot.cli import main


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a project, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_project_the_boards_are_listed(empty: Path) -> None:
    """CPU, memories and ways of flashing are there; whether a model fits is not known."""
    result = CliRunner().invoke(main, ["boards", "--json"])
    assert result.exit_code == 0, result.stderr
    rows = {row["board"]: row for row in json.loads(result.stdout)}
    assert list(rows) == list(HARDWARE)
    pico = rows["raspberry_pi_pico"]
    assert (pico["cpu"], pico["flash_bytes"], pico["ram_bytes"]) == ("Cortex-M0+", 2 << 20, 264 << 10)
    assert pico["flashed_by"] == ["uf2", "pyocd"]
    assert {row["fits"] for row in rows.values()} == {None}
    assert "nucleo_h743zi" in CliRunner().invoke(main, ["boards"], env={"COLUMNS": "200"}).stdout
    assert list(empty.iterdir()) == []


def test_a_new_board_is_a_folder(empty: Path) -> None:
    """Each file that was written is printed; a second try says what is in the way."""
    result = CliRunner().invoke(main, ["boards", "new", "mine"])
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in (empty / "boards" / "mine").iterdir()) == ["board.c", "board.mk", "link.ld"]
    assert "boards/mine/board.c" in result.stdout.replace("\\", "/")
    again = CliRunner().invoke(main, ["boards", "new", "mine"])
    assert again.exit_code == 1
    assert "File exists" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["flash", "--board", "pico"], "no board 'pico'; there are nrf52840_dk"),
        (["flash", "--board", "raspberry_pi_pico"], "holds no generated project; `kshot generate`"),
        (["build", "--board", "all"], "holds no generated project; `kshot generate`"),
        (["boards", "new", "No"], "'No' cannot name a board"),
    ],
)
@pytest.mark.usefixtures("empty")
def test_mistakes_are_one_line(arguments: list[str], message: str) -> None:
    """What is wrong and what would work, with exit status 1."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.usefixtures("empty")
def test_flash_needs_a_board() -> None:
    """Nothing is guessed about what is connected."""
    result = CliRunner().invoke(main, ["flash"])
    assert result.exit_code == 2
    assert "--board" in result.stderr


@pytest.mark.needs("gcc", "arm-gcc", "qemu", "tensorflow")
def test_a_project_goes_to_a_drive(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built for the board, shown by --dry-run, then copied to what looks like the bootloader's drive."""
    monkeypatch.chdir(tiny)
    drive = tmp_path / "RPI-RP2"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    command = ["flash", "--board", "raspberry_pi_pico", "--drive", str(drive)]
    shown = CliRunner().invoke(main, [*command, "--dry-run"])
    assert shown.exit_code == 0, shown.stderr
    assert "nothing was done" in shown.stdout
    assert not (drive / "kshot.uf2").exists()
    done = CliRunner().invoke(main, [*command, "--json"])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["done"] is True
    assert (drive / "kshot.uf2").stat().st_size % 512 == 0
