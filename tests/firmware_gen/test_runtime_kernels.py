"""The runtime's kernels against the NumPy reference, on shapes and numbers that nobody chose."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_ctypes import Runtime
from tiny_graphs import GraphBuilder

from quantize import arithmetic, fixed_point, reference
from quantize.graph import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Int8Graph,
    MaxPool2D,
    Mean,
    Op,
    Pad,
    Padding,
    Softmax,
)

pytestmark = pytest.mark.needs("gcc")

_MANY = settings(max_examples=120, deadline=None)
_INT32 = st.integers(-(2**31), 2**31 - 1)
_EDGES = [-(2**31), -(2**31) + 1, -(2**30), -3, -2, -1, 0, 1, 2, 3, 2**30 - 1, 2**30, 2**31 - 2, 2**31 - 1]


@_MANY
@given(values=st.lists(st.tuples(_INT32, _INT32), min_size=1, max_size=50))
def test_multiply_high(runtime: Runtime, values: list[tuple[int, int]]) -> None:
    """One high multiplication in C and NumPy, over all of 32 bits."""
    a, b = np.array(values, np.int64).T
    expected = arithmetic.saturating_rounding_doubling_high_mul(a, b)
    np.testing.assert_array_equal(runtime.batch("multiply_high", a, b), expected)


def test_divide_by_power(runtime: Runtime) -> None:
    """Every exponent, at the edges of 32 bits and around every half."""
    halves = [sign * (1 << e) // 2 + d for e in range(1, 31) for sign in (-3, -1, 1, 3) for d in (-1, 0, 1)]
    pairs = [(v, e) for v in _EDGES + [h for h in halves if abs(h) < 2**31] for e in range(32)]
    value, exponent = np.array(pairs, np.int64).T
    expected = arithmetic.rounding_divide_by_pot(value, exponent)
    np.testing.assert_array_equal(runtime.batch("divide_by_power", value, exponent), expected)


@_MANY
@given(values=st.lists(st.tuples(_INT32, st.integers(0, 2**31 - 1), st.integers(-31, 31)), min_size=1, max_size=50))
def test_requantize(runtime: Runtime, values: list[tuple[int, int, int]]) -> None:
    """The whole rescaling, also where a left shift wraps."""
    columns = np.array(values, np.int64).T
    expected = arithmetic.multiply_by_quantized_multiplier(*columns)
    np.testing.assert_array_equal(runtime.batch("requantize", *columns), expected)


def test_requantize_edges(runtime: Runtime) -> None:
    """Every shift with the values and multipliers where a rounding turns."""
    multipliers = (0, 2**30, 2**30 + 1, 2**31 - 1)
    triples = [(v, m, s) for v in _EDGES for m in multipliers for s in range(-31, 32)]
    columns = np.array(triples, np.int64).T
    expected = arithmetic.multiply_by_quantized_multiplier(*columns)
    np.testing.assert_array_equal(runtime.batch("requantize", *columns), expected)


def _shape(graph: Int8Graph, tensor: int) -> dict[str, int]:
    height, width, channels = graph.tensors[tensor].shape[1:]
    return {"height": height, "width": width, "channels": channels}


def _images(graph: Int8Graph, op: Op) -> dict[str, Any]:
    return {"input": _shape(graph, op.inputs[0]), "output": _shape(graph, op.output)}


def _zero_points(graph: Int8Graph, op: Op) -> dict[str, int]:
    tensors = (("input", op.inputs[0]), ("output", op.output))
    return {f"{name}_zero_point": graph.tensors[i].quant.zero_point for name, i in tensors}


def _window(op: Any, height: int, width: int) -> dict[str, int]:
    return {
        "height": height,
        "width": width,
        "stride_height": op.stride_height,
        "stride_width": op.stride_width,
        "dilation_height": getattr(op, "dilation_height", 1),
        "dilation_width": getattr(op, "dilation_width", 1),
        "pad_top": op.padding.top,
        "pad_left": op.padding.left,
    }


def _limits(op: Any) -> dict[str, int]:
    return {"activation_min": op.activation_min, "activation_max": op.activation_max}


def _weights(graph: Int8Graph, op: Any) -> dict[str, Any]:
    return {
        "weights": graph.tensors[op.weights].data,
        "bias": None if op.bias is None else graph.tensors[op.bias].data,
        "requantization": vars(fixed_point.requantization(graph, op)),
    }


def _check(runtime: Runtime, graph: Int8Graph, kernel: str, fields: dict[str, Any], rng: np.random.Generator) -> None:
    """One op, eight random inputs and the two extreme ones: C equals NumPy."""
    shape = graph.input_tensor.shape[1:]
    inputs = rng.integers(-128, 128, (10, *shape)).astype(np.int8)
    inputs[0], inputs[1] = -128, 127
    expected = reference.run(graph, inputs).reshape(10, -1)
    operands = len(graph.ops[0].inputs)
    actual = [runtime.run(kernel, fields, [image] * operands, expected.shape[1]) for image in inputs]
    np.testing.assert_array_equal(np.stack(actual), expected)


def _draw_image(draw: st.DrawFn, taps: tuple[int, int], dilation: tuple[int, int]) -> dict[str, Any]:
    """Image, strides, padding and output size for a window, each output pixel covering some of the image."""
    sizes, outputs, strides, pads = [], [], [], []
    for axis in (0, 1):
        reach = (taps[axis] - 1) * dilation[axis] + 1
        before = draw(st.integers(0, min(reach - 1, 3)))
        after = draw(st.integers(0, min(reach - 1, 3)))
        size = draw(st.integers(max(reach - before - after, before + 1, after + 1, reach - 1, 1), reach + 6))
        stride = draw(st.integers(1, 3))
        sizes.append(size)
        strides.append(stride)
        pads.append((before, after))
        outputs.append((size + before + after - reach) // stride + 1)
    (top, bottom), (left, right) = pads
    options = {
        "stride_height": strides[0],
        "stride_width": strides[1],
        "padding": Padding(top=top, bottom=bottom, left=left, right=right),
    }
    return {"size": tuple(sizes), "output": tuple(outputs), "options": options}


def _builder(draw: st.DrawFn) -> GraphBuilder:
    return GraphBuilder(rng=np.random.default_rng(draw(st.integers(0, 2**32 - 1))))


_ZERO_POINT = st.integers(-128, 127)
_LIMITS = st.tuples(st.integers(-128, 0), st.integers(1, 127)) | st.just((-128, 127))


@st.composite
def _convolutions(draw: st.DrawFn) -> tuple[Int8Graph, np.random.Generator]:
    g = _builder(draw)
    taps = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    dilation = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    image = _draw_image(draw, taps, dilation)
    channels, low_high = draw(st.integers(1, 9)), draw(_LIMITS)
    depthwise = draw(st.booleans())
    multiplier = draw(st.integers(1, 3)) if depthwise else 1
    outputs = channels * draw(st.sampled_from([1, 5])) * multiplier if depthwise else draw(st.integers(1, 9))
    channels = outputs // multiplier if depthwise else channels
    source = g.activation(*image["size"], channels, zero_point=draw(_ZERO_POINT))
    target = g.activation(
        *image["output"], outputs, zero_point=draw(_ZERO_POINT), scale=draw(st.sampled_from([1e-5, 0.05, 1.0]))
    )
    weights = g.weights(1, *taps, outputs, axis=3) if depthwise else g.weights(outputs, *taps, channels)
    bias = g.bias(outputs) if draw(st.booleans()) else None
    options = {
        "dilation_height": dilation[0],
        "dilation_width": dilation[1],
        "activation_min": low_high[0],
        "activation_max": low_high[1],
        **image["options"],
    }
    if depthwise:
        options["depth_multiplier"] = multiplier
    g.op(DepthwiseConv2D if depthwise else Conv2D, target, source, weights=weights, bias=bias, **options)
    return g.build(source, target), g.rng


@_MANY
@given(case=_convolutions())
def test_convolutions(runtime: Runtime, case: tuple[Int8Graph, np.random.Generator]) -> None:
    """Plain and depthwise, any window, stride, dilation, padding, zero point, scale, clamp and channel count."""
    graph, rng = case
    op: Any = graph.ops[0]
    depthwise = isinstance(op, DepthwiseConv2D)
    fields = {
        **_images(graph, op),
        **_zero_points(graph, op),
        **_limits(op),
        **_weights(graph, op),
        "window": _window(op, *graph.tensors[op.weights].shape[1:3]),
        "depth_multiplier": getattr(op, "depth_multiplier", 1),
    }
    _check(runtime, graph, "kshot_depthwise_conv2d_s8" if depthwise else "kshot_conv2d_s8", fields, rng)


@st.composite
def _poolings(draw: st.DrawFn) -> tuple[Int8Graph, np.random.Generator]:
    g = _builder(draw)
    taps = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    image = _draw_image(draw, taps, (1, 1))
    channels, low_high, zero_point = draw(st.integers(1, 70)), draw(_LIMITS), draw(_ZERO_POINT)
    source = g.activation(*image["size"], channels, zero_point=zero_point)
    target = g.activation(*image["output"], channels, zero_point=zero_point)
    options = {"activation_min": low_high[0], "activation_max": low_high[1], **image["options"]}
    kind = draw(st.sampled_from([AveragePool2D, MaxPool2D]))
    g.op(kind, target, source, filter_height=taps[0], filter_width=taps[1], **options)
    return g.build(source, target), g.rng


@_MANY
@given(case=_poolings())
def test_poolings(runtime: Runtime, case: tuple[Int8Graph, np.random.Generator]) -> None:
    """Average and maximum over any window; padding neither counts nor wins."""
    graph, rng = case
    op: Any = graph.ops[0]
    fields = {**_images(graph, op), **_limits(op), "window": _window(op, op.filter_height, op.filter_width)}
    _check(
        runtime,
        graph,
        "kshot_average_pool2d_s8" if isinstance(op, AveragePool2D) else "kshot_max_pool2d_s8",
        fields,
        rng,
    )


@_MANY
@given(inputs=st.integers(1, 300), outputs=st.integers(1, 11), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_fully_connected(runtime: Runtime, inputs: int, outputs: int, seed: int, data: st.DataObject) -> None:
    """Any number of inputs and outputs, with and without bias."""
    g = GraphBuilder(rng=np.random.default_rng(seed))
    source = g.activation(inputs, zero_point=data.draw(_ZERO_POINT))
    target = g.activation(outputs, zero_point=data.draw(_ZERO_POINT), scale=0.3)
    bias = g.bias(outputs) if data.draw(st.booleans()) else None
    g.op(FullyConnected, target, source, weights=g.weights(outputs, inputs), bias=bias)
    graph = g.build(source, target)
    op: Any = graph.ops[0]
    lens = {"input_len": inputs, "output_len": outputs}
    fields = {**lens, **_zero_points(graph, op), **_limits(op), **_weights(graph, op)}
    _check(runtime, graph, "kshot_fully_connected_s8", fields, g.rng)


@_MANY
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5)),
    zero_points=st.tuples(_ZERO_POINT, _ZERO_POINT),
    scales=st.tuples(st.floats(1e-4, 1.0), st.floats(1e-4, 1.0)),
    seed=st.integers(0, 2**32 - 1),
)
def test_mean(
    runtime: Runtime,
    size: tuple[int, int, int],
    zero_points: tuple[int, int],
    scales: tuple[float, float],
    seed: int,
) -> None:
    """Any image, also where the output's scale is far from the input's."""
    g = GraphBuilder(rng=np.random.default_rng(seed))
    source = g.activation(*size, zero_point=zero_points[0], scale=scales[0])
    target = g.activation(size[2], zero_point=zero_points[1], scale=scales[1])
    g.op(Mean, target, source, keep_dims=False)
    graph = g.build(source, target)
    op: Any = graph.ops[0]
    fields = {
        "input": _shape(graph, source),
        **_zero_points(graph, op),
        **asdict(fixed_point.mean_params(graph, op)),
    }
    _check(runtime, graph, "kshot_mean_hw_s8", fields, g.rng)


@_MANY
@given(
    zero_points=st.tuples(_ZERO_POINT, _ZERO_POINT),
    scales=st.tuples(st.floats(1e-3, 1.0), st.floats(1e-3, 1.0)),
    limits=_LIMITS,
    seed=st.integers(0, 2**32 - 1),
)
def test_add(
    runtime: Runtime,
    zero_points: tuple[int, int],
    scales: tuple[float, float],
    limits: tuple[int, int],
    seed: int,
) -> None:
    """A tensor plus itself, under any scales, zero points and limits."""
    g = GraphBuilder(rng=np.random.default_rng(seed))
    source = g.activation(3, 5, 7, zero_point=zero_points[0], scale=scales[0])
    target = g.activation(3, 5, 7, zero_point=zero_points[1], scale=scales[1])
    g.op(Add, target, source, source, activation_min=limits[0], activation_max=limits[1])
    graph = g.build(source, target)
    op: Any = graph.ops[0]
    fields = {
        "len": 3 * 5 * 7,
        "input1_zero_point": zero_points[0],
        "input2_zero_point": zero_points[0],
        "output_zero_point": zero_points[1],
        **asdict(fixed_point.add_params(graph, op)),
        **_limits(op),
    }
    _check(runtime, graph, "kshot_elementwise_add_s8", fields, g.rng)


@_MANY
@given(
    size=st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
    sides=st.tuples(*(st.integers(0, 3),) * 4),
    zero_point=_ZERO_POINT,
)
def test_pad(runtime: Runtime, size: tuple[int, int, int], sides: tuple[int, int, int, int], zero_point: int) -> None:
    """Any padding on any side, none included."""
    g = GraphBuilder()
    padding = Padding(*sides)
    source = g.activation(*size, zero_point=zero_point)
    height, width = size[0] + padding.top + padding.bottom, size[1] + padding.left + padding.right
    target = g.activation(height, width, size[2], zero_point=zero_point)
    g.op(Pad, target, source, padding=padding)
    graph = g.build(source, target)
    fields = {
        **_images(graph, graph.ops[0]),
        "pad_top": padding.top,
        "pad_left": padding.left,
        "zero_point": zero_point,
    }
    _check(runtime, graph, "kshot_pad_hw_s8", fields, g.rng)


@_MANY
@given(
    size=st.tuples(st.integers(1, 3), st.integers(1, 40)),
    scale=st.floats(1e-4, 4.0),
    beta=st.sampled_from([0.5, 1.0, 3.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_softmax(runtime: Runtime, size: tuple[int, int], scale: float, beta: float, seed: int) -> None:
    """From nearly equal shares to one that takes all."""
    g = GraphBuilder(rng=np.random.default_rng(seed))
    source = g.activation(*size, scale=scale, zero_point=11)
    target = g.activation(*size, scale=1 / 256, zero_point=-128)
    g.op(Softmax, target, source, beta=beta)
    graph = g.build(source, target)
    op: Any = graph.ops[0]
    fields = {"rows": size[0], "row_len": size[1], **asdict(fixed_point.softmax_params(graph, op))}
    _check(runtime, graph, "kshot_softmax_rows_s8", fields, g.rng)


def test_softmax_of_two_values(runtime: Runtime) -> None:
    """Every difference of two values under many scales: shares large enough to show the last bit of the reciprocal."""
    rows = np.stack([np.full(256, 127), np.arange(-128, 128)], axis=1).astype(np.int8)
    for scale in np.geomspace(1e-3, 1.0, 200):
        g = GraphBuilder()
        source = g.activation(256, 2, scale=float(scale))
        g.op(Softmax, g.activation(256, 2, scale=1 / 256, zero_point=-128), source)
        graph = g.build(source, source + 1)
        params = asdict(fixed_point.softmax_params(graph, g.ops[0]))
        actual = runtime.run("kshot_softmax_rows_s8", {"rows": 256, "row_len": 2, **params}, [rows], rows.size)
        np.testing.assert_array_equal(actual, reference.run(graph, rows[np.newaxis]).ravel())
