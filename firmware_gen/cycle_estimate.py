"""A rough estimate of cycles from counted instructions; no measurement, and named so wherever it is shown.

QEMU counts instructions and knows no cycles. The estimate gives each kernel the mix of instructions that its code and
what it calls have, every instruction taken as often as any other, and each kind of instruction the cycles that Arm's
technical reference manuals of the Cortex-M0, M3 and M4 state for memory without wait states. Processors that issue two
instructions at a time or overlap them, Cortex-M7, M33 and M55, have no such table and get no estimate.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_M3: Mapping[str, float] = MappingProxyType({"load": 2, "store": 2, "branch": 3, "divide": 7, "other": 1})
WEIGHTS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "m0": MappingProxyType({"load": 2, "store": 2, "branch": 3, "other": 1}),
        "m3": _M3,
        "m4": _M3,
    }
)
"""Cycles of each kind of instruction, by target; a branch counts as taken, a division as the middle of its range."""

_KINDS = (
    ("load", re.compile(r"(v?ldr|ldm|pop|vpop|vldm)")),
    ("store", re.compile(r"(v?str|stm|push|vpush|vstm)")),
    ("divide", re.compile(r"[su]div")),
    ("branch", re.compile(r"(b|bl|bx|blx|cbn?z|b(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le))(\.[nw])?$")),
)


def cycles_an_instruction(elf: Path, target: str, *, tool_prefix: str) -> dict[str, float]:
    """Mean weight of the instructions of each function of a program, or nothing for a target without weights.

    Raises
    ------
    OSError, CalledProcessError
        If ``objdump`` is missing or cannot read `elf`.
    """
    weights = WEIGHTS.get(target)
    if weights is None:
        return {}
    command = [f"{tool_prefix}objdump", "-d", "--no-show-raw-insn", str(elf)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {name: _mean(mix, weights) for name, mix in mixes(text).items()}


def mixes(disassembly: str) -> dict[str, Counter[str]]:
    """How many instructions of each kind each function of a disassembly has, with all that it can call."""
    own: dict[str, Counter[str]] = {}
    calls: dict[str, set[str]] = {}
    name = ""
    for line in disassembly.splitlines():
        if label := re.match(r"[0-9a-f]{8} <(.+)>:$", line):
            name = label[1]
        elif instruction := re.match(r" *[0-9a-f]+:\t(\S+)(?:\t.*<([^+>]+)>)?", line):
            own.setdefault(name, Counter())[_kind(instruction[1])] += 1
            if instruction[2] and instruction[2] != name:
                calls.setdefault(name, set()).add(instruction[2])
    return {name: sum((own[each] for each in _reached(name, calls) if each in own), Counter()) for name in own}


def _reached(root: str, calls: Mapping[str, set[str]]) -> set[str]:
    reached, rest = set[str](), {root}
    while rest:
        name = rest.pop()
        reached.add(name)
        rest |= calls.get(name, set()) - reached
    return reached


def _kind(mnemonic: str) -> str:
    return next((kind for kind, pattern in _KINDS if pattern.match(mnemonic)), "other")


def _mean(mix: Counter[str], weights: Mapping[str, float]) -> float:
    return sum(count * weights.get(kind, weights["other"]) for kind, count in mix.items()) / mix.total()
