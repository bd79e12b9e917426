"""The arena's layout keeps live tensors apart, is as small as it can be, and shares bytes where that is safe."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_graphs import GraphBuilder, reshape_only, tiny_conv, tiny_dense

from firmware_gen.plan import Buffer, MemoryPlan, plan
from quantize.graph import Add, Int8Graph, Pad, Padding, Reshape, Softmax


@st.composite
def graphs(draw) -> Int8Graph:
    """Random chains with branches: pads of many sizes, sums that join two equal tensors, softmaxes and reshapes."""
    g = GraphBuilder()
    source = g.activation(1, 1, draw(st.integers(1, 9)))
    known = [source]
    for _ in range(draw(st.integers(1, 9))):
        operand = draw(st.sampled_from(known))
        shape = g.tensors[operand].shape
        equals = [t for t in known if g.tensors[t].shape == shape]
        kind = draw(st.sampled_from(["pad", "add", "softmax", "reshape"]))
        if kind == "add":
            known.append(g.op(Add, g.activation(*shape[1:]), operand, draw(st.sampled_from(equals))))
        elif kind == "pad":
            output = g.activation(1, 1, draw(st.integers(1, 60)))
            known.append(g.op(Pad, output, operand, padding=Padding()))
        else:
            known.append(g.op(Softmax if kind == "softmax" else Reshape, g.activation(*shape[1:]), operand))
    return g.build(source, known[-1])


def _replay(graph: Int8Graph, memory: MemoryPlan) -> None:
    """Run the graph on owners instead of numbers: each byte that an op reads must still be the one that was written."""
    spaces: dict[str, dict[int, tuple[int, int]]] = {"input": {}, "output": {}, "arena": {}}

    def cells(tensor: int) -> tuple[str, range]:
        buffer = memory.buffer_of(tensor)
        return buffer.place, range(buffer.offset, buffer.offset + graph.tensors[tensor].size)

    value = {graph.input: graph.input}  # a reshape keeps its operand's content
    place, span = cells(graph.input)
    spaces[place] |= {at: (graph.input, i) for i, at in enumerate(span)}
    for op in graph.ops:
        for operand in op.inputs:
            place, span = cells(operand)
            assert [spaces[place].get(at) for at in span] == [(value[operand], i) for i in range(len(span))]
        value[op.output] = value[op.inputs[0]] if isinstance(op, Reshape) else op.output
        if isinstance(op, Reshape):
            assert memory.buffer_of(op.output) == memory.buffer_of(op.inputs[0])
            continue
        place, span = cells(op.output)
        assert place != "input"
        spaces[place] |= {at: (op.output, i) for i, at in enumerate(span)}
    place, span = cells(graph.output)
    assert place == ("input" if memory.output_is_input else "output")
    assert [spaces[place].get(at) for at in span] == [(value[graph.output], i) for i in range(len(span))]


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_no_value_is_overwritten_while_needed(graph):
    """Whatever the graph, each op finds its operands intact and the output is whole at the end."""
    memory = plan(graph)
    _replay(graph, memory)
    assert memory.lower_bound_bytes <= memory.arena_bytes
    assert memory == plan(graph)


def _optimum(buffers: list[Buffer]) -> int:
    """Least height over all orders of first-fit, which includes an optimal layout."""
    best = 10**9
    for order in itertools.permutations(buffers):
        spans: list[tuple[Buffer, int]] = []
        for buffer in order:
            size = -(-buffer.size_bytes // 4) * 4
            taken = sorted((at, at + -(-b.size_bytes // 4) * 4) for b, at in spans if b.meets(buffer))
            offset = 0
            for start, end in taken:
                if start >= offset + size:
                    break
                offset = max(offset, end)
            spans.append((buffer, offset))
        best = min(best, max((at + -(-b.size_bytes // 4) * 4 for b, at in spans), default=0))
    return best


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_small_graphs_are_optimal(graph):
    """No order of placement beats the plan where trying them all is possible."""
    memory = plan(graph)
    arena = [b for b in memory.buffers if b.place == "arena"]
    if len(arena) <= 6:
        assert memory.arena_bytes == _optimum(arena)


def test_search_beats_first_fit():
    """By size, by size and lifetime, or by time, first-fit needs 48 bytes; the plan the 40 that are alive."""
    g = GraphBuilder()
    chain = [g.activation(1, 1, 4)]
    for length, other in zip([24, 12, 12, 16, 4], [0, 0, 2, 2, 3], strict=True):
        chain.append(g.op(Add, g.activation(1, 1, length), chain[-1], chain[other]))
    assert plan(g.build(chain[0], chain[-1])).arena_bytes == 40


def test_plan_refuses_overlap():
    """A layout in which live buffers overlap, or leave the arena, cannot be made."""
    buffers = (Buffer((0,), 20, 0, 2, "arena"), Buffer((1,), 12, 1, 4, "arena"))
    with pytest.raises(ValueError, match="outside"):
        MemoryPlan(buffers, 16, 16)
    with pytest.raises(ValueError, match="overlap"):
        MemoryPlan(buffers, 20, 20)


def test_reshape_costs_nothing():
    """Both sides of a reshape share one buffer, and the first dense layer reads the caller's input."""
    memory = plan(tiny_dense())
    assert memory.buffer_of(0).place == "input"
    assert memory.buffer_of(1) is memory.buffer_of(0)


def test_softmax_works_in_place_on_the_output():
    """Logits are computed where the probabilities will stand: only the hidden layer needs the arena."""
    graph = tiny_dense()
    memory = plan(graph)
    assert memory.buffer_of(graph.ops[-1].inputs[0]).place == "output"
    assert memory.arena_bytes == 8


def test_sum_works_in_place():
    """A sum overwrites the branch that nobody reads any more, so two images of 384 bytes are the whole arena."""
    memory = plan(tiny_conv())
    assert memory.arena_bytes == memory.lower_bound_bytes == 768


def test_input_is_never_overwritten():
    """A sum of the input with itself goes to the output, though the input is not read again."""
    g = GraphBuilder()
    source = g.activation(2, 2, 3)
    memory = plan(g.build(source, g.op(Add, g.activation(2, 2, 3), source, source)))
    assert [b.place for b in memory.buffers] == ["input", "output"]
    assert memory.arena_bytes == 0


def test_output_that_is_the_input_is_copied():
    """A network of reshapes alone asks for a copy."""
    assert plan(reshape_only()).output_is_input
