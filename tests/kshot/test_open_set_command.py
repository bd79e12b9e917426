"""`kshot evaluate --open-set`: rejection of classes that were not enrolled, measured on a tiny project."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kshot import open_set
from kshot.cli import main
from kshot.report.open_set import ScorePanel, write_scores
from quantize.learners import Answers

WAYS, UNKNOWN, EPISODES, QUERIES = 2, 3, 6, 4
RATES = (0.01, 0.05)


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Six classes of patterns, as a source."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 256, (6, 1, 28, 28))
    images = np.clip(patterns + rng.integers(-40, 41, (6, 8, 28, 28)), 0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("strangers") / "strangers.npz"
    np.savez(path, images=images.reshape(-1, 28, 28), labels=np.repeat(np.arange(6), 8))
    return f"npz:{path}"


def evaluate(tiny: Path, *arguments: str) -> Result:
    options = ["--n-way", str(WAYS), "--k-shot", "2", "--episodes", str(EPISODES), "--n-query", str(QUERIES)]
    command = ["evaluate", "-p", str(tiny / "kshot.toml"), "--open-set", *options, *arguments]
    return CliRunner().invoke(main, command, env={"COLUMNS": "200"})


@pytest.mark.needs("gcc")
def test_rates_are_measured_on_compiled_c(tiny: Path, strangers: str) -> None:
    """A row a rate, whose answers are those of C and equal NumPy's; shares are shares."""
    result = evaluate(tiny, "--test-source", strangers, "--n-unknown", str(UNKNOWN), "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["requested_far"] for row in rows] == list(RATES)
    for row in rows:
        assert (row["name"], row["n_way"], row["shots"], row["episodes"]) == ("prototypical", WAYS, 2, EPISODES)
        assert row["answers"] == len(RATES) * EPISODES * (WAYS + UNKNOWN) * QUERIES
        assert row["mismatches"] == 0
        shares = [value for key, value in row.items() if isinstance(value, float) and key != "requested_far"]
        assert len(shares) == 10
        assert all(0 <= share <= 1 for share in shares)
    assert rows[0]["auroc"] == rows[1]["auroc"] > 0.5
    assert rows[0]["realised_far"] <= rows[1]["realised_far"]


@pytest.mark.needs("gcc")
def test_tables_are_for_people(tiny: Path, strangers: str) -> None:
    """Separation, and what came of each rate; as many unknown classes as enrolled ones unless said."""
    result = evaluate(tiny, "--test-source", strangers, "-q")
    assert result.exit_code == 0, result.output
    for expected in ("AUROC", "2-way 2-shot", "Thresholds set at enrollment", f"of {2 * EPISODES * 4 * QUERIES}"):
        assert expected in result.stdout


def test_what_cannot_be_measured_is_said(tiny: Path) -> None:
    """Two test classes leave none unknown; a bare network rejects nothing; an option alone means nothing."""
    few = evaluate(tiny)
    assert few.exit_code == 1
    assert "classes" in few.stderr
    bare = evaluate(tiny, str(tiny / "build/tiny/int8/model.tflite"))
    assert bare.exit_code == 1
    assert "[quantize] impostors" in bare.stderr
    alone = CliRunner().invoke(main, ["evaluate", "-p", str(tiny / "kshot.toml"), "--n-unknown", "2"])
    assert alone.exit_code == 2
    assert "--open-set" in alone.stderr


def test_every_difference_counts_once() -> None:
    """Class, distance, margin or verdict: an answer that differs in several is one."""
    wanted = Answers(np.arange(5), np.arange(5, dtype=np.uint32), np.zeros(5, np.uint32))
    found = Answers(
        np.array([1, 1, 2, 3, 4]), np.array([0, 7, 2, 3, 4], np.uint32), np.array([0, 0, 1, 0, 0], np.uint32)
    )
    verdict = np.array([True, False, False, True, False])
    assert open_set._differing(found, wanted, verdict) == 4


def test_scores_are_drawn(tmp_path: Path) -> None:
    """A picture of any number of panels, scores off the scale included; none of none."""
    panel = ScorePanel("a, 5-way 1-shot", np.array([0.0, 0.5]), np.array([2.0, 1e9]), {0.05: 0.04})
    path = write_scores([panel] * 3, tmp_path)
    assert path is not None
    assert path.read_bytes().startswith(b"\x89PNG")
    assert write_scores([], tmp_path) is None
