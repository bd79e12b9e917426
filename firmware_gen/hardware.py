"""The boards that a person can hold: what is on them, and how firmware gets there.

A port is a folder under ``boards/`` and a row here. The memories are those of the chip, from its manual, written down a
second time on purpose: `firmware_gen.image_checks` compares each linked image with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from firmware_gen.targets import Board, Target

if TYPE_CHECKING:
    from firmware_gen.kernel_sets import KernelSet

Boot = Literal["vectors", "second stage with CRC", "image definition"]
"""What the chip's boot ROM looks for: the second stage is the RP2040's, the image definition the RP2350's."""

Method = Literal["uf2", "pyocd", "openocd", "st-flash", "dfu-util"]
"""How an image gets into a board: ``uf2`` is a copy to the drive that its bootloader shows."""

KIB = 1024


class UnknownBoardError(ValueError):
    """No board of this name."""


@dataclass(frozen=True)
class Memory:
    """A range of addresses.

    Attributes
    ----------
    start : int
    size_bytes : int
    """

    start: int
    size_bytes: int

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.start + self.size_bytes

    def holds(self, address: int, len_bytes: int = 1) -> bool:
        """Whether `len_bytes` bytes from `address` on lie inside."""
        return self.start <= address and address + len_bytes <= self.end


@dataclass(frozen=True)
class HardwareBoard:
    """A board.

    Attributes
    ----------
    name : str
        The folder under ``boards/``.
    title, chip, processor : str
        For people.
    flash, ram : Memory
        Of the chip (or beside it): all that there is, whatever the linker script uses.
    erase_units : tuple of (int, int)
        Size in bytes and number of the flash's erase units, from its first address on.
    vectors : int
        Where the processor, or the bootloader before the program, looks for the vector table.
    methods : tuple of Method
        The best first.
    boot : Boot
    kernels : KernelSet
    uf2_family : int or None
        Family id in a UF2 block.
    uf2_board : str
        What the bootloader's INFO_UF2.TXT calls the board.
    pyocd_target : str or None
        Target of pyOCD.
    openocd_config : str or None
        Board configuration that OpenOCD brings.
    probe_usb_vendor : int
        USB vendor id of the board's own debugger or bootloader; 0 where a probe of any make may be connected.
    hint : str
        How a person makes the board ready for its first method.

    Raises
    ------
    ValueError
        If the erase units do not add up to the flash.
    """

    name: str
    title: str
    chip: str
    processor: str
    flash: Memory
    ram: Memory
    erase_units: tuple[tuple[int, int], ...]
    vectors: int
    methods: tuple[Method, ...]
    boot: Boot = "vectors"
    kernels: KernelSet = "dsp"
    uf2_family: int | None = None
    uf2_board: str = ""
    pyocd_target: str | None = None
    openocd_config: str | None = None
    probe_usb_vendor: int = 0
    hint: str = ""

    def __post_init__(self) -> None:
        if sum(size * count for size, count in self.erase_units) != self.flash.size_bytes:
            raise ValueError(f"the erase units of {self.name} are not its flash")

    @property
    def target(self) -> Target:
        """It as a target of `firmware_gen.build.build`."""
        return Target(self.name, self.title, (Board(self.name),), kernels=self.kernels)

    def erase_unit_at(self, address: int) -> tuple[int, int]:
        """First address of the erase unit that holds `address`, and the one behind it.

        Raises
        ------
        ValueError
            If the address is not in flash.
        """
        start = self.flash.start
        for size, count in self.erase_units:
            if start <= address < start + size * count:
                first = start + (address - start) // size * size
                return first, first + size
            start += size * count
        raise ValueError(f"{address:#010x} is not in the flash of {self.title}")


_RAM = 0x2000_0000
_STM32_FLASH = 0x0800_0000
_RP2_FLASH = 0x1000_0000
_RP2040_UF2_FAMILY = 0xE48B_FF56
_RP2350_ARM_SECURE_UF2_FAMILY = 0xE48B_FF59
_SEGGER, _ARM_DAPLINK, _ST = 0x1366, 0x0D28, 0x0483
_PICO_HINT = "hold BOOTSEL while you connect the board's USB connector: a drive appears"
_NUCLEO_HINT = "connect the USB connector of the ST-LINK, at the top of the board"

