"""`kshot store`: classes in images of a board's flash."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from firmware_gen.store import (
    Geometry,
    ImageFlash,
    ModelStore,
    ModelStoreConfig,
    RecordFormat,
    StateKind,
    StoreFlash,
    class_of_shots,
    plan_store,
)
from kshot.cli import main

SHOTS = np.random.default_rng(1).integers(-128, 128, (9, 4)).astype(np.int8)
PLAN = plan_store(
    StoreFlash("nrf51", Geometry(1024, 4), 20_000),
    ModelStoreConfig(Geometry(1024, 4), RecordFormat(StateKind.SUMS, 4), 4, 4, bytes(range(32))),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with store.json, two images of devices that share one class, and an erased one."""
    (tmp_path / "store.json").write_text(PLAN.to_json())
    for name, classes in (("a.bin", {"wave": SHOTS[:2], "clap": SHOTS[2:4]}), ("b.bin", {"wave": SHOTS[4:7]})):
        store, flash = _store()
        for label, shots in classes.items():
            store.put_class(class_of_shots(PLAN.config.records, label, shots, squares=True))
        store.add_negative(SHOTS[8])
        store.set_rate(655)
        (tmp_path / name).write_bytes(flash.image)
    (tmp_path / "erased.bin").write_bytes(b"\xff" * PLAN.config.geometry.size_bytes)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _store(image: bytes | None = None) -> tuple[ModelStore, ImageFlash]:
    flash = ImageFlash(PLAN.config.geometry, image)
    store = ModelStore(PLAN.config, flash)
    if image is None:
        store.format()
    return store, flash


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["store", *arguments, "--store", "store.json"])


def _json(*arguments: str) -> object:
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_inspect_shows_what_is_in_an_image(folder: Path) -> None:
    """Classes, figures and settings, as a table and as JSON."""
    found = _json("inspect", "a.bin")
    assert isinstance(found, dict)
    assert (found["state"], found["negatives"], found["false_accepts"]) == ("OK", 1, 655 / 65536)
    assert found["classes"] == [{"id": 1, "label": "wave", "shots": 2}, {"id": 2, "label": "clap", "shots": 2}]
    text = _run("inspect", "a.bin").stdout
    for expected in ("a.bin: OK", "wave", "clap", "1.0 %", "negatives: 1"):
        assert expected in text


def test_inspect_says_what_it_is_not(folder: Path) -> None:
    """An erased image, and the store of another model with its header."""
    assert "erased.bin: UNFORMATTED" in _run("inspect", "erased.bin").stdout
    image = (folder / "a.bin").read_bytes()
    other = json.loads(PLAN.to_json())
    other["model_fingerprint"] = "ff" * 32
    (folder / "store.json").write_text(json.dumps(other))
    result = _run("inspect", "a.bin")
    assert "a.bin: INCOMPATIBLE" in result.stdout
    assert PLAN.config.store.fingerprint.hex()[:8] in result.stdout.replace("\n", "")
    assert (folder / "a.bin").read_bytes() == image
    refused = _run("export", "a.bin", "-o", "x")
    assert refused.exit_code == 1
    assert "a store of another model" in refused.stderr


def test_classes_travel_in_bundles(folder: Path) -> None:
    """Export, then import into another image: the class is there under a new id, the first image is untouched."""
    before = (folder / "b.bin").read_bytes()
    assert _run("export", "a.bin", "--label", "clap", "-o", "clap.bundle").exit_code == 0
    rows = _json("import", "b.bin", "clap.bundle", "-o", "c.bin")
    assert rows == {"file": "c.bin", "classes": [{"id": 5, "label": "clap", "shots": 2}]}
    assert (folder / "b.bin").read_bytes() == before
    store, _ = _store((folder / "c.bin").read_bytes())
    assert list(store.labels) == ["wave", "clap"]


def test_merge_adds_exactly(folder: Path) -> None:
    """The merged class is the one that a single device would have learned from all shots."""
    assert _run("merge", "a.bin", "b.bin", "-o", "both.bin").exit_code == 0
    store, _ = _store((folder / "both.bin").read_bytes())
    wanted = class_of_shots(PLAN.config.records, "wave", SHOTS[[0, 1, 4, 5, 6]], squares=True)
    assert store.classes[1].shots == 5
    assert (store.classes[1].state == wanted.state).all()
    replaced = (
        _run("export", "b.bin", "-o", "b.bundle"),
        _run("import", "a.bin", "b.bundle", "--replace", "-o", "r.bin"),
    )
    assert [result.exit_code for result in replaced] == [0, 0]
    assert _store((folder / "r.bin").read_bytes())[0].classes[1].shots == 3


def test_diff_names_what_differs(folder: Path) -> None:
    """By label, with the shots of both; nothing for the same."""
    assert _json("diff", "a.bin", "b.bin") == [
        {"label": "wave", "difference": "differs", "first_shots": 2, "second_shots": 3},
        {"label": "clap", "difference": "only in the first", "first_shots": 2, "second_shots": None},
    ]
    assert "only in the second" in _run("diff", "b.bin", "a.bin").stdout
    assert _run("diff", "a.bin", "a.bin").stdout == "the same classes\n"


def test_a_store_within_a_dump_is_found_by_its_offset(folder: Path) -> None:
    """The rest of the dump stays as it is."""
    store = (folder / "a.bin").read_bytes()
    (folder / "dump.bin").write_bytes(b"firmware" * 32 + store + b"end")
    assert _run("inspect", "dump.bin", "--offset", "0x100").stdout.startswith("dump.bin: OK")
    assert _run("merge", "dump.bin", "dump.bin", "--offset", "256", "-o", "out.bin").exit_code == 0
    out = (folder / "out.bin").read_bytes()
    assert (out[:256], out[-3:]) == (b"firmware" * 32, b"end")
    assert out != (folder / "dump.bin").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["inspect", "store.json"], "--offset says where it begins"),
        (["inspect", "a.bin", "--offset", "0x100"], "from byte 256 on"),
        (["export", "erased.bin", "-o", "x"], "no store at byte 0"),
        (["export", "a.bin", "--label", "wawe", "-o", "x"], 'no class "wawe"; there are wave, clap'),
        (["import", "a.bin", "b.bin", "-o", "x"], "its CRC is wrong"),
    ],
)
def test_errors_are_one_line(folder: Path, arguments: list[str], expected: str) -> None:
    """Each says what is wrong; nothing is written."""
    result = _run(*arguments)
    assert result.exit_code == 1
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (folder / "x").exists()


@pytest.mark.parametrize("offset", ["-1", "here"])
def test_an_offset_is_a_number(folder: Path, offset: str) -> None:
    """Anything else is misuse."""
    assert _run("inspect", "a.bin", f"--offset={offset}").exit_code == 2


def test_a_missing_description_is_named(folder: Path) -> None:
    """Without --store it is the project's, which `kshot generate` writes."""
    result = CliRunner().invoke(main, ["store", "inspect", "a.bin"])
    assert result.exit_code == 1
    assert "`kshot generate` writes it" in result.stderr
