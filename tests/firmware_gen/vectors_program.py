"""The shared vectors as a C program that runs every kernel on them and reports which ones differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from firmware_gen import c_literals

_STRUCTS = {
    "kshot_conv2d_s8": "kshot_conv_s8",
    "kshot_depthwise_conv2d_s8": "kshot_conv_s8",
    "kshot_fully_connected_s8": "kshot_dense_s8",
    "kshot_average_pool2d_s8": "kshot_pool_s8",
    "kshot_max_pool2d_s8": "kshot_pool_s8",
    "kshot_mean_hw_s8": "kshot_mean_s8",
    "kshot_elementwise_add_s8": "kshot_add_s8",
    "kshot_pad_hw_s8": "kshot_pad_s8",
    "kshot_softmax_rows_s8": "kshot_softmax_s8",
}
_CTYPES: Mapping[str, c_literals.CType] = {
    "weights": "int8_t",
    "bias": "int32_t",
    "multiplier": "int32_t",
    "shift": "int8_t",
}

HEAD = """\
#include "boards/board.h"
#include "kshot_kernels_s8.h"

#include <string.h>

#define GUARD_BYTES 16

static int8_t actual[OUTPUT_BYTES + GUARD_BYTES];
static int8_t untouched[OUTPUT_BYTES + GUARD_BYTES];

static int failures;

/* One byte a sample: '.' where it is right and nothing was written behind the output, 'X' otherwise. */
static void compare(const int8_t *expected, size_t len)
{
    const int right = memcmp(actual, expected, len) == 0 && memcmp(actual + len, untouched + len, GUARD_BYTES) == 0;

    failures += !right;
    board_write(right ? "." : "X", 1);
    memcpy(actual, untouched, sizeof actual);
}
"""

MAIN = """
int main(void)
{
    board_start();
    memset(untouched, 85, sizeof untouched);
    memcpy(actual, untouched, sizeof actual);
CALLS
    return failures != 0;
}
"""


def vectors_program(cases: Sequence[Mapping[str, Any]]) -> str:
    """A program that writes one character a sample, in order, and exits with 0 when every one is right."""
    longest = max(len(sample["output"]) for case in cases for sample in case["samples"])
    functions = "\n".join(_case_function(index, case) for index, case in enumerate(cases))
    calls = "\n".join(f"    case_{index}();" for index in range(len(cases)))
    return f"#define OUTPUT_BYTES {longest}\n{HEAD}\n{functions}{MAIN.replace('CALLS', calls)}"


def _case_function(index: int, case: Mapping[str, Any]) -> str:
    constants: list[str] = []
    fields = ",\n    ".join(_fields(case["params"], constants))
    calls = []
    for number, sample in enumerate(case["samples"]):
        operands = [*sample["operands"], sample["output"]]
        names = [f"sample_{number}_{position}" for position in range(len(operands))]
        constants += [_constant(name, "int8_t", values) for name, values in zip(names, operands, strict=True)]
        calls.append(f"    {case['kernel']}(&params, {', '.join(names[:-1])}, actual);")
        calls.append(f"    compare({names[-1]}, sizeof {names[-1]});")
    params = f"static const {_STRUCTS[case['kernel']]} params = {{\n    {fields}\n}};"
    body = "\n".join([*constants, params, *calls])
    return f"/* {case['name']} */\nstatic void case_{index}(void)\n{{\n{body}\n}}\n"


def _fields(params: Mapping[str, Any], constants: list[str]) -> Iterator[str]:
    for name, value in params.items():
        if isinstance(value, Mapping):
            yield f".{name} = {{{', '.join(_fields(value, constants))}}}"
        elif isinstance(value, list):
            constants.append(_constant(name, _CTYPES[name], value))
            yield f".{name} = {name}"
        elif value is not None:
            yield f".{name} = {c_literals.integer(value)}"


def _constant(name: str, ctype: c_literals.CType, values: Sequence[int]) -> str:
    return f"static const {ctype} {name}[{len(values)}] = {{\n{c_literals.array(values, ctype)}\n}};"
