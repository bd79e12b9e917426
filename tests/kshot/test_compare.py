"""`kshot compare` on tiny networks: one run of everything, then what it refuses."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from firmware_gen.source_tree import SourceTree
from kshot import comparison
from kshot.cli import main
from kshot.comparison import measuring
from kshot.comparison.candidates import load_candidates
from quantize.artifact import Int8Embedding
from trainer.datasets import load_dataset

pytestmark = pytest.mark.needs("tensorflow", "gcc")

ROOT = Path(__file__).parents[2]
TASKS = ["5w1s", "5w5s", "20w1s", "20w5s", "within-alphabet-20w1s"]


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def draw_alphabets(folder: Path, sizes: dict[str, int], *, each: int = 10) -> None:
    """Pictures of noise; those of a class share most of it."""
    rng = np.random.default_rng(0)
    for alphabet, size in sizes.items():
        for character in range(size):
            home = folder / alphabet / f"character{character + 1:02}"
            home.mkdir(parents=True)
            shape = rng.random((28, 28)) < 0.2
            for drawer in range(each):
                ink = shape ^ (rng.random((28, 28)) < 0.02)
                Image.fromarray(255 * ink.astype(np.uint8)).save(home / f"{drawer:02}.png")


@pytest.fixture(scope="session")
def models(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three trainings made of one: `first`, `second` of another seed, `third` of another learner; and alphabets."""
    folder = tmp_path_factory.mktemp("models")
    for name, seed, learner in [("first", 0, "prototypical"), ("second", 1, "prototypical"), ("third", 0, "siamese")]:
        for form in ("trained", "int8"):
            shutil.copytree(tiny / "build/tiny" / form, folder / name / form)
        edit(folder / name / "trained/embedding.json", seed=seed, learner=learner, learner_options={})
        int8 = Int8Embedding.load(folder / name / "int8")
        replace(int8, learner=learner, source={**int8.source, "seed": seed}).save(folder / name / "int8")
    draw_alphabets(folder / "alphabets", {"Large": 21, "Small": 3})
    return folder


@pytest.fixture(scope="session")
def run(models: Path) -> Path:
    """The folder in which everything was compared once; it holds what the run printed: out."""
    folder = models / "run"
    folder.mkdir()
    paths = [f"../{name}/trained" for name in ("first", "second", "third")]
    options = ["--test-source", "folder:../alphabets", "--rotations", "--episodes", "30", "-o", "here"]
    done = subprocess.run(
        [sys.executable, "-m", "kshot", "compare", *paths, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "out").write_text(done.stdout)
    return folder


@pytest.fixture
def here(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kshot(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["compare", "-q", *map(str, arguments)])


def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "compare.json").read_text())
    return found


def test_every_training_stage_and_task_has_a_row(run: Path) -> None:
    """The same rows in JSON, CSV and build/figures; the compiled C is as good as the reference to the last digit."""
    found = document(run / "here")
    rows = found["rows"]
    keys = [(row["name"], row["stage"], row["task"]) for row in rows]
    names, stages = ("first", "second", "third"), ("float", "int8", "device")
    assert keys == [(name, stage, task) for name in names for stage in stages for task in TASKS]
    assert json.loads((run / "build/figures/compare.json").read_text()) == rows
    with (run / "here/compare.csv").open(newline="") as file:
        assert [{k: str(v) for k, v in row.items()} for row in rows] == list(csv.DictReader(file))
    by_key = dict(zip(keys, rows, strict=True))
    for row in rows:
        assert row["class_low"] <= row["mean"] <= row["class_high"]
        assert 0 < row["ci95"] < 0.2
        assert (row["episodes"], row["backbone"], row["split"]) == (30, "conv4-4", "default")
        if row["stage"] == "int8":
            assert by_key[row["name"], "device", row["task"]] == row | {"stage": "device"}
    for found_exact in found["exactness"]:
        assert found_exact["embeddings"] == 4 * 24 * 10
        assert found_exact["answers"] == 30 * 5 * (5 + 5 + 20 + 20 + 20)
        assert found_exact["mismatches"] == 0


