"""Where generated firmware can run: the targets that the command line names, and the boards that stand for them.

A port is a folder under ``boards/`` and a row here. Processor flags, sources and linker script stand in the board's
``board.mk`` and nowhere else, because a generated project must build without Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from firmware_gen.kernel_sets import KernelSet


class UnknownTargetError(ValueError):
    """No target of this name."""


@dataclass(frozen=True)
class Board:
    """One folder under ``boards/``.

    Attributes
    ----------
    name : str
        The folder, and the value of ``make BOARD=``.
    qemu_machine : str or None
        What ``qemu-system-arm -M`` takes; None when the board is not emulated.
    """

    name: str
    qemu_machine: str | None = None


@dataclass(frozen=True)
class Target:
    """A processor to build for.

    Attributes
    ----------
    name : str
        As the command line and the figures call it.
    title : str
        For people.
    boards : tuple of Board
        Smallest first: firmware is built for the first one whose memory holds it.
    tool_prefix : str
        Of the compiler and its companions, ``arm-none-eabi-``; empty for this computer's own.
    kernels : KernelSet
        What ``kshot_target.h`` chooses for it.

    Raises
    ------
    ValueError
        If there is no board.
    """

    name: str
    title: str
    boards: tuple[Board, ...]
    tool_prefix: str = "arm-none-eabi-"
    kernels: KernelSet = "portable"

    def __post_init__(self) -> None:
        if not self.boards:
            raise ValueError(f"target {self.name} has no board")

    @property
    def emulated(self) -> bool:
        """Whether QEMU runs its firmware."""
        return all(board.qemu_machine is not None for board in self.boards)


_MICROBIT = Board("qemu_m0_microbit", "microbit")

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        target.name: target
        for target in (
            Target("host", "this computer", (Board("host"),), tool_prefix=""),
            Target("m0", "Cortex-M0", (_MICROBIT, Board("qemu_m0", "mps2-an385")), kernels="scalar"),
            Target("m3", "Cortex-M3", (Board("qemu_m3", "mps2-an385"),), kernels="scalar"),
            Target("m4", "Cortex-M4F", (Board("qemu_m4", "mps2-an386"),), kernels="dsp"),
            Target("m7", "Cortex-M7F", (Board("qemu_m7", "mps2-an500"),), kernels="dsp"),
            Target("m33", "Cortex-M33F", (Board("qemu_m33", "mps2-an505"),), kernels="dsp"),
            Target("m55", "Cortex-M55", (Board("qemu_m55", "mps3-an547"),), kernels="helium"),
        )
    }
)


def get(name: str) -> Target:
    """Return the target called `name`.

    Raises
    ------
    UnknownTargetError
        If there is none; the message lists those that there are.
    """
    try:
        return TARGETS[name]
    except KeyError:
        raise UnknownTargetError(f"no target {name!r}; there are {', '.join(TARGETS)}") from None