_BOARDS = (
    HardwareBoard(
        name="nrf52840_dk",
        title="Nordic nRF52840-DK",
        chip="nRF52840",
        processor="Cortex-M4F",
        flash=Memory(0, 1024 * KIB),
        ram=Memory(_RAM, 256 * KIB),
        erase_units=((4 * KIB, 256),),
        vectors=0,
        methods=("pyocd", "openocd"),
        pyocd_target="nrf52840",
        openocd_config="board/nordic_nrf52_dk.cfg",
        probe_usb_vendor=_SEGGER,
        hint="connect the USB connector J2, that of the on-board debugger, and switch the board's power on",
    ),
    HardwareBoard(
        name="arduino_nano33ble",
        title="Arduino Nano 33 BLE",
        chip="nRF52840",
        processor="Cortex-M4F",
        flash=Memory(0, 1024 * KIB),
        ram=Memory(_RAM, 256 * KIB),
        erase_units=((4 * KIB, 256),),
        vectors=0x1_0000,
        methods=("pyocd",),
        pyocd_target="nrf52840",
        hint="connect a debug probe to the pads SWDIO, SWCLK, GND and 3V3 on the underside of the board",
    ),
    HardwareBoard(
        name="microbit_v2",
        title="BBC micro:bit v2",
        chip="nRF52833",
        processor="Cortex-M4F",
        flash=Memory(0, 512 * KIB),
        ram=Memory(_RAM, 128 * KIB),
        erase_units=((4 * KIB, 128),),
        vectors=0,
        methods=("pyocd",),
        pyocd_target="nrf52833",
        probe_usb_vendor=_ARM_DAPLINK,
        hint="connect the board's USB connector",
    ),
    HardwareBoard(
        name="raspberry_pi_pico",
        title="Raspberry Pi Pico",
        chip="RP2040",
        processor="Cortex-M0+",
        flash=Memory(_RP2_FLASH, 2048 * KIB),
        ram=Memory(_RAM, 264 * KIB),
        erase_units=((4 * KIB, 512),),
        vectors=_RP2_FLASH + 0x100,
        boot="second stage with CRC",
        methods=("uf2", "pyocd"),
        kernels="scalar",
        uf2_family=_RP2040_UF2_FAMILY,
        uf2_board="RPI-RP2",
        pyocd_target="rp2040",
        hint=_PICO_HINT,
    ),
    HardwareBoard(
        name="raspberry_pi_pico2",
        title="Raspberry Pi Pico 2",
        chip="RP2350",
        processor="Cortex-M33F",
        flash=Memory(_RP2_FLASH, 4096 * KIB),
        ram=Memory(_RAM, 520 * KIB),
        erase_units=((4 * KIB, 1024),),
        vectors=_RP2_FLASH,
        boot="image definition",
        methods=("uf2", "pyocd"),
        uf2_family=_RP2350_ARM_SECURE_UF2_FAMILY,
        uf2_board="RP2350",
        pyocd_target="rp2350",
        hint=_PICO_HINT,
    ),
    HardwareBoard(
        name="nucleo_f446re",
        title="ST Nucleo-F446RE",
        chip="STM32F446RE",
        processor="Cortex-M4F",
        flash=Memory(_STM32_FLASH, 512 * KIB),
        ram=Memory(_RAM, 128 * KIB),
        erase_units=((16 * KIB, 4), (64 * KIB, 1), (128 * KIB, 3)),
        vectors=_STM32_FLASH,
        methods=("openocd", "st-flash"),
        openocd_config="board/st_nucleo_f4.cfg",
        probe_usb_vendor=_ST,
        hint=_NUCLEO_HINT,
    ),
    HardwareBoard(
        name="nucleo_l476rg",
        title="ST Nucleo-L476RG",
        chip="STM32L476RG",
        processor="Cortex-M4F",
        flash=Memory(_STM32_FLASH, 1024 * KIB),
        ram=Memory(_RAM, 96 * KIB),
        erase_units=((2 * KIB, 512),),
        vectors=_STM32_FLASH,
        methods=("openocd", "st-flash"),
        openocd_config="board/st_nucleo_l4.cfg",
        probe_usb_vendor=_ST,
        hint=_NUCLEO_HINT,
    ),
    HardwareBoard(
        name="nucleo_h743zi",
        title="ST Nucleo-H743ZI",
        chip="STM32H743ZI",
        processor="Cortex-M7F",
        flash=Memory(_STM32_FLASH, 2048 * KIB),
        ram=Memory(_RAM, 128 * KIB),
        erase_units=((128 * KIB, 16),),
        vectors=_STM32_FLASH,
        methods=("pyocd", "openocd", "st-flash", "dfu-util"),
        pyocd_target="stm32h743xx",
        openocd_config="board/st_nucleo_h743zi.cfg",
        probe_usb_vendor=_ST,
        hint=_NUCLEO_HINT,
    ),
)

HARDWARE: Mapping[str, HardwareBoard] = MappingProxyType({board.name: board for board in _BOARDS})


def get(name: str) -> HardwareBoard:
    """Return the board called `name`.

    Raises
    ------
    UnknownBoardError
        If there is none; the message lists those that there are.
    """
    try:
        return HARDWARE[name]
    except KeyError:
        raise UnknownBoardError(f"no board {name!r}; there are {', '.join(HARDWARE)}") from None
