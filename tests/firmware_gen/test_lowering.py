"""What lowering proves and packs, in numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_graphs import GraphBuilder, random_graph

from firmware_gen.kernel_sets import KERNEL_SETS
from firmware_gen.lowering import lower
from firmware_gen.lowering.dsp import DspConv, lower_dsp, packed_pairs
from firmware_gen.lowering.scalar import raised_quads
from firmware_gen.lowering.weighted import Weighted, weighted, with_plain_constants
from firmware_gen.networks import network
from quantize.graph import Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, Padding, QuantParams


def _dense(weights: np.ndarray, bias: np.ndarray, *, scale: float = 0.05, zero_point: int = 3) -> Int8Graph:
    g = GraphBuilder()
    outputs, inputs = weights.shape
    source = g.activation(inputs, zero_point=zero_point)
    kernel, offset = g.weights(outputs, inputs), g.bias(outputs)
    one_scale = QuantParams((0.01,), (0,))
    g.tensors[kernel] = replace(g.tensors[kernel], data=weights.astype(np.int8), quant=one_scale)
    g.tensors[offset] = replace(g.tensors[offset], data=bias.astype(np.int32))
    return g.build(
        source, g.op(FullyConnected, g.activation(outputs, scale=scale), source, weights=kernel, bias=offset)
    )


def _layer(graph: Int8Graph) -> Weighted:
    op = graph.ops[0]
    assert isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected)
    return weighted(graph, op)


@settings(max_examples=50, deadline=None)
@given(zero_point=st.integers(-128, 127), seed=st.integers(0, 2**32 - 1))
def test_the_folded_bias_gives_the_same_sums(zero_point: int, seed: int) -> None:
    """Sums over stored inputs from the folded bias are those over real inputs from the bias, and within the bounds."""
    rng = np.random.default_rng(seed)
    weights, bias = rng.integers(-128, 128, (5, 9)), rng.integers(-1000, 1000, 5)
    layer = _layer(_dense(weights, bias, zero_point=zero_point))
    lowest, highest = layer.sum_range()
    extremes = np.where(weights > 0, 127, -128)
    for inputs in (*extremes, *(-1 - extremes), *rng.integers(-128, 128, (20, 9))):
        sums = layer.start + weights @ inputs
        np.testing.assert_array_equal(sums, bias + weights @ (inputs - zero_point))
        assert np.all((lowest <= sums) & (sums <= highest))
    assert lowest[0] == layer.start[0] + weights[0] @ (-1 - extremes[0])
    assert highest[0] == layer.start[0] + weights[0] @ extremes[0]


def test_channels_that_never_change_lose_their_weights() -> None:
    """A bias that drowns the weights gives the constant that it was, in small numbers; other channels stay."""
    weights = np.array([[1, -1], [100, 50], [2, 2]])
    layer = _layer(_dense(weights, np.array([2**30, 500, -(2**30)]), scale=5000.0))
    layer = replace(layer, shift=np.array([25, 8, 24]))
    plain = with_plain_constants(layer)
    np.testing.assert_array_equal((plain.filters != 0).any(axis=1), [False, True, False])
    for sums in (*layer.sum_range(), layer.start):
        np.testing.assert_array_equal(plain.outputs(plain.start)[[0, 2]], layer.outputs(sums)[[0, 2]])
    assert plain.largest_sums()[[0, 2]].max() < 1 << 11
    assert (plain.start[1], plain.multiplier[1], plain.shift[1]) == (
        layer.start[1],
        layer.multiplier[1],
        layer.shift[1],
    )


@settings(max_examples=50, deadline=None)
@given(channels=st.integers(1, 9), inputs=st.integers(1, 18), seed=st.integers(0, 2**32 - 1))
def test_packed_pairs_hold_every_weight(channels: int, inputs: int, seed: int) -> None:
    """Each lane is 256 * even + odd channel, at the place that the kernel reads; what does not exist is 0."""
    weights = np.random.default_rng(seed).integers(-127, 128, (channels, inputs))
    packed = packed_pairs(weights)
    assert packed is not None
    assert packed.shape == (-(-channels // 4), -(-inputs // 4), 4)
    lanes = packed.view(np.int16).reshape(*packed.shape, 2)
    padded = np.zeros((packed.shape[0] * 4, packed.shape[1] * 4), np.int64)
    padded[:channels, :inputs] = weights
    for channel in range(0, len(padded), 2):
        for i in range(padded.shape[1]):
            word = channel % 4 // 2 + 2 * (i % 2)
            lane = lanes[channel // 4, i // 4, word, i % 4 // 2]
            assert lane == 256 * padded[channel, i] + padded[channel + 1, i]


def test_a_pair_that_fits_no_lane_is_refused() -> None:
    """-128 beside a negative weight leaves 16 bits; beside a positive one it does not."""
    assert packed_pairs(np.array([[-128], [-1]])) is None
    assert packed_pairs(np.array([[-128], [0]])) is not None
    assert lower_dsp(*_graph_and_op(_dense(np.array([[-128], [-1]]), np.zeros(2)))) is None


@pytest.mark.parametrize(
    ("inputs", "row", "fits"), [(400, 0, True), (700, 0, False), (700, 1, True), (70_000, 1, False)]
)
def test_sums_must_fit_their_arithmetic(inputs: int, row: int, fits: bool) -> None:
    """An even channel has 24 bits, an odd one 31: beyond that the portable kernel runs."""
    weights = np.zeros((2, inputs))
    weights[row] = 127
    graph = _dense(weights, np.zeros(2), scale=20.0)
    assert (lower_dsp(*_graph_and_op(graph)) is not None) == fits


@settings(max_examples=50, deadline=None)
@given(channels=st.integers(1, 9), inputs=st.integers(1, 18), seed=st.integers(0, 2**32 - 1))
def test_raised_quads_hold_every_weight(channels: int, inputs: int, seed: int) -> None:
    """Each byte is a weight and 128, inputs and then channels innermost; what does not exist is 0."""
    weights = np.random.default_rng(seed).integers(-128, 128, (channels, inputs))
    quads = raised_quads(weights).astype(np.int64) - 128
    assert quads.shape == (-(-channels // 4), -(-inputs // 4), 4, 4)
    plain = quads.transpose(0, 3, 1, 2).reshape(4 * quads.shape[0], 4 * quads.shape[1])
    np.testing.assert_array_equal(plain[:channels, :inputs], weights)
    assert not plain[channels:].any()
    assert not plain[:, inputs:].any()


def test_what_the_kernels_do_not_cover_is_left_to_the_portable_ones() -> None:
    """A scale that grows, a depthwise window of another size, dilation, a multiplier or three channels."""
    assert lower_dsp(*_graph_and_op(_dense(np.ones((2, 2)), np.zeros(2), scale=1e-5))) is None
    cases = [((3, 3), 4, {}, True), ((3, 2), 4, {}, False), ((3, 3), 3, {}, False)]
    cases += [((3, 3), 4, {"dilation_width": 2}, False), ((3, 3), 2, {"depth_multiplier": 2}, False)]
    for taps, channels, options, covered in cases:
        g = GraphBuilder()
        outputs = channels * options.get("depth_multiplier", 1)
        source = g.activation(9, 9, channels)
        weights, bias = g.weights(1, *taps, outputs, axis=3), g.bias(outputs)
        width = 9 - (taps[1] - 1) * options.get("dilation_width", 1)
        target = g.activation(10 - taps[0], width, outputs)
        g.op(DepthwiseConv2D, target, source, weights=weights, bias=bias, **options)
        assert (lower_dsp(*_graph_and_op(g.build(source, target))) is not None) == covered


def test_a_dense_layer_reads_an_image_as_one_pixel() -> None:
    """The input of a fully connected layer counts with its length, whatever its shape; too long a one is left out."""
    g = GraphBuilder()
    source = g.activation(2, 3, 4)
    graph = g.build(source, g.op(FullyConnected, g.activation(5), source, weights=g.weights(5, 24), bias=None))
    for kernels, shown in (("scalar", "{.height = 1, .width = 1, .channels = 24}"), ("dsp", "24")):
        (layer,) = network(graph, kernels).layers
        assert shown in dict(layer.fields).values()
    wide = _dense(np.ones((1, 65_536)), np.zeros(1), scale=10.0)
    assert lower(wide, "scalar") == (None,)


def test_lines_run_along_the_longer_axis() -> None:
    """A narrow image is computed column by column, with the taps turned."""
    g = GraphBuilder()
    source, target = g.activation(25, 5, 4), g.activation(25, 5, 4)
    weights = g.weights(1, 3, 3, 4, axis=3)
    g.op(DepthwiseConv2D, target, source, weights=weights, bias=None, padding=Padding(1, 1, 1, 1))
    lowered = lower_dsp(*_graph_and_op(g.build(source, target)))
    assert lowered is not None
    assert (lowered.lines.outer.output_len, lowered.lines.inner.output_len, lowered.lines.inner.input_step) == (
        5,
        25,
        20,
    )
    np.testing.assert_array_equal(lowered.weights[2], g.tensors[weights].data[0, :, :, 2].T)


def test_lowering_is_one_for_each_operator() -> None:
    """Every set answers for every operator; the portable set needs nothing."""
    graph = random_graph(3)
    for kernels in KERNEL_SETS:
        assert len(lower(graph, kernels)) == len(graph.ops)
    assert set(lower(graph, "portable")) == {None}
    assert any(isinstance(op, DspConv) for op in lower(graph, "dsp"))


def _graph_and_op(graph: Int8Graph) -> tuple[Int8Graph, object]:
    return graph, graph.ops[0]
