"""The README's commands run, and its C compiles against a generated project and runs."""

from __future__ import annotations

import re
import shlex
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


@pytest.mark.needs("tensorflow", "gcc", "arm-gcc", "qemu")
def test_commands_run_in_order(tmp_path: Path) -> None:
    """Every `kshot` line of the README works, from an empty folder on."""
    project = tmp_path / "readme"
    project.mkdir()
    lines = [shlex.split(line, comments=True) for block in _blocks("sh") for line in block.splitlines()]
    assert len(lines) >= 8
    for name, command, *arguments in lines:
        assert name == "kshot"
        done = subprocess.run(
            [sys.executable, "-m", "kshot", command, *arguments, *SHORTENED.get(command, [])],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"kshot {command}: {done.stderr}"


@pytest.mark.needs("gcc")
def test_c_compiles_and_runs(tmp_path: Path) -> None:
    """The README's C is a whole program: it enrolls a class and recognises it."""
    from firmware_gen import emit
    from quantize.artifact import Int8Embedding

    model = next((ROOT / "tests" / "golden").rglob("*.tflite"))
    emit.generate(Int8Embedding.from_tflite(model), name="glyphs").write(tmp_path)
    (block,) = _blocks("c")
    (tmp_path / "main.c").write_text(block, encoding="utf-8")
    sources = [*tmp_path.glob("kshot/*.c"), *tmp_path.glob("model/*.c"), tmp_path / "main.c"]
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", "kshot", "-I", "model"]
    subprocess.run(["gcc", *flags, *map(str, sources), "-o", "program"], cwd=tmp_path, check=True)
    subprocess.run([str(tmp_path / "program")], check=True)
