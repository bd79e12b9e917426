"""The stages on a tiny project: each reads one folder, writes one, and says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kshot.cli import main
from quantize.artifact import Int8Embedding

pytestmark = pytest.mark.needs("tensorflow", "gcc")


def _kshot(folder: Path, *arguments: str) -> Result:
    """Run a command that needs no TensorFlow in this process."""
    command, *rest = arguments
    return CliRunner().invoke(main, [command, "-p", str(folder / "kshot.toml"), *rest])


@pytest.fixture
def project(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny project that a test may change."""
    return Path(shutil.copytree(tiny, tmp_path / "tiny"))


def test_training_leaves_a_folder_with_its_curve(tiny: Path) -> None:
    """Training writes the network, its description and a picture of its course."""
    trained = tiny / "build/tiny/trained"
    assert {path.name for path in trained.iterdir()} == {"model.keras", "embedding.json", "training.png"}
    assert (trained / "training.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((trained / "embedding.json").read_text())["training"]["steps"] == 4


def test_generating_twice_gives_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    """The C project depends on the int8 folder and the options alone, and reads back as what was generated."""
    results = [_kshot(tiny, "generate", "--json", "-o", str(tmp_path / name)) for name in ("one", "two")]
    digests = [json.loads(result.stdout)["sha256"] for result in results]
    assert digests[0] == digests[1]
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert "model/tiny.c" in json.loads(results[0].stdout)["files"]
    for path in files:
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_generate_takes_a_tflite_file(tiny: Path, tmp_path: Path) -> None:
    """A .tflite file of the user's own needs no training here."""
    model = tiny / "build/tiny/int8/model.tflite"
    result = _kshot(tiny, "generate", str(model), "--name", "mine", "-o", str(tmp_path / "c"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "c/model/mine.c").is_file()
    quantized = _kshot(tiny, "quantize", str(model), "-o", str(tmp_path / "int8"), "--json")
    assert quantized.exit_code == 0, quantized.output
    assert json.loads(quantized.stdout)["embedding_len"] == 4


def test_generate_writes_a_package(project: Path) -> None:
    """A package has a folder of its own beside the C project's, and names the author asked for; `build` refuses it."""
    result = _kshot(project, "generate", "--format", "arduino", "--author", "Ada")
    assert result.exit_code == 0, result.output
    folder = project / "build/tiny/arduino"
    assert "author=Ada\n" in (folder / "library.properties").read_text()
    assert (project / "build/tiny/source/Makefile").is_file()
    refused = _kshot(project, "build", str(folder))
    assert refused.exit_code == 1
    assert "format plain" in refused.stderr
    assert _kshot(project, "generate", "--author", "a\tb").exit_code == 1


def test_compiled_c_answers_as_the_reference(tiny: Path) -> None:
    """Without arguments everything that the project has is measured; here without the float stage, for speed."""
    folders = [str(tiny / "build/tiny" / name) for name in ("int8", "source")]
    result = _kshot(tiny, "evaluate", "--json", *folders)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [(row["stage"], row["k_shot"]) for row in rows] == [("int8", 1), ("device", 1), ("int8", 3), ("device", 3)]
    assert [row["mean"] for row in rows[::2]] == [row["mean"] for row in rows[1::2]]
    assert all(row["episodes"] == 12 and 0 <= row["ci95"] < 0.5 for row in rows)
    assert "measuring device 2w3s" in result.stderr


def test_evaluate_measures_what_is_named(tiny: Path) -> None:
    """Ways and shots are combined with each other; --quiet leaves only the table."""
    int8 = str(tiny / "build/tiny/int8")
    result = _kshot(tiny, "evaluate", int8, "--n-way", "2", "--k-shot", "1", "--k-shot", "2", "--episodes", "5", "-q")
    assert result.exit_code == 0, result.output
    assert "2-way 1-shot" in result.stdout
    assert "2-way 2-shot" in result.stdout
    assert "over 5 episodes" in result.stdout
    assert "float" not in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--n-way", "5"], "5 classes"),
        (["--k-shot", "500", "--n-way", "2"], "lower k_shot"),
        (["--test-source", "glyfs"], "did you mean glyphs"),
        (["."], "no folder that `kshot train`"),
    ],
)
def test_evaluate_refuses_what_cannot_be_measured(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: str
) -> None:
    """Too few classes, too few images, an unknown source, a folder without an artifact: one line each."""
    monkeypatch.chdir(tiny)
    int8 = [] if "." in arguments else ["build/tiny/int8"]
    result = CliRunner().invoke(main, ["evaluate", "-q", *int8, *arguments])
    assert result.exit_code == 1
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1


def test_c_of_another_network_is_refused(project: Path) -> None:
    """Generated C that does not belong to the int8 folder is not measured with it."""
    int8 = project / "build/tiny/int8"
    assert _kshot(project, "quantize", str(int8 / "model.tflite"), "-o", str(int8)).exit_code == 0
    result = _kshot(project, "evaluate", str(project / "build/tiny/source"))
    assert result.exit_code == 1
    assert "kshot generate" in result.stderr


