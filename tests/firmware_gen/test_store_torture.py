"""The store on flash whose power is cut: at least 50,000 cuts on 14 geometries, and a mutant for each rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.store_cuts import C_TESTS, CASES, Counts, build_program, kills, mutated_runtime, run
from bench.store_mutants import MUTANTS, Mutant, is_killed, torture_arguments

_LARGE = {"page4k", "sector128k_ecc"}


@pytest.fixture(scope="session")
def torture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, under sanitizers."""
    return build_program(tmp_path_factory.mktemp("torture") / "torture")


def _check(torture: Path, mode: str, case: str, count: int) -> Counts:
    counts, message = run(torture, mode, CASES.index(case), 2026, count)
    assert counts.failures == 0, message
    return counts


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("mode", "share"), [("random", 2400), ("every", 1700), ("faults", 500)])
def test_cuts_lose_nothing(torture: Path, mode: str, share: int, case: str) -> None:
    """Nothing acknowledged is lost, nothing appears, no unit is programmed twice; 54,000 cuts over all cases."""
    count = share // 6 if case in _LARGE else share
    assert _check(torture, mode, case, count).cuts >= count / 4


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("case", CASES)
def test_arbitrary_images_are_only_data(torture: Path, case: str) -> None:
    """Noise, damage and forged headers and slots: calls end, reads are bounded, no class is too many."""
    assert _check(torture, "images", case, 20 if case in _LARGE else 300).images > 0


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("case", CASES)
def test_flipped_bits_are_reported(torture: Path, case: str) -> None:
    """A bit flips in what the store rests on: all is right, or the store is DEGRADED, and no record is another's."""
    assert _check(torture, "flips", case, 20 if case in _LARGE else 300).images > 0


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("case", [case for case in CASES if case not in _LARGE])
def test_banks_wear_alike(torture: Path, case: str) -> None:
    """After thousands of enrollments, forgets and boots no bank was erased more than once oftener than another."""
    assert _check(torture, "wear", case, 3000).wear_spread <= 1


@pytest.mark.needs("gcc")
def test_a_run_repeats_from_its_seed(torture: Path) -> None:
    """The same seed gives the same history, another seed another."""
    first, again, other = (run(torture, "every", 2, seed, 500)[0] for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_the_cases_are_those_of_the_program() -> None:
    """Names and order are the program's, and every program unit and erased value is among them."""
    text = (C_TESTS / "torture.c").read_text(encoding="utf-8")
    found = re.findall(r'^    \{"(\w+)", \{(\d+), (\d+), \d+, \d+, (\w+)\}', text, re.MULTILINE)
    assert tuple(name for name, *_ in found) == CASES
    assert {int(unit) for _, _, unit, _ in found} == {1, 2, 4, 8, 16, 32, 256}
    assert {erased for *_, erased in found} == {"0xff", "0x00", "KSHOT_STORE_ERASED_UNDEFINED"}
    assert {128, 131072} <= {int(size) for _, size, _, _ in found}


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutants_are_killed(mutant: Mutant, tmp_path: Path) -> None:
    """An error against a rule is noticed by the run that is there for it."""
    assert is_killed(mutant, tmp_path)


@pytest.mark.needs("gcc")
def test_killers_spare_the_original(torture: Path) -> None:
    """The same runs have nothing to say about the store as it is, so that it is the error that they notice."""
    killers = {tuple(torture_arguments(mutant)) for mutant in MUTANTS if not mutant.killer[0].startswith("test_")}
    assert killers
    assert [arguments for arguments in killers if kills(torture, arguments)] == []


def test_every_rule_has_a_mutant() -> None:
    """R1 to R10, as docs/store_format.md numbers them."""
    page = (Path(__file__).parents[2] / "docs" / "store_format.md").read_text(encoding="utf-8")
    rules = set(re.findall(r"^- \*\*(R\d+)\*\*", page, re.MULTILINE))
    assert rules == {f"R{i}" for i in range(1, 11)}
    assert rules <= {mutant.rule for mutant in MUTANTS}


def test_a_mutant_must_fit_the_code(tmp_path: Path) -> None:
    """A mutant whose text is gone from the code is an error, not a survivor."""
    with pytest.raises(ValueError, match="holds 'no such text' 0 times"):
        mutated_runtime(tmp_path, "kshot_store.c", [("no such text", "")])
