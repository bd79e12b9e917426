"""What the README promises: its commands run, its C compiles and runs, and the wheel does without TensorFlow."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# As the README has them, but with a training of seconds and few episodes.
SHORTENED = {
    "train": ["--steps", "4", "--n-way", "5", "--width", "4", "--validation-episodes", "2"],
    "evaluate": ["--episodes", "5"],
}


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(list(command), cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every `kshot` line of the README has run, in order, beginning with nothing."""
    folder = tmp_path_factory.mktemp("readme") / "readme"
    folder.mkdir()
    for block in _blocks("sh"):
        for line in block.splitlines():
            name, command, *arguments = shlex.split(line, comments=True)
            assert name == "kshot"
            _run(sys.executable, "-m", "kshot", command, *arguments, *SHORTENED.get(command, []), cwd=folder)
    return folder


@pytest.mark.needs("tensorflow", "gcc", "arm-gcc", "qemu")
def test_commands_leave_what_they_say(project: Path) -> None:
    """The commands lead from an empty folder to firmware for the Cortex-M4."""
    assert list((project / "build/readme/firmware/m4").rglob("*.elf"))
    assert (project / "build/readme/tiny/Makefile").is_file()


@pytest.mark.needs("tensorflow", "gcc", "arm-gcc", "qemu")
def test_c_compiles_and_runs(project: Path, tmp_path: Path) -> None:
    """The README's C is a whole program: it enrolls a class and recognises it."""
    model = project / "build/readme/int8/model.tflite"
    _run(sys.executable, "-m", "kshot", "generate", model, "--name", "glyphs", "-o", tmp_path, cwd=project)
    (block,) = _blocks("c")
    (tmp_path / "main.c").write_text(block, encoding="utf-8")
    sources = [*tmp_path.glob("kshot/*.c"), *tmp_path.glob("model/*.c"), tmp_path / "main.c"]
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", "kshot", "-I", "model"]
    _run("gcc", *flags, *sources, "-o", "program", cwd=tmp_path)
    _run(tmp_path / "program", cwd=tmp_path)


@pytest.mark.needs("tensorflow", "gcc", "arm-gcc", "qemu")
def test_wheel_works_without_tensorflow(project: Path, tmp_path: Path) -> None:
    """Installed alone into an empty environment, kshot generates, builds and emulates a stored int8 folder."""
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("kshot-*.whl")
    _run(sys.executable, "-m", "venv", "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"
    _run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    installed = _run(python, "-m", "pip", "list", "--format", "freeze", cwd=tmp_path).lower()
    assert "tensorflow" not in installed
    assert "keras" not in installed

    kshot = tmp_path / "venv/bin/kshot"
    bare = tmp_path / "readme"
    shutil.copytree(project / "build/readme/int8", bare / "build/readme/int8")
    shutil.copy(project / "kshot.toml", bare)
    _run(kshot, "generate", cwd=bare)
    _run(kshot, "build", "--target", "m0", "--target", "m4", cwd=bare)
    assert '"mismatches": 0' in _run(kshot, "emulate", "--target", "m4", "--json", cwd=bare)
