"""What the tests may need from the machine, and what happens where it is missing.

``@pytest.mark.needs("qemu", ...)`` names tools, packages or data. A missing tool or package fails the test where CI
or KSHOT_REQUIRE_TOOLS is set; on a person's machine the test is skipped and says what is missing. Data sets that
cannot be part of the project are looked for under KSHOT_DATA (default ``../shared/data``).
"""

from __future__ import annotations

import os
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


def _cannot_exist(need: str) -> bool:
    """tflite-runtime ended with Python 3.11 on Linux: elsewhere its test has no subject."""
    return need == "tflite-runtime" and (sys.version_info >= (3, 12) or sys.platform != "linux")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and settle where the data lie."""
    config.addinivalue_line("markers", "needs(*names): tools, packages or data that the test cannot do without")
    os.environ.setdefault("KSHOT_DATA", str((_ROOT / "../shared/data").resolve()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot exist on this platform."""
    kept = [item for item in items if not any(_cannot_exist(n) for n in _needs(item))]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail or skip a test whose needs are not met."""
    for need in _needs(item):
        if need in _DATA:
            if not _DATA[need]():
                pytest.skip(f"no {need} data under KSHOT_DATA={os.environ['KSHOT_DATA']}")
        elif not _TOOLS[need]():
            required = os.environ.get("CI") or os.environ.get("KSHOT_REQUIRE_TOOLS")
            (pytest.fail if required else pytest.skip)(f"{need} is not installed: `make setup` or `kshot doctor` helps")


def _needs(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers("needs") for name in mark.args]
