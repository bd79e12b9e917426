"""The C API is documented: doxygen finds nothing to complain about, and would."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _doxygen(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run doxygen with the project's own settings on the headers below `folder`."""
    (folder / "build").mkdir(exist_ok=True)
    command = ["doxygen", str(ROOT / "docs/Doxyfile")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def headers(tmp_path: Path) -> Path:
    """A copy of the runtime's headers, laid out as in the project."""
    runtime = tmp_path / "firmware_gen/runtime"
    runtime.mkdir(parents=True)
    for header in (ROOT / "firmware_gen/runtime").glob("*.h"):
        shutil.copy(header, runtime)
    return tmp_path


@pytest.mark.needs("doxygen")
def test_every_call_is_documented(headers: Path) -> None:
    """Every function, parameter, answer, type and field of the public headers has its text, and every link an end."""
    done = _doxygen(headers)
    assert done.returncode == 0, done.stderr
    page = (headers / "build/docs/html/kshot_8h.html").read_text(encoding="utf-8")
    assert "kshot_enroll_take_back_embedding" in page


@pytest.mark.needs("doxygen")
def test_a_gap_would_be_noticed(headers: Path) -> None:
    """A parameter without a text is an error."""
    header = headers / "firmware_gen/runtime/kshot.h"
    header.write_text(header.read_text().replace(" * @param[in]  index  0 to kshot_class_count() - 1\n", ""))
    done = _doxygen(headers)
    assert done.returncode != 0
    assert "index" in done.stderr
