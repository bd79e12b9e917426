"""One program that runs many graphs, compares every value, and says which graph failed and how.

The networks are those that `firmware_gen` generates, put into one file: what carries a model's name there carries the
graph's number here. Built with sanitizers on a host, as firmware in QEMU; both print a character a graph.
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.graph_generator import RandomGraph
from firmware_gen import c_literals, targets
from firmware_gen.build import Firmware, MemoryOverflowError, build
from firmware_gen.emit import generate, network_source
from firmware_gen.emulate import EmulationError, Emulator
from firmware_gen.kernel_sets import KERNEL_SETS, KernelSet
from firmware_gen.networks import network
from firmware_gen.source_tree import SourceTree
from quantize.artifact import Int8Embedding
from quantize.graph import Int8Graph, QuantParams, Reshape, Tensor
from trainer.artifact import InputSpec

Int8Array = npt.NDArray[np.int8]

PASSED = "."
FAULTS: Mapping[str, str] = {
    "X": "an output differs",
    "O": "something was written behind the output",
    "A": "something was written around the arena",
    "I": "the input was changed",
    "!": "the program ended early",
}
"""What a graph's character means, the first that applies."""

_SANITIZERS = ("-O1", "-g0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_NAME = "graphs"
_TIMEOUT_SECONDS = 900

_MAIN = """\
#include "graphs.h"
#include "boards/board.h"

#include <stdlib.h>
#include <string.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(start, end) __asan_poison_memory_region(start, (size_t)((end) - (start)))
#define UNPOISON(start, end) __asan_unpoison_memory_region(start, (size_t)((end) - (start)))
#else
#define POISON(start, end) ((void)(start), (void)(end))
#define UNPOISON(start, end) ((void)(start), (void)(end))
#endif

#define GUARD_BYTES 64

static int8_t input[MOST_INPUT_BYTES];
static int8_t output[MOST_OUTPUT_BYTES + GUARD_BYTES];
static _Alignas(8) int8_t memory[GUARD_BYTES + MOST_ARENA_BYTES + GUARD_BYTES];

static int8_t garbage(size_t i, uint32_t sample)
{
    return (int8_t)(uint8_t)(i * 37u + sample * 101u + 11u);
}

static int is_garbage(const int8_t *bytes, size_t from, size_t to, uint32_t sample)
{
    for (size_t i = from; i < to; i++) {
        if (bytes[i] != garbage(i, sample)) {
            return 0;
        }
    }
    return 1;
}

static char run(const graph_case *graph, uint32_t sample)
{
    const int8_t *const given = graph->inputs + sample * graph->input_len;
    int8_t *const arena = memory + GUARD_BYTES, *const arena_end = arena + graph->arena_bytes;

    for (size_t i = 0; i < sizeof output; i++) {
        output[i] = garbage(i, sample);
    }
    for (size_t i = 0; i < sizeof memory; i++) {
        memory[i] = garbage(i, sample);
    }
    memcpy(input, given, graph->input_len);
    POISON(memory, arena);
    POISON(arena_end, memory + sizeof memory);
    POISON(input + graph->input_len, input + sizeof input);
    POISON(output + graph->output_len, output + sizeof output);
    graph->embed(input, output, arena);
    UNPOISON(memory, arena);
    UNPOISON(arena_end, memory + sizeof memory);
    UNPOISON(input + graph->input_len, input + sizeof input);
    UNPOISON(output + graph->output_len, output + sizeof output);
    if (memcmp(output, graph->outputs + sample * graph->output_len, graph->output_len) != 0) {
        return 'X';
    }
    if (!is_garbage(output, graph->output_len, sizeof output, sample)) {
        return 'O';
    }
    if (!is_garbage(memory, 0, GUARD_BYTES, sample) ||
        !is_garbage(memory, GUARD_BYTES + graph->arena_bytes, sizeof memory, sample)) {
        return 'A';
    }
    return memcmp(input, given, graph->input_len) != 0 ? 'I' : '.';
}

int main(void)
{
    board_start();
    for (size_t i = 0; i < sizeof graphs / sizeof graphs[0]; i++) {
        char mark = '.';

        for (uint32_t sample = 0; sample < graphs[i].samples && mark == '.'; sample++) {
            mark = run(&graphs[i], sample);
        }
        board_write(&mark, 1);
    }
    board_exit(EXIT_SUCCESS);
}
"""

_HEADER = """\
#ifndef GRAPHS_H
#define GRAPHS_H

#include "kshot_target.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    void (*embed)(const int8_t *input, int8_t *embedding, void *arena);
    const int8_t *inputs;  /* [samples][input_len] */
    const int8_t *outputs; /* [samples][output_len] */
    uint32_t samples, input_len, output_len, arena_bytes;
} graph_case;

#endif
"""


@dataclass(frozen=True, eq=False)
class GraphCase:
    """A graph and what TensorFlow Lite Micro answers.

    Attributes
    ----------
    made : RandomGraph
    outputs : int8 [n, ...]
    """

    made: RandomGraph
    outputs: Int8Array


@dataclass(frozen=True)
class Variant:
    """One way to build the program.

    Attributes
    ----------
    name : str
        For folders and figures.
    target : str
        Of `firmware_gen.targets`.
    kernels : KernelSet
    cflags : tuple of str
    """

    name: str
    target: str
    kernels: KernelSet
    cflags: tuple[str, ...] = ()


def _host(name: str, kernels: KernelSet, *defines: str) -> Variant:
    chosen = f"-DKSHOT_KERNELS=KSHOT_KERNELS_{kernels.upper()}"
    return Variant(name, "host", kernels, (*_SANITIZERS, chosen, *defines))


HOST = (
    *(_host(f"host-{kernels}", kernels) for kernels in KERNEL_SETS),
    _host("host-scalar-by-halves", "scalar", "-DKSHOT_MULTIPLY_BY_HALVES"),
)
"""Every set of kernels, compiled for this machine with sanitizers."""


def emulated(core: str) -> Variant:
    """A processor's own kernels, for QEMU."""
    return Variant(core, core, targets.get(core).kernels)


def marks(cases: Sequence[GraphCase], variant: Variant, folder: Path) -> str:
    """Build a program for `cases` and run it.

    Parameters
    ----------
    cases : sequence of GraphCase
    variant : Variant
    folder : Path
        To build in; the runtime is compiled there once.

    Returns
    -------
    str
        A character a graph: `PASSED`, or a key of `FAULTS`.

    Raises
    ------
    BuildError
        If the program does not build.
    """
    target = targets.get(variant.target)
    largest = dataclasses.replace(target, boards=target.boards[-1:])
    try:
        firmware = build(program(cases, variant.kernels), largest, folder, extra_cflags=variant.cflags, jobs=1)
    except MemoryOverflowError:
        if len(cases) == 1:
            raise
        half = len(cases) // 2
        return marks(cases[:half], variant, folder) + marks(cases[half:], variant, folder)
    said = _run(firmware)
    if len(said) == len(cases):
        return said
    return said + "!" + (marks(cases[len(said) + 1 :], variant, folder) if len(said) + 1 < len(cases) else "")


def _run(firmware: Firmware) -> str:
    """What the program said before it ended, however that was."""
    if firmware.board.qemu_machine is None:
        done = subprocess.run([firmware.elf.resolve()], check=False, capture_output=True, timeout=_TIMEOUT_SECONDS)
        return done.stdout.decode()
    try:
        return Emulator(firmware, timeout_seconds=_TIMEOUT_SECONDS).run().serial.decode()
    except EmulationError as error:
        raise EmulationError(f"{error}; fewer graphs a program tell which one it is") from error


def program(cases: Sequence[GraphCase], kernels: KernelSet) -> SourceTree:
    """A project of the runtime's kernels, all networks and their inputs and outputs."""
    files = dict(_project())
    rows, networks = [], []
    for number, case in enumerate(cases):
        run = network(case.made.graph, kernels)
        networks.append(_numbered(network_source(run, name=_NAME, head=f"/* {case.made.name} */"), case, number))
        networks += [
            f"static const int8_t graph{number}_{what}[] = {{\n{c_literals.array(values, 'int8_t')}\n}};\n"
            for what, values in (("inputs", case.made.inputs), ("outputs", case.outputs))
        ]
        sizes = (len(case.made.inputs), case.made.inputs[0].size, case.outputs[0].size, run.arena_bytes)
        names = ", ".join(f"graph{number}_{what}" for what in ("embed", "inputs", "outputs"))
        rows.append((f"    {{{names}, {', '.join(map(str, sizes))}}},", sizes))
    most = [max(sizes[i] for _, sizes in rows) for i in (1, 2, 3)]
    macros = [f"#define MOST_{what}_BYTES {n}" for what, n in zip(("INPUT", "OUTPUT", "ARENA"), most, strict=True)]
    table = "\n".join(["static const graph_case graphs[] = {", *(text for text, _ in rows), "};"])
    files["model/graphs.h"] = _HEADER
    files["main.c"] = "\n".join(['#include "graphs.h"', *networks, table, *macros, _MAIN])
    return SourceTree(_NAME, files)


@cache
def _project() -> Mapping[str, str]:
    """What all programs share, from a network that only copies."""
    quant = QuantParams((1.0,), (0,))
    tensors = (Tensor("image", (1, 1, 1, 4), "int8", quant), Tensor("row", (1, 4), "int8", quant))
    graph = Int8Graph(tensors, (Reshape(name="row", inputs=(0,), output=1),), 0, 1)
    project = generate(Int8Embedding(graph=graph, input=InputSpec((1, 1, 4))), name=_NAME)
    return {path: text for path, text in project.files.items() if _is_needed(path)}


def _is_needed(path: str) -> bool:
    """The kernels, all headers, the board and the Makefile: no learner and no store."""
    return (
        path == "Makefile"
        or path.startswith("boards/")
        or (path.startswith("kshot/") and path.endswith(("_s8.c", ".h")))
    )


def _numbered(source: str, case: GraphCase, number: int) -> str:
    """A network's source with names that no other has."""
    source = source.replace("GRAPHS_EMBEDDING_LEN", str(case.outputs[0].size))
    source = source.replace(f"void {_NAME}_embed(", f"static void graph{number}_embed(")
    return re.sub(r"\blayer(?=\d)", f"graph{number}_layer", source)
