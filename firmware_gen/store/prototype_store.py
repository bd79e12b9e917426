"""`PrototypeStore`: mounting, reading and changing a store; twin of ``kshot_store.c`` and ``kshot_store_write.c``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from firmware_gen.store.bank import Bank, Stage
from firmware_gen.store.errors import (
    CorruptStoreError,
    FlashError,
    IncompatibleStoreError,
    StoreFullError,
    StoreStateError,
    UnformattedStoreError,
    UnknownClassError,
)
from firmware_gen.store.flash import Flash
from firmware_gen.store.format import FLAG_LOSSY, FLAG_PURGE, ForeignHeader, Header, Slot, SlotType
from firmware_gen.store.layout import StoreConfig, costs, layout

_APPEND_ATTEMPTS = 2


class StoreState(IntEnum):
    """What was found in flash; the numbers are those of ``kshot_store_state``."""

    OK = 1
    DEGRADED = 2
    INCOMPATIBLE = 3
    UNFORMATTED = 4


class TokenStatus(IntEnum):
    """What became of an operation; the numbers are those of ``kshot_store_token``."""

    UNKNOWN = 0
    COMMITTED = 1
    PURGING = 2


@dataclass(frozen=True)
class StoreStats:
    """Figures of a store, as ``kshot_store_stats``."""

    sequence: int
    log_sequence: int
    erases_min: int
    erases_max: int
    classes: int
    free_slots: int
    torn_slots: int
    damaged_headers: int
    purge_pending: bool


@dataclass(frozen=True)
class _Change:
    """What becomes true when a compaction is committed: records to put, classes to forget."""

    token: int
    class_id: int = 0
    puts: Mapping[int, bytes] = field(default_factory=dict)
    forgets: frozenset[int] = frozenset()
    purges: bool = False
    accepts_loss: bool = False
    operations: int = 1


class PrototypeStore:
    """A mounted store.

    Parameters
    ----------
    config : StoreConfig
    flash : Flash
        Is read as a whole, and not written.

    Raises
    ------
    GeometryError
        If a bank does not hold the classes.
    FlashError
        If the flash does not work.
    """

    def __init__(self, config: StoreConfig, flash: Flash) -> None:
        costs(config)
        self.config, self.layout = config, layout(config)
        geometry = config.geometry
        self.banks = [Bank(config, flash, i * geometry.bank_bytes) for i in range(geometry.bank_count)]
        self._slots: dict[int, int] = {}
        self._active: Bank | None = None
        self._log_sequence = self._last_token = self._torn_slots = self._next_slot = 0
        self._written = self._appendable = self._purging = self._lossy = False
        self.state = self._load()

    def _load(self) -> StoreState:
        for bank in self.banks:
            bank.load()
        self._highest_sequence = max(bank.sequence for bank in self.banks)
        self._recall_erases()
        committed = [bank for bank in self.banks if bank.stage > Stage.UNCOMMITTED]
        active = max(committed, key=lambda b: (b.stage >= Stage.ATTESTED, b.sequence), default=None)
        limit = -1 if active is None else active.sequence
        if any(isinstance(bank.header, ForeignHeader) and bank.sequence > limit for bank in self.banks):
            return StoreState.INCOMPATIBLE
        if active is None:
            return StoreState.UNFORMATTED
        self._active = active
        self._build_index(active)
        self._torn_slots = active.torn_slots()
        return StoreState.DEGRADED if self._lossy else StoreState.OK

    def _recall_erases(self) -> None:
        """Take from the newest header how often the banks were erased that have none."""
        newest = max(
            (bank.header for bank in self.banks if isinstance(bank.header, Header)),
            key=lambda h: h.sequence,
            default=None,
        )
        for i, bank in enumerate(self.banks):
            if newest is not None and bank.header is None:
                bank.erases = (newest.erase_count + (newest.wear >> 2 * i & 3) - 1) % 2**32

    def _build_index(self, active: Bank) -> None:
        assert isinstance(active.header, Header)
        for slot in active.walk():
            if slot.index == active.newest:
                self._log_sequence, self._last_token = slot.log_sequence, slot.token
            if slot.kind != SlotType.PUT or slot.class_id in self._slots:
                continue
            if len(self._slots) == self.config.max_classes:
                self._lossy = True
                continue
            self._slots[slot.class_id] = slot.index
        self._lossy = self._lossy or not active.whole or bool(active.header.flags & FLAG_LOSSY)
        purged = active.header.snapshot_count + SlotType.PURGED - SlotType.COMMIT
        self._purging = bool(active.header.flags & FLAG_PURGE) and active.newest < purged

    @property
    def class_ids(self) -> list[int]:
        """The classes, ascending; none where there is no store to use."""
        return sorted(self._slots)

    @property
    def log_sequence(self) -> int:
        """Operations so far."""
        return self._log_sequence

    def get(self, class_id: int) -> bytes:
        """Return a class's record.

        Raises
        ------
        UnknownClassError, CorruptStoreError, IncompatibleStoreError, UnformattedStoreError
        """
        self._usable()
        if class_id not in self._slots:
            raise UnknownClassError(f"there is no class {class_id}")
        return self._read(class_id).record

    def token_status(self, token: int) -> TokenStatus:
        """Say what became of an operation: certain for the last one, and for each class's last put.

        Raises
        ------
        ValueError
            If the token is 0, which names no operation.
        IncompatibleStoreError, UnformattedStoreError
        """
        active = self._usable()
        if not token:
            raise ValueError("0 is no token")
        if token == self._last_token:
            return TokenStatus.PURGING if self._purging else TokenStatus.COMMITTED
        return TokenStatus(any(slot.token == token for slot in active.walk()))

    @property
    def stats(self) -> StoreStats:
        """Figures; raises as `get` does."""
        active = self._usable()
        return StoreStats(
            sequence=active.sequence,
            log_sequence=self._log_sequence,
            erases_min=min(bank.erases for bank in self.banks),
            erases_max=max(bank.erases for bank in self.banks),
            classes=len(self._slots),
            free_slots=self.layout.slot_count - self._next_slot if self._appendable else 0,
            torn_slots=self._torn_slots,
            damaged_headers=sum(bank.header is not None and bank.header_damaged for bank in self.banks),
            purge_pending=self._purging,
        )

    def format(self, *, token: int = 0) -> None:
        """Put an empty store in place of whatever is there, and erase that."""
        self._compact(_Change(token, forgets=frozenset(self._slots), purges=True, accepts_loss=True))

    def put(self, class_id: int, record: bytes, *, token: int = 0) -> None:
        """Add a class or replace its record.

        Raises
        ------
        ValueError
            If id or record cannot be stored.
        StoreFullError
            If there is no room for another class.
        FlashError
            If the flash does not work; it was put or not, as after a cut.
        CorruptStoreError
            If the record of another class, which had to be copied, is damaged.
        """
        self.put_all({class_id: record}, token=token)

    def put_all(self, records: Mapping[int, bytes], *, token: int = 0) -> None:
        """Add or replace several records, all of them or none; raises as `put` does."""
        self._usable()
        for class_id, record in records.items():
            if not 0 < class_id <= 65535 or len(record) != self.config.record_bytes:
                raise ValueError(
                    f"class {class_id}, {len(record)} bytes: ids are 1 to 65535, records {self.config.record_bytes}"
                )
        if not records:
            raise ValueError("there is nothing to put")
        if len(set(self._slots) | set(records)) > self.config.max_classes:
            raise StoreFullError(f"the store has its {self.config.max_classes} classes")
        if len(records) > 1:
            self._compact(_Change(token, puts=records, operations=len(records)))
            return
        (class_id, record), *_ = records.items()
        for _ in range(_APPEND_ATTEMPTS):
            if self._appendable and self._next_slot < self.layout.slot_count and self._append(class_id, record, token):
                return
        self._compact(_Change(token, class_id, puts=records))

    def forget(self, class_id: int, *, token: int = 0) -> None:
        """Remove a class, and erase every bank that ever held its record; raises as `put` does."""
        self.forget_range(class_id, class_id, token=token)

    def forget_range(self, first: int, last: int, *, token: int = 0) -> None:
        """Do the same for the classes with ids from `first` to `last`."""
        self._usable()
        forgets = frozenset(class_id for class_id in self._slots if first <= class_id <= last)
        if not forgets:
            raise UnknownClassError(f"there is no class {first}" + f" to {last}" * (last != first))
        self._compact(_Change(token, first if first == last else 0, forgets=forgets, purges=True))

    def wipe(self, *, token: int = 0) -> None:
        """Forget all classes."""
        self._usable()
        self.format(token=token)

    def purge(self) -> None:
        """Erase what replaced records and cut operations left behind; finish a forget that was cut."""
        self._usable()
        self._compact(_Change(self._last_token, purges=True, operations=0))

    def accept_loss(self) -> None:
        """From DEGRADED to OK, in the knowledge that what is lost is lost."""
        self._usable()
        if not self._lossy:
            raise StoreStateError("nothing was lost")
        self._compact(_Change(self._last_token, accepts_loss=True, operations=0))

    def _usable(self) -> Bank:
        if self.state == StoreState.INCOMPATIBLE:
            raise IncompatibleStoreError(
                "the flash holds a store of another model, geometry or format: format it first"
            )
        if self._active is None:
            raise UnformattedStoreError("the flash holds no store: format it first")
        return self._active

    def _read(self, class_id: int) -> Slot:
        assert self._active is not None
        slot = self._active.read_slot(self._slots[class_id])
        if slot is None or slot.class_id != class_id:
            self.state = StoreState.DEGRADED
            raise CorruptStoreError(f"the record of class {class_id} is damaged: put it again, or forget the class")
        return slot

    def _append(self, class_id: int, record: bytes, token: int) -> bool:
        active = self._active
        assert active is not None
        assert isinstance(active.header, Header)
        index, self._next_slot = self._next_slot, self._next_slot + 1
        log_sequence = (self._log_sequence + 1) % 2**32
        try:
            active.write_slot(
                active.header, Slot(SlotType.PUT, class_id, log_sequence, token, index, active.newest, record)
            )
        except FlashError:
            return False
        active.newest = self._slots[class_id] = index
        self._log_sequence, self._last_token = log_sequence, token
        return True

    def _safe_bank(self) -> Bank | None:
        """R5: the bank that will be read as a store at every boot, however the cuts before now went."""
        active = self._active
        if active is None or self._written or active.stage == Stage.ACKNOWLEDGED:
            return active
        others = [bank for bank in self.banks if bank is not active and bank.stage >= Stage.ATTESTED]
        return max(others, key=lambda bank: bank.sequence, default=None)

    def _target(self, tried: list[Bank], *, purges: bool) -> Bank | None:
        """R5: where to compact to; of equals the next in turn."""
        first = 0 if self._active is None else self.banks.index(self._active) + 1
        turn = self.banks[first:] + self.banks[:first]
        safe = self._safe_bank()
        limit = -1 if safe is None else safe.sequence

        def rank(bank: Bank) -> tuple[bool, int]:
            """Whether it might be read as newer than the safe one, even after an erase that was cut; wear."""
            risky = bank.readable and bank.sequence > limit
            return risky, bank.sequence if risky else -bank.erases if purges else bank.erases

        taken = [self._active, *tried, *([safe] if len(self.banks) > 2 else [])]
        return min((bank for bank in turn if bank not in taken), key=rank, default=None)

    def _compact(self, change: _Change) -> None:
        lossy = self._lossy and not change.accepts_loss
        flags = FLAG_PURGE * (change.purges or self._purging) | FLAG_LOSSY * lossy
        kept = sorted((set(self._slots) | set(change.puts)) - change.forgets)
        log_sequence = (self._log_sequence + change.operations) % 2**32
        self._appendable = False
        tried: list[Bank] = []
        while True:
            target = self._target(tried, purges=bool(flags & FLAG_PURGE))
            if target is None or self._highest_sequence == 2**32 - 1:
                raise FlashError("no bank could be written and read back")
            try:
                header = self._write_bank(target, change, kept, Header(0, 0, 0, log_sequence, len(kept), flags))
            except FlashError:
                tried.append(target)
                continue
            self._adopt(target, header, change, kept)
            self._settle(target, header, change)
            return

    def _write_bank(self, target: Bank, change: _Change, kept: list[int], header: Header) -> Header:
        """R3, R4: a bank with all that is true after the change, up to ATTEST."""
        self._highest_sequence += 1
        target.erase()
        purges = bool(header.flags & FLAG_PURGE)
        ahead = [bank.erases + (purges and bank is not target) - target.erases + 1 for bank in self.banks]
        wear = sum(min(max(erases, 0), 3) << 2 * i for i, erases in enumerate(ahead))
        header = replace(header, sequence=self._highest_sequence, erase_count=target.erases, wear=wear)
        header = target.write_header(header)
        for i, class_id in enumerate(kept):
            if class_id in change.puts:
                record, log_sequence, token = change.puts[class_id], header.log_sequence, change.token
            else:
                slot = self._read(class_id)
                record, log_sequence, token = slot.record, slot.log_sequence, slot.token
            target.write_slot(header, Slot(SlotType.PUT, class_id, log_sequence, token, i, (i - 1) % 65536, record))
        for kind in (SlotType.COMMIT, SlotType.ATTEST):
            self._write_marker(target, header, change, kind)
        return header

    def _write_marker(self, bank: Bank, header: Header, change: _Change, kind: SlotType) -> None:
        index = header.snapshot_count + kind - SlotType.COMMIT
        bank.write_slot(
            header, Slot(kind, change.class_id, header.log_sequence, change.token, index, (index - 1) % 65536)
        )

    def _adopt(self, target: Bank, header: Header, change: _Change, kept: list[int]) -> None:
        """The change has happened: the bank that was written is the active one."""
        self._slots = {class_id: i for i, class_id in enumerate(kept)}
        target.header, target.newest, target.whole = header, header.snapshot_count + 1, True
        self._active, self._written = target, True
        self._log_sequence, self._last_token, self._torn_slots = header.log_sequence, change.token, 0
        self._purging, self._lossy = bool(header.flags & FLAG_PURGE), bool(header.flags & FLAG_LOSSY)
        self.state = StoreState.DEGRADED if self._lossy else StoreState.OK

    def _settle(self, active: Bank, header: Header, change: _Change) -> None:
        """R6: the compaction may be acknowledged, R9: when what it replaces is removed."""
        self._write_marker(active, header, change, SlotType.SETTLED)
        active.newest += 1
        if self._purging:
            for bank in self.banks:
                if bank is not active:
                    bank.erase()
                    bank.check_blank()
            self._write_marker(active, header, change, SlotType.PURGED)
            active.newest += 1
        self._next_slot = active.newest + 1
        self._appendable, self._purging = True, False
