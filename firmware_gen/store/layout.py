"""What fits into a flash and what it costs, as docs/store_format.md has it; twin of ``kshot_store_format.c``."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_gen.store.errors import GeometryError

HEADER_BYTES = 64
SLOT_OVERHEAD_BYTES = 20
MARKERS = 4
"""Slots in reserve: COMMIT, ATTEST, SETTLED, PURGED."""

_MAX_BANKS = 16
_MAX_SLOTS = 65534
_MAX_RECORD_BYTES = 65024


@dataclass(frozen=True)
class Geometry:
    """The flash that the store may use: banks of erase units, from address 0 on.

    Attributes
    ----------
    erase_unit_bytes : int
        128 to 131,072, a power of two.
    program_unit_bytes : int
        1 to 256, a power of two: the smallest piece that a cut can damage.
    erase_units_per_bank : int
    bank_count : int
        3 to 16; 2 only where no cell reads differently from boot to boot.
    erased_value : int or None
        Of a byte, None where it is undefined.

    Raises
    ------
    GeometryError
        If the store cannot use it.
    """

    erase_unit_bytes: int
    program_unit_bytes: int
    erase_units_per_bank: int = 1
    bank_count: int = 3
    erased_value: int | None = 0xFF

    def __post_init__(self) -> None:
        unit, program = self.erase_unit_bytes, self.program_unit_bytes
        if not _is_power_of_two(unit) or not 128 <= unit <= 131072:
            raise GeometryError(f"erase units of {unit} bytes: the store needs a power of two from 128 to 131,072")
        if not _is_power_of_two(program) or program > min(256, unit):
            raise GeometryError(f"program units of {program} bytes: the store needs a power of two from 1 to 256")
        if not 2 <= self.bank_count <= _MAX_BANKS:
            raise GeometryError(f"{self.bank_count} banks: the store needs 2 to {_MAX_BANKS}, better 3")
        if not 1 <= self.erase_units_per_bank <= min((2**32 - 1) // (2 * _MAX_BANKS) // unit, 65535):
            raise GeometryError(f"{self.erase_units_per_bank} erase units of {unit} bytes cannot be a bank")
        if self.erased_value is not None and not 0 <= self.erased_value <= 255:
            raise GeometryError(f"an erased byte cannot be {self.erased_value}")

    @property
    def bank_bytes(self) -> int:
        """Size of a bank."""
        return self.erase_unit_bytes * self.erase_units_per_bank

    @property
    def size_bytes(self) -> int:
        """Size of all banks."""
        return self.bank_bytes * self.bank_count


@dataclass(frozen=True)
class StoreConfig:
    """All that is fixed at generation.

    Attributes
    ----------
    geometry : Geometry
    record_bytes : int
        Of a class.
    max_classes : int
    fingerprint : bytes
        16 bytes that name model, learner and the record's layout.

    Raises
    ------
    GeometryError
        If a record cannot have this size, or the fingerprint has another length.
    """

    geometry: Geometry
    record_bytes: int
    max_classes: int
    fingerprint: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.record_bytes <= _MAX_RECORD_BYTES:
            raise GeometryError(f"records of {self.record_bytes} bytes: the store takes 1 to {_MAX_RECORD_BYTES:,}")
        if len(self.fingerprint) != 16:
            raise GeometryError(f"a fingerprint has 16 bytes, not {len(self.fingerprint)}")


@dataclass(frozen=True)
class Layout:
    """Sizes that follow from a `StoreConfig`, in bytes and in slots of a bank; `capacity` is in classes."""

    header_bytes: int
    slot_bytes: int
    workspace_bytes: int
    slot_count: int
    capacity: int


@dataclass(frozen=True)
class Costs:
    """What calls cost at most while nothing fails, and how long the flash lasts.

    Attributes
    ----------
    put_erases, put_program_units : int
        Erase units erased and program units written by the first put after a boot, or into a full bank.
    forget_erases : int
        Also of wipe, format and purge.
    mount_read_bytes : int
    lifetime_sessions : int
        Power sessions with one put each, until a bank reaches its endurance.
    lifetime_puts_full : int
        Puts of one long session with every class enrolled, likewise.
    """

    put_erases: int
    put_program_units: int
    forget_erases: int
    mount_read_bytes: int
    lifetime_sessions: int
    lifetime_puts_full: int


def layout(config: StoreConfig) -> Layout:
    """Lay out a bank; the classes may still not fit."""
    unit = config.geometry.program_unit_bytes
    header, slot = (-(-size // unit) * unit for size in (HEADER_BYTES, SLOT_OVERHEAD_BYTES + config.record_bytes))
    slots = min(max(config.geometry.bank_bytes - 2 * header, 0) // slot, _MAX_SLOTS)
    return Layout(
        header_bytes=header,
        slot_bytes=slot,
        workspace_bytes=max(header, slot),
        slot_count=slots,
        capacity=max(slots - MARKERS, 0),
    )


def costs(config: StoreConfig, *, endurance: int = 10_000) -> Costs:
    """State the cost of calls, and the lifetime where a unit of flash bears `endurance` erases.

    Raises
    ------
    GeometryError
        If a bank does not hold the classes.
    """
    sizes, geometry = layout(config), config.geometry
    if not 1 <= config.max_classes <= sizes.capacity:
        raise GeometryError(
            f"banks of {geometry.bank_bytes:,} bytes hold {sizes.capacity:,} classes of {config.record_bytes:,} bytes,"
            f" not {config.max_classes:,}: take more erase units a bank, or fewer classes"
        )
    slots = config.max_classes + MARKERS
    used = sizes.slot_count * sizes.slot_bytes
    return Costs(
        put_erases=geometry.erase_units_per_bank,
        put_program_units=(2 * sizes.header_bytes + slots * sizes.slot_bytes) // geometry.program_unit_bytes,
        forget_erases=geometry.erase_units_per_bank * geometry.bank_count,
        mount_read_bytes=geometry.bank_count * (2 * HEADER_BYTES + used) + used,
        lifetime_sessions=endurance * geometry.bank_count,
        lifetime_puts_full=endurance * geometry.bank_count * (2 + sizes.slot_count - slots),
    )


def _is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0
