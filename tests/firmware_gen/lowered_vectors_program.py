"""The shared vectors as each set of kernels runs them, in a C program that reports which ones differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import vectors_program
from vectors.cases import Case

from firmware_gen.c_literals import array
from firmware_gen.kernel_sets import KernelSet
from firmware_gen.networks import network
from quantize.graph import Int8Graph

_ALIGNMENT = "union {\n    int32_t aligned;\n    int8_t bytes[%d];\n} arena;"


def lowered_vectors_program(
    pairs: Sequence[tuple[Case, Mapping[str, Any]]], kernels: KernelSet
) -> tuple[str, frozenset[str]]:
    """A program that writes one character a sample, in order, and the names of the kernels that it calls.

    Each case comes with its vector, whose outputs are expected.
    """
    functions, calls, called = [], [], set[str]()
    for index, (case, vector) in enumerate(pairs):
        text, names = _network(case.graph, kernels, index)
        functions.append(f"/* {case.name} */\n{text}\n{_samples(case, vector, index)}")
        calls.append(f"    case_{index}();")
        called |= names
    longest = max(len(sample["output"]) for _, vector in pairs for sample in vector["samples"])
    head = vectors_program.HEAD.replace("kshot_kernels_s8.h", f"kshot_{kernels}_s8.h")
    main = vectors_program.MAIN.replace("CALLS", "\n".join(calls))
    return f"#define OUTPUT_BYTES {longest}\n{head}\n{''.join(functions)}{main}", frozenset(called)


def _network(graph: Int8Graph, kernels: KernelSet, index: int) -> tuple[str, set[str]]:
    run = network(graph, kernels)
    body = []
    for layer in run.layers:
        body += [f"static const {c.ctype} {c.name}[{c.len}] = {{\n{c.text}\n}};" for c in layer.constants]
        fields = "\n".join(f"    .{name} = {value}," for name, value in layer.fields)
        body.append(f"static const {layer.struct} {layer.symbol} = {{\n{fields}\n}};")
    body.append(f"static {_ALIGNMENT % run.arena_bytes}")
    body.append("int8_t *const memory = arena.bytes;\n(void)memory;")
    body += [layer.call for layer in run.layers]
    signature = f"static void network_{index}(const int8_t *input, int8_t *embedding)"
    return signature + "\n{\n" + "\n".join(body) + "\n}\n", {layer.call.partition("(")[0] for layer in run.layers}


def _samples(case: Case, vector: Mapping[str, Any], index: int) -> str:
    body = []
    for number, (values, sample) in enumerate(zip(case.inputs, vector["samples"], strict=True)):
        for name, data in ((f"input_{number}", values.ravel()), (f"output_{number}", sample["output"])):
            body.append(f"static const int8_t {name}[{len(data)}] = {{\n{array(data, 'int8_t')}\n}};")
        body += [f"network_{index}(input_{number}, actual);", f"compare(output_{number}, sizeof output_{number});"]
    return f"static void case_{index}(void)\n{{\n" + "\n".join(body) + "\n}\n"
