"""A mutant of the store for each of its rules, and the run that must notice it.

A mutant is a copy of the runtime with a text replaced, so that the code on the device knows nothing of it. The run is
one of the torture program (mode, geometry, seed, count) or one of the C tests (program, test).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.store_cuts import CASES, build_program, kills, mutated_runtime

_WRITE, _TARGET, _BANK, _STORE, _FORMAT = (
    f"kshot_store{part}.c" for part in ("_write", "_target", "_bank", "", "_format")
)


@dataclass(frozen=True)
class Mutant:
    """One deliberate error.

    Attributes
    ----------
    rule : str
        Of docs/store_format.md.
    what : str
    file : str
    edits : tuple of (str, str)
        Texts and what replaces them.
    killer : tuple of str
        ``("random", "unit4", "1", "20000")`` or ``("test_store_faults", "flipped_bits_are_reported")``.
    """

    rule: str
    what: str
    file: str
    edits: tuple[tuple[str, str], ...]
    killer: tuple[str, ...]

    @property
    def name(self) -> str:
        """Rule and error, for a list."""
        return f"{self.rule}: {self.what}"


MUTANTS = (
    Mutant(
        "R1",
        "a slot that failed is written again",
        _WRITE,
        (
            ("slot.index = store->next_slot++;", "slot.index = store->next_slot;"),
            ("        bank->newest = slot.index;", "        store->next_slot++;\n        bank->newest = slot.index;"),
        ),
        ("faults", "unit4", "1", "5000"),
    ),
    Mutant(
        "R2",
        "a session goes on in the bank of the one before",
        _STORE,
        (
            (
                "        store->state = store->lossy ?",
                "        store->appendable = true;\n"
                "        store->next_slot = (uint16_t)(store->banks[store->active].newest + 1);\n"
                "        store->state = store->lossy ?",
            ),
        ),
        ("random", "unit4", "1", "5000"),
    ),
    Mutant(
        "R3",
        "what looks unused is not erased",
        _WRITE,
        (
            (
                "kshot_status status = kshot_store_bank_erase(store, target);",
                "kshot_status status = store->banks[target].kind == KSHOT_STORE_HEADER_NONE\n"
                "                              ? KSHOT_OK : kshot_store_bank_erase(store, target);",
            ),
        ),
        ("random", "unit4", "1", "5000"),
    ),
    Mutant(
        "R4",
        "a header alone makes a store",
        _BANK,
        (
            (
                "bank->newest == KSHOT_STORE_NO_SLOT) {\n        return KSHOT_STORE_UNCOMMITTED;",
                "bank->newest == KSHOT_STORE_NO_SLOT) {\n"
                "        return bank->kind == KSHOT_STORE_HEADER_OURS ? KSHOT_STORE_ATTESTED\n"
                "                                                     : KSHOT_STORE_UNCOMMITTED;",
            ),
        ),
        ("random", "unit4", "1", "5000"),
    ),
    Mutant(
        "R4",
        "COMMIT decides, and not ATTEST",
        _STORE,
        (("stage >= KSHOT_STORE_ATTESTED", "stage >= KSHOT_STORE_COMMITTED"),),
        ("test_store_faults", "commit_alone_does_not_replace_a_store"),
    ),
    Mutant(
        "R4",
        "a compaction with a hole is a store",
        _BANK,
        (("    if (!bank->whole) {\n        return KSHOT_STORE_UNCOMMITTED;\n    }\n", ""),),
        ("test_store_faults", "a_hole_in_a_compaction_that_was_cut_is_no_damage"),
    ),
    Mutant(
        "R4",
        "not the newest bank is active",
        _STORE,
        (
            (
                "bank->header.sequence > store->banks[best].header.sequence",
                "bank->header.sequence < store->banks[best].header.sequence",
            ),
        ),
        ("random", "unit4", "1", "5000"),
    ),
    Mutant(
        "R5",
        "the safe bank is not spared",
        _TARGET,
        (
            (
                "const bool spared = i == safe && bank_count > KSHOT_STORE_MIN_BANKS;",
                "const bool spared = false;",
            ),
        ),
        ("random", "unit4", "1", "20000"),
    ),
    Mutant(
        "R5",
        "ATTEST is relied on at once",
        _TARGET,
        (
            (
                "kshot_store_bank_stage(&store->banks[store->active]) == KSHOT_STORE_ACKNOWLEDGED",
                "kshot_store_bank_stage(&store->banks[store->active]) >= KSHOT_STORE_ATTESTED",
            ),
        ),
        ("random", "unit4", "1", "20000"),
    ),
    Mutant(
        "R5",
        "the bank that is read is the one that is erased",
        _TARGET,
        (("if (i == store->active || spared", "if (spared"),),
        ("random", "unit4_2banks", "1", "5000"),
    ),
    Mutant(
        "R5",
        "the sequence is counted from the active bank",
        _WRITE,
        (
            (
                "header->sequence = ++store->highest_sequence;",
                "header->sequence = 1u + (store->active == KSHOT_STORE_MAX_BANKS\n"
                "                                 ? 0 : store->banks[store->active].header.sequence);",
            ),
        ),
        ("random", "unit4", "1", "20000"),
    ),
    Mutant(
        "R5",
        "the old bank stays open after a failed compaction",
        _WRITE,
        (("    store->appendable = false; /*", "    /*"),),
        ("test_store_faults", "a_failed_compaction_closes_the_old_bank"),
    ),
    Mutant(
        "R6",
        "nothing is read back",
        _BANK,
        ((" || memcmp(chunk, data + done, part) != 0", ""),),
        ("test_store_faults", "a_write_is_read_back"),
    ),
    Mutant(
        "R6",
        "a put is acknowledged before it is written",
        _WRITE,
        (
            (
                "    if (status == KSHOT_OK) {\n        bank->newest = slot.index;",
                "    if (status != KSHOT_OK) {\n        return KSHOT_OK;\n    }\n"
                "    if (status == KSHOT_OK) {\n        bank->newest = slot.index;",
            ),
        ),
        ("faults", "unit4", "1", "5000"),
    ),
    Mutant(
        "R7",
        "the oldest record of a class wins",
        _STORE,
        (
            (
                "if (slot.type != KSHOT_STORE_PUT || kshot_store_index_holds(store, at, slot.class_id)) {",
                "if (slot.type == KSHOT_STORE_PUT && kshot_store_index_holds(store, at, slot.class_id)) {\n"
                "            store->entries[at].slot = slot.index;\n            continue;\n        }\n"
                "        if (slot.type != KSHOT_STORE_PUT) {",
            ),
        ),
        ("random", "unit4", "1", "5000"),
    ),
    Mutant(
        "R7",
        "a broken chain is not reported",
        _STORE,
        (("store->lossy = store->lossy || !bank->whole ||", "store->lossy = store->lossy ||"),),
        ("flips", "unit4", "1", "2000"),
    ),
    Mutant(
        "R7",
        "slots off the chain count",
        _BANK,
        (("index != walk->expected) {", "index > walk->next) {"),),
        ("test_store_faults", "a_slot_off_the_chain_does_not_count"),
    ),
    Mutant(
        "R8",
        "the fingerprint is not compared",
        _FORMAT,
        (("memcpy(out + 44, config->fingerprint,", "memset(out + 44, 0,"),),
        ("test_store", "another_models_store_is_refused"),
    ),
    Mutant(
        "R8",
        "a newer bank of another model is overlooked",
        _STORE,
        (("if (is_overtaken(store)) {", "if (store->active == KSHOT_STORE_MAX_BANKS && is_overtaken(store)) {"),),
        ("test_store", "a_newer_foreign_bank_is_not_overlooked"),
    ),
    Mutant(
        "R9",
        "a forget leaves the other banks",
        _WRITE,
        (
            (
                "if (i != store->active &&\n            (kshot_store_bank_erase",
                "if (i > 99 &&\n            (kshot_store_bank_erase",
            ),
        ),
        ("random", "unit4", "1", "5000"),
    ),
    Mutant(
        "R9",
        "a purge that was cut is not finished",
        _WRITE,
        (("change->purges || store->purging;", "change->purges;"),),
        ("random", "unit4", "1", "5000"),
    ),
    Mutant(
        "R9",
        "an erase is not checked",
        _WRITE,
        (("kshot_store_bank_check_blank(store, i) != KSHOT_OK", "false"),),
        ("test_store_faults", "an_erase_that_did_nothing_is_found_out"),
    ),
    Mutant(
        "R10",
        "more classes are taken in than there is memory for",
        _STORE,
        (("if (store->class_count == store->config->max_classes) {", "if (store->class_count == 65535) {"),),
        ("images", "unit4", "1", "5000"),
    ),
    Mutant(
        "R10",
        "a slot may name any other as its predecessor",
        _FORMAT,
        (("return previous < index && previous >= first_put(header) - 1;", "return previous != index;"),),
        ("test_store_format", "types_and_chain_are_checked"),
    ),
    Mutant(
        "R10",
        "a marker has no slot in reserve",
        _FORMAT,
        (("config->max_classes > layout.capacity)", "config->max_classes > layout.capacity + 1)"),),
        ("test_store", "the_smallest_bank_suffices"),
    ),
    Mutant(
        "slot",
        "the CRC has no seed",
        _FORMAT,
        (
            ("kshot_crc32(seed, out, layout->slot_bytes - 4)", "kshot_crc32(0, out, layout->slot_bytes - 4)"),
            ("kshot_crc32(header->crc, bytes, crc_at)", "kshot_crc32(0, bytes, crc_at)"),
        ),
        ("test_store_faults", "slots_of_an_earlier_life_do_not_count"),
    ),
)


def is_killed(mutant: Mutant, folder: Path) -> bool:
    """Whether its killer notices the mutant; what is compiled goes into `folder`."""
    runtime = mutated_runtime(folder / "runtime", mutant.file, mutant.edits)
    if mutant.killer[0].startswith("test_"):
        name, test = mutant.killer
        program = build_program(folder / name, runtime=runtime, main=(f"{name}.c",), flags=("-O0",))
        return kills(program, [test])
    program = build_program(folder / "torture", runtime=runtime, flags=("-O1",))
    return kills(program, torture_arguments(mutant))


def torture_arguments(mutant: Mutant) -> list[str]:
    """Return what the torture program is called with to kill the mutant."""
    mode, case, *rest = mutant.killer
    return [mode, str(CASES.index(case)), *rest]
