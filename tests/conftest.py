"""What the tests may need from the machine, and what happens where it is missing.

``@pytest.mark.needs("qemu", ...)`` names tools, packages or data. A missing tool or package fails the test where CI
or KSHOT_REQUIRE_TOOLS is set; on a person's machine the test is skipped and says what is missing. Data sets that
cannot be part of the project are looked for under KSHOT_DATA (default ``../shared/data``); tests of one that is not
there are left out, and the head of the report says so.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("kshot", deadline=None)  # no test fails because a machine is slow
settings.load_profile("kshot")

_ROOT = Path(__file__).parents[1]


def _command(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _libfuzzer() -> bool:
    """Whether clang has its fuzzer and sanitizers, which Debian packs apart from it."""
    if shutil.which("clang") is None:
        return False
    asked = subprocess.run(["clang", "-print-resource-dir"], check=True, capture_output=True, text=True)
    return any(Path(asked.stdout.strip()).rglob("libclang_rt.fuzzer*"))


def _package(name: str) -> Callable[[], bool]:
    return lambda: find_spec(name) is not None


def _data(name: str) -> Callable[[], bool]:
    def exists() -> bool:  # when asked: KSHOT_DATA is settled later than this module
        return (Path(os.environ["KSHOT_DATA"]) / name).exists()

    return exists


_TOOLS: dict[str, Callable[[], bool]] = {
    "gcc": _command("gcc"),
    "g++": _command("g++"),
    "clang": _command("clang"),
    "libfuzzer": _libfuzzer,
    "cmake": _command("cmake"),
    "doxygen": _command("doxygen"),
    "arm-gcc": _command("arm-none-eabi-gcc"),
    "qemu": _command("qemu-system-arm"),
    "tensorflow": _package("tensorflow"),
    "tflite-micro": _package("tflite_micro"),
    "tflite-runtime": _package("tflite_runtime"),
    "platformio": _package("platformio"),
    "west": _package("west"),
    "kconfiglib": _package("kconfiglib"),
    "pykwalify": _package("pykwalify"),
    "cmsis-pack-manager": _package("cmsis_pack_manager"),
    "idf-component-manager": _package("idf_component_manager"),
}
_DATA: dict[str, Callable[[], bool]] = {
    "mlperf": _data("mlperf_tiny"),
    "omniglot": _data("omniglot_background.npz"),
}


_X86_64 = "x86-64"


def _is_left_out(need: str) -> bool:
    """Whether a test has no subject here: tflite-runtime ended with Python 3.11 on Linux; data may be elsewhere."""
    if need == "tflite-runtime":
        return sys.version_info >= (3, 12) or sys.platform != "linux"
    if need == _X86_64:
        return platform.machine() not in ("x86_64", "AMD64")
    return need in _DATA and not _DATA[need]()


def pytest_report_header() -> list[str]:
    """Name the data sets whose tests are left out."""
    missing = [name for name, exists in _DATA.items() if not exists()]
    return [f"left out: tests of {name}, which is not under KSHOT_DATA={os.environ['KSHOT_DATA']}" for name in missing]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and settle where the data lie."""
    config.addinivalue_line("markers", "needs(*names): tools, packages or data that the test cannot do without")
    os.environ.setdefault("KSHOT_DATA", str((_ROOT / "../shared/data").resolve()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has no subject on this machine."""
    kept = [item for item in items if not any(_is_left_out(n) for n in _needs(item))]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail or skip a test whose needs are not met."""
    for need in _needs(item):
        if need in _TOOLS and not _TOOLS[need]():
            required = os.environ.get("CI") or os.environ.get("KSHOT_REQUIRE_TOOLS")
            (pytest.fail if required else pytest.skip)(f"{need} is not installed: `make setup` or `kshot doctor` helps")


def _needs(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers("needs") for name in mark.args]
