"""The fuzzing of the store: the corpus and a few runs more find nothing, and would find what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from bench.store_cuts import mutated_runtime
from bench.store_fuzz import FUZZ, TARGETS, Fuzzed, Target, build_target, fuzz, read_log

_RUNS = 3000
_LOG = """INFO: Loaded 1 modules   (997 inline 8-bit counters): 997 [0x1, 0x2),
#2	INITED cov: 41 ft: 42 corp: 1/1b exec/s: 0 rss: 30Mb
#1722	DONE   cov: 376 ft: 842 corp: 93/360Kb lim: 4112 exec/s: 42 rss: 49Mb
Done 1722 runs in 41 second(s)
stat::number_of_executed_units: 1722
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Target], Path]:
    """Builder of targets; each is built once."""
    return cache(lambda target: build_target(target, tmp_path_factory.mktemp("fuzz")))


@pytest.mark.needs("libfuzzer")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_is_found(built: Callable[[Target], Path], target: Target, tmp_path: Path) -> None:
    """The inputs of the corpus, and as many mutations of them, break no promise of the store."""
    kept = len(list(target.corpus.iterdir()))
    found = fuzz(target, built(target), tmp_path, (f"-runs={_RUNS}", "-seed=1"))
    assert found.findings == 0, (tmp_path / f"{target.name}-0.log").read_text()[-3000:]
    assert found.runs >= min(kept, _RUNS)
    assert found.edges > 0.15 * found.edges_total


@pytest.mark.needs("libfuzzer")
def test_an_error_is_found(tmp_path: Path) -> None:
    """More classes than there is memory for, as rule R10 forbids: the corpus or the runs notice it."""
    edit = ("if (store->class_count == store->config->max_classes) {", "if (false) {")
    mount = TARGETS[0]
    program = build_target(mount, tmp_path, runtime=mutated_runtime(tmp_path / "runtime", "kshot_store.c", [edit]))
    assert fuzz(mount, program, tmp_path, (f"-runs={_RUNS}", "-seed=1")).findings > 0


def test_every_program_is_a_target() -> None:
    """No program of tests/fuzz is left out, and each has its corpus."""
    assert {f"store_{target.name}.c" for target in TARGETS} == {path.name for path in FUZZ.glob("*.c")}
    assert all(any(target.corpus.iterdir()) for target in TARGETS)


def test_a_log_is_read() -> None:
    """Runs, seconds and coverage are libFuzzer's own figures."""
    assert read_log("mount", _LOG, 0) == Fuzzed("mount", 1722, 41, 376, 997, 93, 0)


def test_a_target_that_did_not_run_is_an_error() -> None:
    """No findings where nothing ran are not taken for a success."""
    for text in ("no such option", _LOG.splitlines()[0]):
        with pytest.raises(ValueError, match=f"target mount did not run: {text[:9]}"):
            read_log("mount", text, 0)


def test_a_corpus_that_fails_is_a_finding() -> None:
    """An input of the corpus that ends the program before libFuzzer counts anything is found all the same."""
    assert read_log("mount", _LOG.splitlines()[0], 1) == Fuzzed("mount", edges_total=997, findings=1)
