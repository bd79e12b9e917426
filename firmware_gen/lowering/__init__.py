"""Between graph and C: which kernel runs an operator on an instruction set, and the constants prepared for it.

Each set of kernels is one of ``kshot_target.h``. A lowering is a pure function from an operator to a frozen dataclass,
or to None where it cannot prove what the kernel needs; the portable kernel, which is the specification, runs the
operator then.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from firmware_gen.lowering.dsp import DspOp, lower_dsp
from firmware_gen.lowering.scalar import ScalarOp, lower_scalar
from quantize.graph import Int8Graph

KernelSet = Literal["portable", "dsp", "scalar"]
LoweredOp = DspOp | ScalarOp

KERNEL_SETS: Mapping[KernelSet, str] = MappingProxyType(
    {
        "portable": "any processor",
        "dsp": "Cortex-M4, M7, M33 and others with DSP instructions",
        "scalar": "Cortex-M0, M0+, M3 and others without",
    }
)
"""For whom each is; the names are those of ``KSHOT_KERNELS_*``."""


def lower(graph: Int8Graph, kernels: KernelSet) -> tuple[LoweredOp | None, ...]:
    """For each operator the kernel of this set with its constants, or None for the portable one."""
    if kernels == "dsp":
        return tuple(lower_dsp(graph, op) for op in graph.ops)
    if kernels == "scalar":
        return tuple(lower_scalar(graph, op) for op in graph.ops)
    return (None,) * len(graph.ops)
