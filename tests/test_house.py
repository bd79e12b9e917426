"""The rules of the house that no single package can check: imports point upstream, and stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UPSTREAM = {
    "trainer": {"trainer"},
    "quantize": {"quantize", "trainer"},
    "firmware_gen": {"firmware_gen", "quantize", "trainer"},
    "kshot": {"kshot", "firmware_gen", "quantize", "trainer"},
}


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", UPSTREAM)
def test_imports_point_upstream(package: str) -> None:
    """A package imports itself and what comes before it, never what comes after."""
    for path in (ROOT / package).rglob("*.py"):
        beyond = _imported(path) & set(UPSTREAM) - UPSTREAM[package]
        assert not beyond, f"{path.relative_to(ROOT)} imports {', '.join(sorted(beyond))}"


@pytest.mark.parametrize("package", ["quantize", "firmware_gen"])
def test_every_module_imports_without_tensorflow(package: str) -> None:
    """Generating, building and emulating run where TensorFlow was never installed."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / package).rglob("*.py")
    ]
    code = (
        "import importlib, sys\n"
        "sys.modules.update(tensorflow=None, keras=None)\n"
        f"for name in {sorted(modules)!r}: importlib.import_module(name)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_modules_stay_small() -> None:
    """No source file of the packages outgrows 450 lines."""
    long = {
        str(path.relative_to(ROOT)): lines
        for package in UPSTREAM
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".c", ".h", ".j2"}
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 450
    }
    assert not long
