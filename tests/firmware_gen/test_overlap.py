"""How far an output may run into its input: far enough to save memory, never over what is still to be read."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_graphs import GraphBuilder

from firmware_gen.kernel_sets import KERNEL_SETS
from firmware_gen.lowering import lower
from firmware_gen.networks import ArenaBudgetError, network
from firmware_gen.overlap import Overlap, lead, overlaps
from firmware_gen.plan import plan
from quantize.graph import Conv2D, Int8Graph, MaxPool2D, Padding


def _conv(shape: tuple[int, int, int], outputs: int, *, size: int, stride: int = 1, pad: int = 0) -> Int8Graph:
    g = GraphBuilder()
    source = g.activation(*shape)
    sides = [(length + 2 * pad - size) // stride + 1 for length in shape[:2]]
    output = g.activation(*sides, outputs)
    g.op(
        Conv2D,
        output,
        source,
        weights=g.weights(outputs, size, size, shape[2]),
        bias=None,
        stride_height=stride,
        stride_width=stride,
        padding=Padding(pad, pad, pad, pad),
    )
    return g.build(source, output)


@st.composite
def convolutions(draw) -> Int8Graph:
    """Small windows with strides and padding, to fewer channels or to more."""
    size = draw(st.integers(1, 3))
    shape = (draw(st.integers(size, 6)), draw(st.integers(size, 6)), draw(st.integers(1, 5)))
    stride, pad = draw(st.integers(1, 3)), draw(st.integers(0, size - 1))
    return _conv(shape, draw(st.integers(1, 8)), size=size, stride=stride, pad=pad)


def _survives(graph: Int8Graph, behind: int, *, gathers: bool) -> bool:
    """Run the convolution on owners of bytes: whether each is read before it is overwritten."""
    (op,) = graph.ops
    _, height, width, channels = graph.input_tensor.shape
    _, out_height, out_width, outputs = graph.output_tensor.shape
    _, size, _, _ = graph.tensors[op.weights].shape
    memory = {behind + i: i for i in range(graph.input_tensor.size)}
    for pixel in range(out_height * out_width):
        y, x = divmod(pixel, out_width)
        rows = range(y * op.stride_height - op.padding.top, y * op.stride_height - op.padding.top + size)
        columns = range(x * op.stride_width - op.padding.left, x * op.stride_width - op.padding.left + size)
        read = [
            (r * width + c) * channels + i
            for r in rows
            for c in columns
            for i in range(channels)
            if 0 <= r < height and 0 <= c < width
        ]
        written = dict.fromkeys(range(pixel * outputs, (pixel + 1) * outputs), -1)
        if not gathers:
            memory |= written
        if any(memory[behind + i] != i for i in read):
            return False
        memory |= written
    return True


@pytest.mark.parametrize("gathers", [True, False])
@given(graph=convolutions())
@settings(max_examples=150, deadline=None)
def test_the_lead_is_enough_and_no_more(graph: Int8Graph, gathers: bool) -> None:
    """With it every input byte is read before it is overwritten; with one byte less some byte is not."""
    behind = lead(graph, graph.ops[0], gathers=gathers)
    assert _survives(graph, behind, gathers=gathers)
    assert behind == 0 or not _survives(graph, behind - 1, gathers=gathers)


def test_a_pointwise_layer_to_no_more_channels_works_in_place() -> None:
    """Whatever gathers a pixel first may write over it."""
    graph = _conv((5, 4, 8), 8, size=1)
    assert lead(graph, graph.ops[0], gathers=True) == 0
    assert lead(graph, graph.ops[0], gathers=False) == 8


def test_kernels_of_each_set_say_what_they_allow() -> None:
    """Gathering kernels need less of a lead than portable ones; poolings have one in every set."""
    g = GraphBuilder()
    source = g.activation(6, 6, 8)
    image = g.activation(6, 6, 8)
    weights = g.weights(8, 3, 3, 8)
    g.op(Conv2D, image, source, weights=weights, bias=None, padding=Padding(1, 1, 1, 1))
    pooled = g.op(
        MaxPool2D,
        g.activation(3, 3, 8),
        image,
        filter_height=2,
        filter_width=2,
        stride_height=2,
        stride_width=2,
    )
    graph = g.build(source, pooled)
    found = {kernels: overlaps(graph, lower(graph, kernels)) for kernels in KERNEL_SETS}
    conv, pool = Overlap(source, image, 64), Overlap(image, pooled, 8)
    assert found["portable"] == (conv, pool)
    assert found["dsp"] == found["scalar"] == (Overlap(source, image, 56), pool)


def test_a_plan_uses_overlaps_and_its_bound_knows_them() -> None:
    """A chain in place of itself needs one image and the lead; what is read once more stays whole."""
    g = GraphBuilder()
    chain = [g.activation(4, 4, 8)]
    for _ in range(3):
        chain.append(g.activation(4, 4, 8))
        g.op(Conv2D, chain[-1], chain[-2], weights=g.weights(8, 1, 1, 8), bias=None)
    graph = g.build(chain[0], chain[-1])
    pairs = [Overlap(a, b, 8) for a, b in itertools.pairwise(chain)]
    apart = plan(graph, ends_in_arena=True)
    shared = plan(graph, overlaps=pairs, ends_in_arena=True)
    assert (apart.arena_bytes, apart.lower_bound_bytes) == (256, 256)
    assert (shared.arena_bytes, shared.lower_bound_bytes) == (128 + 3 * 8, 136)
    assert plan(graph, overlaps=pairs).arena_bytes == 136  # the ends are the caller's
    exact = [Overlap(p.source, p.target, 0, exact=True) for p in pairs]
    assert plan(graph, overlaps=exact, ends_in_arena=True).arena_bytes == 128


def test_a_budget_is_met_by_kernels_without_scratch_or_refused() -> None:
    """The arena shrinks by the scratch of the layer that makes it large; less than that names what would do."""
    graph = _conv((4, 4, 64), 4, size=3, pad=1)
    free = network(graph, "dsp")
    assert free.arena_bytes == 16 * 64 * 9 // 4
    least = network(graph, "dsp", arena_bytes=free.arena_bytes - 8)
    assert least.arena_bytes == 8
    assert "kshot_conv2d_s8" in least.layers[0].call
    assert network(graph, "dsp", arena_bytes=free.arena_bytes).arena_bytes == free.arena_bytes
    with pytest.raises(ArenaBudgetError, match=r"4 bytes is too small .* smallest that works has 8"):
        network(graph, "dsp", arena_bytes=4)
