"""How deep the store's calls make the stack of a microcontroller, from what the compiler says of each function."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bench.store_cuts import RUNTIME, STORE
from firmware_gen.stack_bound import read_call_graph, stack_bound

CORES: Mapping[str, str] = {"m0": "cortex-m0", "m4": "cortex-m4"}
_CALL = re.compile(r"\b(kshot_store_\w+)\(")


def store_stack_bytes(core: str, folder: Path) -> dict[str, int]:
    """Bound the stack of every call of kshot_store.h, the flash callbacks aside.

    Parameters
    ----------
    core : str
        Of `CORES`.
    folder : Path
        For what is compiled.

    Raises
    ------
    subprocess.CalledProcessError
        If the compiler is missing or rejects the store.
    UnboundedStackError
        If a call recurses or its stack depends on data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources = [str(RUNTIME / name) for name in STORE]
    flags = ["-std=c99", "-Os", "-mthumb", f"-mcpu={CORES[core]}", "-fcallgraph-info=su"]
    subprocess.run(
        ["arm-none-eabi-gcc", *flags, "-c", *sources], cwd=folder, check=True, capture_output=True, text=True
    )
    graph = read_call_graph(folder.glob("*.ci"))
    calls = sorted(set(_CALL.findall((RUNTIME / "kshot_store.h").read_text(encoding="utf-8"))) & set(graph))
    copies = [name for name in graph if name.endswith(":copy_record")]  # what put hands to put_all
    return {name: stack_bound(graph, {}, root=name, indirect_targets=copies) for name in calls}
