"""A network as one set of kernels runs it: lowered, laid out in memory, described line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_gen.costs import macs
from firmware_gen.kernel_sets import KERNEL_SETS, KernelSet
from firmware_gen.lowering import LoweredOp, lower
from firmware_gen.overlap import overlaps
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
    input_offset, output_offset : int or None
        Where the network's ends lie in the arena; None where they are the caller's.
    """

    kernels: KernelSet
    memory: MemoryPlan
    layers: tuple[LayerView, ...]
    input_offset: int | None = None
    output_offset: int | None = None

    @property
    def audience(self) -> str:
        """The processors it is for."""
        return KERNEL_SETS[self.kernels]

    @property
    def arena_bytes(self) -> int:
        """What the caller provides, aligned, at least some bytes."""
        return _published(self.memory)

    @property
    def uses_arena(self) -> bool:
        """Whether anything lives in it."""
        return self.memory.arena_bytes > 0

    @property
    def copies_input(self) -> bool:
        """Whether the output is the caller's input under another shape."""
        return self.memory.output_is_input and self.input_offset is None

    @property
    def constant_bytes(self) -> int:
        """Weights and quantization."""
        return sum(constant.size_bytes for layer in self.layers for constant in layer.constants)

    @property
    def call_width(self) -> int:
        """Characters of the longest call."""
        return max((len(layer.call) for layer in self.layers), default=0)


class ArenaBudgetError(ValueError):
    """A network needs a larger arena than it may have; the message says how large."""


def network(
    graph: Int8Graph, kernels: KernelSet, *, ends_in_arena: bool = False, arena_bytes: int | None = None
) -> Network:
    """Lower `graph` for a set of kernels, plan its memory and describe its layers.

    Parameters
    ----------
    graph : Int8Graph
    kernels : KernelSet
    ends_in_arena : bool
        Whether input and output live in the arena, where other activations take their places in turn.
    arena_bytes : int, optional
        The arena may be as large. Where it would be larger, layers lose the kernel that works in scratch to the
        portable one, which needs none, those of fewest multiplications first.

    Raises
    ------
    UnsupportedModelError
        If a layer does not fit the runtime.
    ArenaBudgetError
        If no choice of kernels fits `arena_bytes`; the message names the smallest that would.
    """
    lowered = lower(graph, kernels)
    memory = _planned(graph, lowered, ends_in_arena=ends_in_arena)
    if arena_bytes is not None:
        while _published(memory) > arena_bytes:
            smaller = _with_less_scratch(graph, lowered, memory, ends_in_arena=ends_in_arena)
            if smaller is None:
                raise ArenaBudgetError(
                    f"an arena of {arena_bytes} bytes is too small for the {kernels} kernels: the smallest that works "
                    f"has {_published(memory)}"
                )
            lowered, memory = smaller
    ends = (memory.buffer_of(end).offset if ends_in_arena else None for end in (graph.input, graph.output))
    return Network(kernels, memory, tuple(layers(graph, memory, lowered)), *ends)


def _published(memory: MemoryPlan) -> int:
    """Size of the arena that the caller provides."""
    return max(1, -(-memory.arena_bytes // _ARENA_ALIGNMENT)) * _ARENA_ALIGNMENT


def _planned(graph: Int8Graph, lowered: Sequence[LoweredOp | None], *, ends_in_arena: bool) -> MemoryPlan:
    scratch = {step: op.scratch_bytes for step, op in enumerate(lowered) if op and op.scratch_bytes}
    return plan(graph, scratch=scratch, overlaps=overlaps(graph, lowered), ends_in_arena=ends_in_arena)


def _with_less_scratch(
    graph: Int8Graph, lowered: tuple[LoweredOp | None, ...], memory: MemoryPlan, *, ends_in_arena: bool
) -> tuple[tuple[LoweredOp | None, ...], MemoryPlan] | None:
    """The same with one layer left to the portable kernel, the cheapest that makes the arena smaller; None without."""
    scratch = [step for step, op in enumerate(lowered) if op and op.scratch_bytes]
    for step in sorted(scratch, key=lambda step: (macs(graph, graph.ops[step]), step)):
        fewer = (*lowered[:step], None, *lowered[step + 1 :])
        smaller = _planned(graph, fewer, ends_in_arena=ends_in_arena)
        if smaller.arena_bytes < memory.arena_bytes:
            return fewer, smaller
    return None
