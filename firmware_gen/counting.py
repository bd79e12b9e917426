"""A firmware that counts: the whole network, then layer by layer, in QEMU.

The linker's ``--wrap`` puts a function around each kernel that reads the clock before and after. In a first pass the
wrappers only pass the call on, which costs a handful of instructions a layer; in a second one they count. The generated
project is measured as it is: nothing in it knows of this.
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from elftools.elf.elffile import ELFFile

from firmware_gen.build import Firmware, build
from firmware_gen.emulate import EmulationError, Emulator
from firmware_gen.source_tree import SourceTree
from firmware_gen.targets import Target

_MAX_LAYERS = 256
_KERNEL_CALL = re.compile(r"^    (kshot_\w+_s8)\(", re.MULTILINE)

_MAIN = """\
#include "NAME.h"
#include "boards/board.h"
#include "boards/cortex_m/semihosting.h"

static NAME_memory memory;
static int8_t input[UPPER_INPUT_LEN];
static int8_t embedding[UPPER_EMBEDDING_LEN];
static uint64_t total;
static uint32_t calls, counting, layer[MAX_LAYERS];

/* A kernel has up to four arguments, each of which fits a register. */
#define WRAP(kernel)                                                             \\
    void __real_##kernel(uintptr_t, uintptr_t, uintptr_t, uintptr_t);            \\
    void __wrap_##kernel(uintptr_t, uintptr_t, uintptr_t, uintptr_t);            \\
    void __wrap_##kernel(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d)     \\
    {                                                                            \\
        if (!counting) {                                                         \\
            __real_##kernel(a, b, c, d);                                         \\
            return;                                                              \\
        }                                                                        \\
        const uint64_t start = board_tick();                                     \\
        __real_##kernel(a, b, c, d);                                             \\
        layer[calls++] = (uint32_t)(board_tick() - start);                       \\
    }

WRAPPERS

int main(void)
{
    const int inputs = semihosting_open_read("inputs.bin");
    const int answers = semihosting_open_write("answers.bin");

    board_start();
    while (semihosting_read(inputs, input, sizeof input) == 0) {
        const uint64_t start = board_tick();

        NAME_embed(input, embedding, memory.arena);
        total = board_tick() - start;
        semihosting_write(answers, &total, sizeof total);
        semihosting_write(answers, embedding, sizeof embedding);
    }
    counting = 1;
    NAME_embed(input, embedding, memory.arena);
    semihosting_write(answers, layer, calls * sizeof layer[0]);
    return semihosting_close(answers);
}
"""


@dataclass(frozen=True, eq=False)
class Counted:
    """What a firmware did with some inputs.

    Attributes
    ----------
    embeddings : int8 [n, embedding_len]
    instructions : int64 [n]
        Of each inference.
    layers : int64 [layers]
        Of each call of a kernel in the last one; a reading of the clock is off by up to one tick, 31 to 50.
    code_bytes : int
        Functions that the network's ``embed`` can reach, from the linked program.
    qemu : str
        Its version.
    """

    embeddings: npt.NDArray[np.int8]
    instructions: npt.NDArray[np.int64]
    layers: npt.NDArray[np.int64]
    code_bytes: int
    constant_bytes: int
    arena_bytes: int
    qemu: str


def count(tree: SourceTree, target: Target, folder: Path, inputs: npt.NDArray[np.int8]) -> Counted:
    """Build `tree` around the counting program and run it.

    Parameters
    ----------
    tree : SourceTree
    target : Target
        An emulated one; its largest board is taken.
    folder : Path
        To build in.
    inputs : int8 [n, ...]

    Raises
    ------
    BuildError
        If it does not build.
    EmulationError
        If it does not run, or ends in any way but the right one.
    """
    model = {path: text for path, text in tree.files.items() if path.startswith("model/") and path.endswith(".c")}
    kernels = sorted({name for text in model.values() for name in _KERNEL_CALL.findall(text)})
    program = _MAIN.replace("WRAPPERS", "\n".join(f"WRAP({kernel})" for kernel in kernels))
    for old, new in (("NAME", tree.name), ("UPPER", tree.name.upper()), ("MAX_LAYERS", str(_MAX_LAYERS))):
        program = program.replace(old, new)
    counting = dataclasses.replace(tree, files={**tree.files, "main.c": program})
    largest = dataclasses.replace(target, boards=target.boards[-1:])
    firmware = build(counting, largest, folder, extra_cflags=[f"-Wl,--wrap={kernel}" for kernel in kernels])
    emulator = Emulator(firmware)
    with tempfile.TemporaryDirectory(prefix="kshot-engine-") as name:
        (Path(name) / "inputs.bin").write_bytes(inputs.tobytes())
        run = emulator.run(Path(name))
        if run.exit_status:
            raise EmulationError(f"{firmware.elf}: exit status {run.exit_status}")
        answers = (Path(name) / "answers.bin").read_bytes()
    return _counted(firmware, emulator.version, tree, len(inputs), answers)


def _counted(firmware: Firmware, qemu: str, tree: SourceTree, count_: int, answers: bytes) -> Counted:
    published = re.search(r"_EMBEDDING_LEN (\d+)$", tree.files[f"model/{tree.name}.h"], re.MULTILINE)
    assert published is not None
    assert firmware.sizes is not None
    record = np.dtype([("instructions", "<u8"), ("embedding", "i1", (int(published[1]),))])
    records = np.frombuffer(answers, record, count_)
    layers = np.frombuffer(answers, "<u4", offset=count_ * record.itemsize)
    return Counted(
        embeddings=records["embedding"],
        instructions=records["instructions"].astype(np.int64),
        layers=layers.astype(np.int64),
        code_bytes=code_bytes(firmware.elf, f"{tree.name}_embed", tool_prefix=firmware.target.tool_prefix),
        constant_bytes=firmware.sizes.model_constant_bytes,
        arena_bytes=firmware.sizes.arena_bytes,
        qemu=qemu,
    )


def code_bytes(elf: Path, root: str, *, tool_prefix: str) -> int:
    """Bytes of all functions that `root` can reach through direct calls, the wrappers and the clock left out."""
    with elf.open("rb") as stream:
        symbols = ELFFile(stream).get_section_by_name(".symtab").iter_symbols()
        found = [s for s in symbols if s["st_info"]["type"] == "STT_FUNC" and s["st_size"]]
    sizes = {symbol["st_value"] & ~1: symbol["st_size"] for symbol in found}
    address_of = {symbol.name: symbol["st_value"] & ~1 for symbol in found}
    wrapped = {address_of[n]: address_of.get(n.removeprefix("__wrap_")) for n in address_of if n.startswith("__wrap_")}
    command = [f"{tool_prefix}objdump", "-d", "--no-show-raw-insn", str(elf)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    calls: dict[int, set[int]] = {}
    current = 0
    for line in text.splitlines():
        if label := re.match(r"([0-9a-f]{8}) <", line):
            current = int(label[1], 16)
        elif branch := re.search(r"\tc?bn?[a-z.]*\t(?:\w+, )?([0-9a-f]+) <[^+>]+>", line):
            target = int(branch[1], 16)
            calls.setdefault(current, set()).add(wrapped.get(target) or target)
    reached, rest = set[int](), {address_of[root]}
    while rest:
        address = rest.pop()
        reached.add(address)
        rest |= calls.get(address, set()) - reached
    return sum(sizes.get(address, 0) for address in reached)
