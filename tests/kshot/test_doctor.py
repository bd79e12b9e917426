"""`kshot doctor`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import kshot.doctor
from kshot.cli import main
from kshot.doctor import examine, tool_version


def test_missing_tool_has_a_remedy() -> None:
    """Each finding says what it costs and one command to repair it."""
    checks = {check.name: check for check in examine(run=lambda _: None)}
    assert checks["arm-none-eabi-gcc"].found is None
    assert checks["arm-none-eabi-gcc"].required
    assert "gcc-arm-none-eabi" in checks["arm-none-eabi-gcc"].remedy
    assert checks["numpy"].found
    assert not checks["tensorflow"].required
    assert all(check.purpose and check.remedy for check in checks.values())


@pytest.mark.parametrize(("missing", "status"), [("qemu-system-arm", 1), ("pyocd", 0)])
def test_exit_status_tells_whether_the_main_way_is_open(
    monkeypatch: pytest.MonkeyPatch, missing: str, status: int
) -> None:
    """1 only when generating, building or emulating lacks something."""
    monkeypatch.setattr(kshot.doctor, "tool_version", lambda name: None if name == missing else "1.0")
    result = CliRunner().invoke(main, ["doctor", "--json"])
    assert result.exit_code == status
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert rows[missing]["found"] is None
    table = CliRunner().invoke(main, ["doctor"])
    assert rows[missing]["remedy"] in table.stdout


def test_tool_version_of_something_absent() -> None:
    """A tool that is not there is None, not an exception."""
    assert tool_version("no-such-tool-anywhere") is None
