"""What is installed, what a missing piece costs, and how to get it."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes
    ----------
    name : str
    found : str or None
        Its version (or path, where it does not say), None when it is missing.
    purpose : str
        What cannot be done without it.
    remedy : str
        One command that brings it.
    required : bool
        Whether generating, building or emulating needs it.
    """

    name: str
    found: str | None
    purpose: str
    remedy: str
    required: bool = False

    def row(self) -> dict[str, str | bool | None]:
        """The finding as a flat row."""
        return asdict(self)


_PACKAGES = (
    ("numpy", "everything", "pip install numpy", True),
    ("flatbuffers", "reading .tflite files", "pip install flatbuffers", True),
    ("tflite", "reading .tflite files", "pip install tflite", True),
    ("jinja2", "generate", "pip install jinja2", True),
    ("pyelftools", "size reports of firmware", "pip install pyelftools", True),
    ("tensorflow", "train and quantize", 'pip install "kshot[train-cpu]"', False),
    ("matplotlib", "the glyphs data set and pictures", 'pip install "kshot[data]"', False),
    ("pillow", "data sets of image files", 'pip install "kshot[data]"', False),
    ("scikit-learn", "the digits data set", 'pip install "kshot[data]"', False),
    ("scipy", "the glyphs data set", 'pip install "kshot[data]"', False),
    ("ai-edge-litert", "running .tflite models for comparison", 'pip install "kshot[litert]"', False),
    ("tensorboard", "train --tensorboard", 'pip install "kshot[tensorboard]"', False),
)
_TOOLS = (
    ("cc", "C compiler: the generated code on this computer", "gcc libc6-dev", True),
    ("make", "build", "make", True),
    ("arm-none-eabi-gcc", "firmware for m0 and m4", "gcc-arm-none-eabi libnewlib-arm-none-eabi", True),
    ("qemu-system-arm", "emulate", "qemu-system-arm", True),
)
_STAND_INS = {"tensorflow": ("tensorflow-cpu",)}


def examine(*, run: Callable[[str], str | None] | None = None) -> list[Check]:
    """Look for everything that kshot can use.

    Parameters
    ----------
    run : callable, optional
        Name of a tool -> its version, None when it is missing; tests replace it.
    """
    find = run or tool_version
    python = Check("python", platform.python_version(), "everything", "install Python 3.11, 3.12 or 3.13", True)
    packages = [
        Check(name, _package_version(name), purpose, remedy, needed) for name, purpose, remedy, needed in _PACKAGES
    ]
    apt = "sudo apt-get install --no-install-recommends "
    tools = [Check(name, find(name), purpose, apt + debian, needed) for name, purpose, debian, needed in _TOOLS]
    pyocd = Check("pyocd", find("pyocd"), "flashing boards over a debug probe", 'pip install "kshot[flash]"')
    return [python, *packages, *_interpreter(), *tools, pyocd]


def _interpreter() -> list[Check]:
    """tflite-runtime, where it can exist: its last release is for Python 3.11 on Linux."""
    if sys.version_info >= (3, 12) or sys.platform != "linux":
        return []
    found = _package_version("tflite-runtime")
    return [Check("tflite-runtime", found, "the exact oracle of the tests", 'pip install "kshot[tflite-runtime]"')]


def _package_version(name: str) -> str | None:
    for candidate in (name, *_STAND_INS.get(name, ())):
        try:
            return version(candidate)
        except PackageNotFoundError:
            continue
    return None


def tool_version(name: str) -> str | None:
    """Version that a tool prints, "present" when it prints none, None when it is not on the PATH."""
    path = shutil.which(name)
    if path is None:
        return None
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stdout or done.stderr).splitlines()
    match = re.search(r"\d+(\.\d+)+", lines[0]) if lines else None
    return match.group() if match else "present"
