"""Figures for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kshot.report.figures import write_figures


def test_figures_are_replaced_as_a_whole(tmp_path: Path) -> None:
    """A second run leaves its own figures alone, and no other file."""
    write_figures("demo", {"a": 1, "b": 0.5}, folder=tmp_path / "figures")
    path = write_figures("demo", {"c": None}, folder=tmp_path / "figures")
    assert json.loads(path.read_text()) == {"c": None}
    assert [p.name for p in path.parent.iterdir()] == ["demo.json"]


def test_rows(tmp_path: Path) -> None:
    """A list of flat rows is fine as well."""
    path = write_figures("rows", [{"a": 1}, {"a": 2}], folder=tmp_path)
    assert json.loads(path.read_text()) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a.b"])
def test_name_is_no_path(tmp_path: Path, name: str) -> None:
    """Figures stay in their folder."""
    with pytest.raises(ValueError, match="letters, digits"):
        write_figures(name, {}, folder=tmp_path)


@pytest.mark.parametrize("value", [[1], {"b": 1}, float("nan"), float("inf"), 1j])
def test_only_flat_finite_values(tmp_path: Path, value: object) -> None:
    """Whatever a script could stumble over is refused, and no file appears."""
    with pytest.raises(ValueError, match=r"plain number|JSON compliant"):
        write_figures("x", {"a": value}, folder=tmp_path)  # type: ignore[dict-item]
    assert not list(tmp_path.iterdir())