def test_missing_stages_name_the_command(tmp_path: Path) -> None:
    """Each stage names the one that must come before."""
    (tmp_path / "kshot.toml").write_text("")
    for command, before in [
        ("quantize", "train"),
        ("generate", "quantize"),
        ("build", "generate"),
        ("emulate", "quantize"),
    ]:
        result = _kshot(tmp_path, command)
        assert result.exit_code == 1, command
        assert f"kshot {before}" in result.stderr
    assert "kshot train" in _kshot(tmp_path, "evaluate").stderr


@pytest.mark.needs("arm-gcc", "qemu")
def test_build_and_emulate(project: Path) -> None:
    """Firmware for both targets; inside it classes are enrolled and recognised as in the reference."""
    built = _kshot(project, "build", "--json")
    assert built.exit_code == 0, built.output
    rows = json.loads(built.stdout)
    assert [row["target"] for row in rows] == ["m0", "m4"]
    for row in rows:
        assert Path(row["elf"]).is_file()
        assert row["flash_bytes"] > row["model_constant_bytes"] > 0
        assert row["ram_bytes"] == row["static_ram_bytes"] + row["stack_bytes"]
    ran = _kshot(project, "emulate", "--json", "--shots", "2", "-q")
    assert ran.exit_code == 0, ran.output
    for row in json.loads(ran.stdout):
        assert (row["inputs"], row["queries"], row["mismatches"]) == (12, 8, 0)
        assert row["instructions"] > 10_000
    table = _kshot(project, "build", "--target", "m4")
    assert "Cortex-M4F" in table.stdout
    assert "Cortex-M0" not in table.stdout


@pytest.mark.needs("arm-gcc", "qemu")
def test_build_reports_layer_by_layer(project: Path) -> None:
    """Each layer has a kernel with a reason, counts and bytes; the arena is drawn; other options are refused."""
    result = _kshot(project, "build", "--target", "m4", "--report")
    assert result.exit_code == 0, result.output
    folder = project / "build/tiny/report"
    (target,) = json.loads((folder / "report.json").read_text())["targets"]
    layers, totals = target["layers"], target["totals"]
    assert sum(layer["instructions"] for layer in layers) == pytest.approx(totals["instructions"], rel=0.05)
    rejection = Int8Embedding.load(project / "build/tiny/int8").rejection
    assert rejection is not None
    weights = sum(layer["weight_bytes"] for layer in layers)
    assert weights + rejection.impostors.nbytes == totals["constant_bytes"]
    assert 0 <= totals["arena_bytes"] - max(layer["live_bytes"] for layer in layers) < 8
    assert totals["arena_bytes"] >= totals["arena_lower_bound"] > 0
    assert all(layer["why"] and layer["kernel"].startswith("kshot_") for layer in layers)
    assert totals["instructions"] < totals["cycles_estimate"] < 4 * totals["instructions"]
    assert (folder / "arena-m4.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "arena-m4.svg").read_text()
    assert "an estimate, not a measurement" in (folder / "report.md").read_text()
    with (project / "kshot.toml").open("a") as file:
        file.write("ends_in_arena = true\n")
    assert "kshot generate" in _kshot(project, "build", "--target", "m4", "--report").stderr


@pytest.mark.needs("arm-gcc", "qemu")
def test_bench_counts_and_compares(project: Path) -> None:
    """A run is exact, is written, and against itself nothing moved; a figure that did is named."""
    stored = project / "run.json"
    result = _kshot(project, "bench", "--core", "m0", "--layers", "--output", str(stored))
    assert result.exit_code == 0, result.output
    (row,) = json.loads(stored.read_text())
    assert (row["core"], row["mismatches"]) == ("m0", 0)
    row["instructions"] *= 2
    again = _kshot(project, "bench", "--core", "m0", "--against", str(stored))
    assert "nothing moved" in again.output
    stored.write_text(json.dumps([row]))
    assert "(-50.0 %)" in _kshot(project, "bench", "--core", "m0", "--against", str(stored)).output
    stored.write_text("{}")
    assert "no rows" in _kshot(project, "bench", "--core", "m0", "--against", str(stored)).stderr


@pytest.mark.needs("arm-gcc", "qemu")
def test_emulate_reports_a_mismatch(project: Path) -> None:
    """Firmware whose weights were tampered with is found out, with exit status 1."""
    source = project / "build/tiny/source/model/tiny_scalar.c"
    head, brace, rest = source.read_text().partition("layer1_weights[1 * 3 * 4 * 4] = {")
    value, comma, tail = rest.partition(",")
    source.write_text(f"{head}{brace}{28 if int(value) > 128 else 228}{comma}{tail}")  # raised by 128
    result = _kshot(project, "emulate", "--target", "m0", "--shots", "2", "-q", "--json")
    assert result.exit_code == 1, result.output
    assert json.loads(result.stdout)[0]["mismatches"] > 0


@pytest.mark.parametrize("shots", ["6", "7"])
def test_emulate_needs_an_example_to_ask_about(tiny: Path, shots: str) -> None:
    """All examples as shots leave nothing to classify."""
    result = _kshot(tiny, "emulate", "--shots", shots)
    assert result.exit_code == 1
    assert "--shots" in result.stderr
