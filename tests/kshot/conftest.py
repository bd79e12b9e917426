"""A tiny project that goes the whole way in seconds, for the tests of all commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = """
[project]
name = "tiny"
[data]
source = "digits"
test_source = ""
[train]
width = 4
n_way = 4
steps = 4
validate_every = 2
validation_way = 2
validation_episodes = 4
[quantize]
representative_images = 20
example_classes = 2
examples_per_class = 6
[evaluate]
tasks = ["2w1s", "2w3s"]
episodes = 12
[generate]
max_classes = 2
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a project that went the whole way; tests only read it. It holds what the run printed: out, err."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "kshot.toml").write_text(PROJECT)
    done = subprocess.run(
        [sys.executable, "-m", "kshot", "demo", "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "out").write_text(done.stdout)
    (folder / "err").write_text(done.stderr)
    return folder