def test_figures_are_those_of_the_stored_episodes(run: Path, models: Path) -> None:
    """A row computed anew from the files alone: the episodes, the pictures, the int8 network."""
    (file,) = (run / "here").glob("episodes-*.npz")
    with np.load(file) as archive:
        support, query = archive["20w5s/support"], archive["20w5s/query"]
    int8 = load_candidates([models / "third/int8"])[0].int8
    assert int8 is not None
    dataset = load_dataset(f"folder:{models / 'alphabets'}").with_rotations()
    library = measuring.HostLibrary(measuring.emit.generate(int8, name="again"), models / "again")
    embeddings = library.embed(int8.quantize_input(dataset.images)).astype(np.int64)
    right = []
    for shots, asked in zip(support, query, strict=True):
        queries = embeddings[asked.reshape(-1)]
        gaps = ((queries[:, None] - embeddings[shots].reshape(1, 100, -1)) ** 2).sum(axis=2)
        right.append((gaps.argmin(axis=1) // 5 == np.repeat(np.arange(20), 5)).mean())
    (row,) = [
        r for r in document(run / "here")["rows"] if (r["name"], r["stage"], r["task"]) == ("third", "int8", "20w5s")
    ]
    assert row["mean"] == pytest.approx(np.mean(right), abs=1e-12)
    assert row["ci95"] == pytest.approx(1.96 * np.std(right, ddof=1) / np.sqrt(30))


def test_tasks_within_an_alphabet_have_no_rotations(run: Path, models: Path) -> None:
    """Their images are the first quarter, of one alphabet; the other tasks use all; small alphabets are named."""
    (file,) = (run / "here").glob("episodes-*.npz")
    dataset = load_dataset(f"folder:{models / 'alphabets'}")
    with np.load(file) as archive:
        header = json.loads(str(archive["header"]))
        within, turned = archive["within-alphabet-20w1s/classes"], archive["20w1s/classes"]
    assert header["dataset_sha256"] == dataset.sha256
    assert (header["seed"], header["episodes"], header["n_query"], header["rotations"]) == (1, 30, 5, True)
    assert {dataset.class_names[label].split("/")[0] for label in within.flat} == {"Large"}
    assert turned.max() >= 3 * len(dataset.class_names)
    (note,) = document(run / "here")["notes"]
    assert note == "within-alphabet-20w1s leaves out alphabets of fewer than 20 characters: Small (3 characters)"


def test_seeds_are_summarised_and_learners_tested(run: Path) -> None:
    """Trainings of one recipe, here equal networks, have no spread; learners are tested in pairs, in every task."""
    found = document(run / "here")
    assert len(found["trainings"]) == 3 * len(TASKS)
    for row in found["trainings"]:
        assert (row["label"], row["trainings"], row["sd"]) == ("prototypical conv4-4", 2, 0)
    tests = found["tests"]
    assert [(test["first"], test["second"], test["stage"]) for test in tests] == [
        ("prototypical conv4-4", "siamese conv4-4", "device")
    ] * len(TASKS)
    means = {(r["name"], r["task"]): r["mean"] for r in found["rows"] if r["stage"] == "device"}
    for test in tests:
        assert test["difference"] == pytest.approx(means["first", test["task"]] - means["third", test["task"]])
        assert 0 <= test["t_p"] <= test["t_holm"] <= 1
        assert 1 / 10_001 <= test["flip_p"] <= test["flip_holm"] <= 1
    # From one shot the mean is the nearest shot, so on equal networks the two learners are one; from five they are not.
    by_task = {test["task"]: test for test in tests}
    assert (by_task["20w1s"]["difference"], by_task["20w1s"]["t_p"], by_task["20w1s"]["flip_p"]) == (0, 1, 1)
    assert by_task["20w5s"]["difference"] != 0
    assert max(by_task["20w5s"]["t_p"], by_task["20w5s"]["flip_p"]) < 1
    assert {loss["name"] for loss in found["losses"]} == {"first", "second", "third"}


def test_the_report_says_what_was_measured(run: Path) -> None:
    """Split, data, seeds and methods stand on the page; terminal and page have the same tables; pictures are there."""
    page, printed = (run / "here/compare.md").read_text(), (run / "out").read_text()
    (file,) = (run / "here").glob("episodes-*.npz")
    for text in ("Split: default", "all classes of folder:../alphabets (24 classes, with rotations", "trainings: 0, 1"):
        assert text in page
    assert document(run / "here")["dataset_sha256"] in page
    assert file.name in page
    for title in (
        "Accuracy in %",
        "Over trainings that differ in the seed alone",
        "Lost from float to int8",
        "Paired tests",
    ):
        assert title in page
        assert title in printed
    assert re.search(r"\| prototypical conv4-4 \| 1 \| device \| \d+\.\d\d ± \d+\.\d\d \[\d+\.\d, \d+\.\d\] \|", page)
    assert "Small (3 characters)" in printed
    assert (run / "here/forest.png").read_bytes().startswith(b"\x89PNG")
    assert (
        "within-alphabet-20w1s" in re.sub("<[^>]+>", "", (run / "here/forest.svg").read_text())
        or "<svg" in (run / "here/forest.svg").read_text()
    )


def test_a_stored_list_is_used_again(run: Path, models: Path, here: Path) -> None:
    """Alone, and from its int8 folder, a training gets the figures that it got among others."""
    (file,) = (run / "here").glob("episodes-*.npz")
    before = file.read_bytes()
    source = f"folder:{models / 'alphabets'}"
    result = kshot(models / "third/int8", "--test-source", source, "--rotations", "--episodes-file", file, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    wanted = [row for row in document(run / "here")["rows"] if row["name"] == "third" and row["stage"] != "float"]
    assert found["rows"] == wanted
    assert file.read_bytes() == before
    assert (found["tests"], found["trainings"], found["losses"]) == ([], [], [])
    some = kshot(
        models / "third/int8",
        "--test-source",
        source,
        "--rotations",
        "--episodes-file",
        file,
        "--task",
        "5w1s",
        "--json",
    )
    assert json.loads(some.stdout)["rows"] == [row for row in wanted if row["task"] == "5w1s"]
    assert "Accuracy" not in some.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rotations", "--seed", "2"], "was drawn with seed 1, not 2"),
        (["--rotations", "--episodes", "31"], "was drawn with episodes 30, not 31"),
        (["--rotations", "--n-query", "4"], "was drawn with n_query 5, not 4"),
        (["--rotations", "--task", "6w1s"], "holds no episodes of 6w1s"),
        (["--no-rotations"], "holds episodes with rotations as classes"),
        (["--rotations", "--task", "6 by 1"], "'6 by 1' is not written like 5w1s"),
    ],
)
def test_a_list_that_was_drawn_otherwise_is_refused(
    run: Path, models: Path, here: Path, options: list[str], message: str
) -> None:
    """Nothing is drawn anew behind the user's back."""
    (file,) = (run / "here").glob("episodes-*.npz")
    source = f"folder:{models / 'alphabets'}"
    result = kshot(models / "first/int8", "--test-source", source, "--episodes-file", file, *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_list_of_other_data_or_damaged_is_refused(run: Path, models: Path, here: Path) -> None:
    """The file is named, and stays as it is."""
    (file,) = (run / "here").glob("episodes-*.npz")
    draw_alphabets(here / "others", {"A": 6})
    source = f"folder:{here / 'others'}"
    result = kshot(models / "first/int8", "--test-source", source, "--rotations", "--episodes-file", file)
    assert result.exit_code == 1
    assert f"{file} holds episodes of other data" in result.stderr
    (here / "bad.npz").write_bytes(file.read_bytes()[:500])
    result = kshot(models / "first/int8", "--test-source", source, "--episodes-file", "bad.npz")
    assert result.exit_code == 1
    assert "bad.npz cannot be read as a list of episodes" in result.stderr


def test_what_these_classes_do_not_allow_is_skipped_and_said(models: Path, here: Path) -> None:
    """By default the classes that training set aside, of which there are two; with no task left it is an error."""
    result = kshot(models / "first/int8", "--episodes", "5", "--task", "2w1s", "--task", "5w1s", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {row["task"] for row in found["rows"]} == {"2w1s"}
    assert (found["tested_on"], found["test_classes"]) == ("test classes of split default", 2)
    assert found["notes"] == [
        "5w1s is skipped: digits: 2 classes, but episodes of 5 classes are asked for; add classes or lower n_way"
    ]
    shutil.rmtree(here / "build")
    result = kshot(models / "first/int8")
    assert result.exit_code == 1
    assert "nothing can be measured: 5w1s is skipped" in result.stderr
    assert "within-alphabet-20w1s is skipped" in result.stderr
    assert not (here / "build").exists()


def test_classes_that_were_trained_on_are_refused(models: Path, here: Path) -> None:
    """By their names, and, under other names, by their pictures."""
    result = kshot(models / "first/int8", "--test-source", "digits", "--task", "2w1s")
    assert result.exit_code == 1
    assert "was trained on 6 of the 10 classes of digits: " in result.stderr
    assert "and 1 more; test on classes that it has never seen" in result.stderr
    digits = load_dataset("digits")
    np.savez(here / "renamed.npz", images=digits.images, labels=digits.labels, class_names=list("abcdefghij"))
    result = kshot(models / "first/int8", "--test-source", "npz:renamed.npz", "--task", "2w1s")
    assert result.exit_code == 1
    assert "was trained on 6 of the 10 classes of npz:renamed.npz: " in result.stderr


def test_artifacts_that_are_none_are_refused(models: Path, here: Path) -> None:
    """No artifact, the same training twice, two networks side by side, an int8 folder of unknown origin."""
    for arguments, message in [
        ([here], "is no folder that `kshot train` or `kshot quantize` wrote"),
        ([models / "first/int8", models / "first/trained"], "are the same training; name it once"),
        ([models / "first/int8", models / "first/../first/int8"], "are the same training"),
    ]:
        result = kshot(*arguments)
        assert result.exit_code == 1
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
    assert kshot().exit_code == 2
    shutil.copytree(models / "first/int8", here / "alone/int8")
    result = kshot(here / "alone/int8", "--task", "2w1s")
    assert result.exit_code == 1
    assert "does not say what it was trained on" in result.stderr
    shutil.copytree(models / "first/trained", here / "alone/trained")
    model = here / "alone/trained/model.keras"
    model.write_bytes(model.read_bytes() + b"\0")
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    edit(here / "alone/trained/embedding.json", model_sha256=digest)
    result = kshot(here / "alone/int8", "--task", "2w1s")
    assert result.exit_code == 1
    assert "are of two networks; quantize again" in result.stderr


def test_an_int8_folder_alone_is_measured_on_named_classes(models: Path, here: Path) -> None:
    """What is not known of it, its split and width, is not made up."""
    shutil.copytree(models / "second/int8", here / "alone")
    result = kshot(
        "alone", "--test-source", f"folder:{models / 'alphabets'}", "--task", "5w1s", "--episodes", "5", "--json"
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["split"], found["rotations"]) == ("unknown", False)
    assert {(row["name"], row["backbone"], row["seed"], row["stage"]) for row in found["rows"]} == {
        ("alone", "conv4", 1, "int8"),
        ("alone", "conv4", 1, "device"),
    }


def test_a_mismatch_is_counted_and_is_an_error(models: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C whose weights were tampered with is found out; the report is written all the same."""
    honest = measuring.emit.generate

    def tampered(int8: Int8Embedding, *, name: str) -> SourceTree:
        tree = honest(int8, name=name)
        path = f"model/{name}_portable.c"
        head, brace, rest = tree.files[path].partition("layer1_weights[4 * 3 * 3 * 1] = {")
        value, comma, tail = rest.partition(",")
        changed = f"{head}{brace}{-100 if int(value) > 0 else 100}{comma}{tail}"
        return replace(tree, files={**tree.files, path: changed})

    monkeypatch.setattr(measuring.emit, "generate", tampered)
    result = kshot(models / "first/int8", "--episodes", "5", "--task", "2w1s")
    assert result.exit_code == 1, result.output
    (found,) = document(here / "build/compare")["exactness"]
    assert found["embedding_mismatches"] > 0
    assert found["mismatches"] == found["embedding_mismatches"] + found["answer_mismatches"]
    assert f"{found['mismatches']:,} mismatches" in result.stdout


def test_without_a_compiler_the_device_is_left_out(models: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is measured, and the report says what is missing."""
    monkeypatch.setattr(measuring, "COMPILER", "no-such-compiler")
    result = kshot(models / "first/int8", "--episodes", "5", "--task", "2w1s", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [row["stage"] for row in found["rows"]] == ["int8"]
    assert found["exactness"] == []
    assert "compiled C is left out" in found["notes"][0]


def test_trainings_of_one_name_are_told_apart(models: Path, here: Path) -> None:
    """Folders of the same name in different places keep rows of their own."""
    for place in ("a", "b"):
        shutil.copytree(models / "first/int8", here / place / "net/int8")
        shutil.copytree(models / "first/trained", here / place / "net/trained")
    found = load_candidates([Path("a/net/int8"), Path("b/net/int8")])
    assert [candidate.name for candidate in found] == [f"{here}/a/net", f"{here}/b/net"]
    with pytest.raises(comparison.ComparisonError, match="nothing to compare"):
        comparison.compare([], folder=here)
