"""Flash families: what the store must know of the flash that a microcontroller has.

The figures are those of the families' usual parts; a part's own reference manual decides, and a project can set each of
them. A program unit is the smallest piece that a cut of power can damage: the ECC word or the page, not the bus width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class FlashFamily:
    """A kind of flash.

    Attributes
    ----------
    erase_unit_bytes, program_unit_bytes : int
    erased_value : int or None
        Of a byte; None where it is undefined.
    endurance : int
        Erases that a unit bears at least.
    note : str
        What a board's three callbacks have to mind.
    """

    erase_unit_bytes: int
    program_unit_bytes: int
    erased_value: int | None
    endurance: int
    note: str


FAMILIES: Mapping[str, FlashFamily] = MappingProxyType(
    {
        "nrf52": FlashFamily(4096, 4, 0xFF, 10_000, "an erase stops the core for about 85 ms"),
        "nrf51": FlashFamily(1024, 4, 0xFF, 20_000, "an erase stops the core for about 20 ms"),
        "stm32f4": FlashFamily(16384, 4, 0xFF, 10_000, "the first sectors, of 16 KB; an erase stops the core"),
        "stm32l4": FlashFamily(2048, 8, 0xFF, 10_000, "ECC: the NMI of a double error becomes an unreadable byte"),
        "stm32g4": FlashFamily(2048, 8, 0xFF, 10_000, "ECC: the NMI of a double error becomes an unreadable byte"),
        "stm32h7": FlashFamily(131072, 32, 0xFF, 10_000, "ECC: the fault of a torn word becomes an unreadable byte"),
        "stm32l0": FlashFamily(128, 4, 0x00, 10_000, "erased bytes are zero"),
        "rp2040": FlashFamily(4096, 256, 0xFF, 100_000, "nothing runs from flash meanwhile, on either core"),
        "rp2350": FlashFamily(4096, 256, 0xFF, 100_000, "nothing runs from flash meanwhile, on either core"),
    }
)
