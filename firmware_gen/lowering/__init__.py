"""Between graph and C: which kernel runs an operator on an instruction set, and the constants prepared for it.

Each set of kernels is one of ``kshot_target.h``. A lowering is a pure function from an operator to a frozen dataclass,
or to None where it cannot prove what the kernel needs; the portable kernel, which is the specification, runs the
operator then.
"""

from __future__ import annotations

from firmware_gen.kernel_sets import KernelSet
from firmware_gen.lowering.dsp import DspOp, lower_dsp
from firmware_gen.lowering.helium import HeliumOp, lower_helium
from firmware_gen.lowering.scalar import ScalarOp, lower_scalar
from quantize.graph import Int8Graph

LoweredOp = DspOp | ScalarOp | HeliumOp


def lower(graph: Int8Graph, kernels: KernelSet) -> tuple[LoweredOp | None, ...]:
    """For each operator the kernel of this set with its constants, or None for the portable one."""
    if kernels == "dsp":
        return tuple(lower_dsp(graph, op) for op in graph.ops)
    if kernels == "scalar":
        return tuple(lower_scalar(graph, op) for op in graph.ops)
    if kernels == "helium":
        return tuple(lower_helium(graph, op) for op in graph.ops)
    return (None,) * len(graph.ops)
