"""A network as one set of kernels runs it: lowered, laid out in memory, described line by line."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_gen.kernel_sets import KERNEL_SETS, KernelSet
from firmware_gen.lowering import lower
from firmware_gen.plan import MemoryPlan, plan
from firmware_gen.views import LayerView, layers
from quantize.graph import Int8Graph

_ARENA_ALIGNMENT = 8


@dataclass(frozen=True)
class Network:
    """What the generated file of one set of kernels holds.

    Attributes
    ----------
    kernels : KernelSet
        A key of `firmware_gen.kernel_sets.KERNEL_SETS`.
    memory : MemoryPlan
    layers : tuple of LayerView
    """

    kernels: KernelSet
    memory: MemoryPlan
    layers: tuple[LayerView, ...]

    @property
    def audience(self) -> str:
        """The processors it is for."""
        return KERNEL_SETS[self.kernels]

    @property
    def arena_bytes(self) -> int:
        """What the caller provides, aligned, at least some bytes."""
        return max(1, -(-self.memory.arena_bytes // _ARENA_ALIGNMENT)) * _ARENA_ALIGNMENT

    @property
    def uses_arena(self) -> bool:
        """Whether anything lives in it."""
        return self.memory.arena_bytes > 0

    @property
    def copies_input(self) -> bool:
        """Whether the output is the input under another shape."""
        return self.memory.output_is_input

    @property
    def constant_bytes(self) -> int:
        """Weights and quantization."""
        return sum(constant.size_bytes for layer in self.layers for constant in layer.constants)

    @property
    def call_width(self) -> int:
        """Characters of the longest call."""
        return max((len(layer.call) for layer in self.layers), default=0)


def network(graph: Int8Graph, kernels: KernelSet) -> Network:
    """Lower `graph` for a set of kernels, plan its memory and describe its layers.

    Raises
    ------
    UnsupportedModelError
        If a layer does not fit the runtime.
    """
    lowered = lower(graph, kernels)
    scratch = {step: op.scratch_bytes for step, op in enumerate(lowered) if op and op.scratch_bytes}
    memory = plan(graph, scratch=scratch, in_place=[step for step, op in enumerate(lowered) if op and op.in_place])
    return Network(kernels, memory, tuple(layers(graph, memory, lowered)))
