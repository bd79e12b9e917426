"""The int8 network in NumPy: what every other implementation must equal, bit for bit (docs/int8_semantics.md).

Vectorised over the batch. Sums of products run as floating-point matrix products, exact because every partial sum is an
integer below the limit of the type: 2**24 in binary32 where the weights allow it, else 2**53 in binary64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import cast

import numpy as np
import numpy.typing as npt

from quantize import arithmetic as fx
from quantize import fixed_point
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
    Reshape,
    Softmax,
    Tensor,
)

Int8Array = npt.NDArray[np.int8]
_Windowed = Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D

_BATCH_BYTES = 64 << 20
_FLOAT32_EXACT = 2**24


def run(graph: Int8Graph, inputs: Int8Array) -> Int8Array:
    """Compute the graph's output.

    Parameters
    ----------
    graph : Int8Graph
    inputs : int8 [n, *graph.input_tensor.shape[1:]]
        Samples; they are processed in batches of bounded memory.

    Returns
    -------
    int8 [n, *graph.output_tensor.shape[1:]]

    Raises
    ------
    ValueError
        If `inputs` has another dtype or shape.
    """
    _check_inputs(graph, inputs)
    outputs = np.empty((len(inputs), *graph.output_tensor.shape[1:]), np.int8)
    step = max(1, _BATCH_BYTES // _bytes_per_sample(graph))
    for start in range(0, len(inputs), step):
        values = {graph.input: inputs[start : start + step]}
        for op in graph.ops:
            values[op.output] = apply(graph, op, [values[i] for i in op.inputs])
        outputs[start : start + step] = values[graph.output]
    return outputs


def run_all(graph: Int8Graph, inputs: Int8Array) -> dict[int, Int8Array]:
    """Compute every activation in one batch, for finding the first layer that differs.

    Returns
    -------
    dict of int to int8 [n, ...]
        By index into ``graph.tensors``; begins with the input.

    Raises
    ------
    ValueError
        If `inputs` has another dtype or shape.
    """
    _check_inputs(graph, inputs)
    values = {graph.input: inputs}
    for op in graph.ops:
        values[op.output] = apply(graph, op, [values[i] for i in op.inputs])
    return values


def apply(graph: Int8Graph, op: Op, operands: Sequence[Int8Array]) -> Int8Array:
    """Run one op.

    Parameters
    ----------
    graph : Int8Graph
        Holds the op's tensors.
    op : Op
    operands : sequence of int8 [n, ...]
        One for each of ``op.inputs``.

    Returns
    -------
    int8 [n, ...]
    """
    return _KERNELS[type(op)](graph, op, *operands)


def _check_inputs(graph: Int8Graph, inputs: Int8Array) -> None:
    expected = graph.input_tensor.shape[1:]
    if inputs.dtype != np.int8 or inputs.shape[1:] != expected:
        raise ValueError(f"inputs are {inputs.dtype}{inputs.shape}, the graph reads int8[n, {expected}]")


def _bytes_per_sample(graph: Int8Graph) -> int:
    """Roughly what the largest op holds at once for one sample: patches, and an accumulator in int64."""
    largest = 1
    for op in graph.ops:
        output = graph.tensors[op.output]
        patches = 0
        if isinstance(op, Conv2D):
            patches = 8 * output.size // output.shape[-1] * math.prod(graph.tensors[op.weights].shape[1:])
        largest = max(largest, patches + 24 * output.size)
    return largest


def _conv2d(graph: Int8Graph, op: Conv2D, x: Int8Array) -> Int8Array:
    weights = _constant(graph, op.weights)
    patches = np.stack(list(_taps(graph, op, x, graph.tensors[op.inputs[0]].quant.zero_point)), axis=3)
    rows = patches.reshape(-1, weights[0].size)
    sums = _products(rows, weights.reshape(len(weights), -1), graph.tensors[op.inputs[0]])
    return _requantized(graph, op, sums).reshape(*patches.shape[:3], -1)


def _depthwise_conv2d(graph: Int8Graph, op: DepthwiseConv2D, x: Int8Array) -> Int8Array:
    weights = _constant(graph, op.weights).astype(np.int32)
    zero_point = graph.tensors[op.inputs[0]].quant.zero_point
    sums = np.zeros((len(x), *graph.tensors[op.output].shape[1:]), np.int32)
    for tap, factor in zip(_taps(graph, op, x, zero_point), weights.reshape(-1, weights.shape[3]), strict=True):
        sums += np.repeat(tap.astype(np.int32) - zero_point, op.depth_multiplier, axis=3) * factor
    return _requantized(graph, op, sums.astype(np.int64))


def _fully_connected(graph: Int8Graph, op: FullyConnected, x: Int8Array) -> Int8Array:
    sums = _products(x.reshape(len(x), -1), _constant(graph, op.weights), graph.tensors[op.inputs[0]])
    return _requantized(graph, op, sums).reshape(len(x), *graph.tensors[op.output].shape[1:])


def _products(rows: Int8Array, weights: npt.NDArray[np.int8], source: Tensor) -> fx.IntArray:
    """``(rows - zero_point) @ weights.T``: [m, k] and [outputs, k] to int64 [m, outputs], exact."""
    zero_point = source.quant.zero_point
    largest = max(127 - zero_point, 128 + zero_point)
    bound = int(np.abs(weights.astype(np.int64)).sum(axis=1).max()) * largest
    dtype = np.dtype(np.float32 if bound < _FLOAT32_EXACT else np.float64)
    shifted = rows.astype(dtype)
    np.subtract(shifted, zero_point, out=shifted)
    return cast(fx.IntArray, (shifted @ weights.T.astype(dtype)).astype(np.int64))


def _requantized(graph: Int8Graph, op: Conv2D | DepthwiseConv2D | FullyConnected, sums: fx.IntArray) -> Int8Array:
    """Add the bias and rescale the last axis."""
    if op.bias is not None:
        sums = sums + _constant(graph, op.bias)
    scale = fixed_point.requantization(graph, op)
    rescaled = fx.multiply_by_quantized_multiplier(
        sums, scale.multiplier.astype(np.int64), scale.shift.astype(np.int64)
    )
    rescaled += graph.tensors[op.output].quant.zero_point
    return np.clip(rescaled, op.activation_min, op.activation_max).astype(np.int8)


def _average_pool2d(graph: Int8Graph, op: AveragePool2D, x: Int8Array) -> Int8Array:
    sums = np.zeros((len(x), *graph.tensors[op.output].shape[1:]), np.int64)
    counts = np.zeros((1, *sums.shape[1:3], 1), np.int64)
    inside = np.ones((1, *x.shape[1:3], 1), np.int8)
    for tap, present in zip(_taps(graph, op, x, 0), _taps(graph, op, inside, 0), strict=True):
        sums += tap
        counts += present
    half = counts // 2
    means = np.where(sums > 0, (sums + half) // counts, -((half - sums) // counts))
    return np.clip(means, op.activation_min, op.activation_max).astype(np.int8)


def _max_pool2d(graph: Int8Graph, op: MaxPool2D, x: Int8Array) -> Int8Array:
    best = np.full((len(x), *graph.tensors[op.output].shape[1:]), -128, np.int8)
    for tap in _taps(graph, op, x, -128):
        np.maximum(best, tap, out=best)
    return np.clip(best, op.activation_min, op.activation_max)


def _mean(graph: Int8Graph, op: Mean, x: Int8Array) -> Int8Array:
    params = fixed_point.mean_params(graph, op)
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.output]
    sums = x.sum(axis=(1, 2), dtype=np.int64) - source.quant.zero_point * x.shape[1] * x.shape[2]
    means = fx.multiply_by_quantized_multiplier(sums, params.multiplier, params.shift) + target.quant.zero_point
    return np.clip(means, -128, 127).astype(np.int8).reshape(len(x), *target.shape[1:])


def _add(graph: Int8Graph, op: Add, x1: Int8Array, x2: Int8Array) -> Int8Array:
    params = fixed_point.add_params(graph, op)
    scaled = [
        fx.multiply_by_quantized_multiplier(
            (x.astype(np.int64) - graph.tensors[index].quant.zero_point) << params.left_shift, multiplier, shift
        )
        for x, index, multiplier, shift in (
            (x1, op.inputs[0], params.input1_multiplier, params.input1_shift),
            (x2, op.inputs[1], params.input2_multiplier, params.input2_shift),
        )
    ]
    total = fx.multiply_by_quantized_multiplier(scaled[0] + scaled[1], params.output_multiplier, params.output_shift)
    total += graph.tensors[op.output].quant.zero_point
    return np.clip(total, op.activation_min, op.activation_max).astype(np.int8)


def _pad(graph: Int8Graph, op: Pad, x: Int8Array) -> Int8Array:
    return _padded(x, op.padding, graph.tensors[op.inputs[0]].quant.zero_point)


def _reshape(graph: Int8Graph, op: Reshape, x: Int8Array) -> Int8Array:
    return x.reshape(len(x), *graph.tensors[op.output].shape[1:])


def _softmax(graph: Int8Graph, op: Softmax, x: Int8Array) -> Int8Array:
    params = fixed_point.softmax_params(graph, op)
    differences = np.arange(-255, 1, dtype=np.int64)
    scaled = fx.saturating_rounding_doubling_high_mul(differences << params.left_shift, params.multiplier)
    table = np.where(differences >= params.diff_min, fx.exp_on_negative_values(np.minimum(scaled, 0)), 0)
    x64 = x.astype(np.int64)
    exponentials = table[x64 - x64.max(axis=-1, keepdims=True) + 255]
    sums = fx.rounding_divide_by_pot(exponentials, fixed_point.SOFTMAX_SUM_INTEGER_BITS).sum(axis=-1, keepdims=True)
    scale, bits_over_unit = fx.reciprocal(sums, fixed_point.SOFTMAX_SUM_INTEGER_BITS)
    products = fx.saturating_rounding_doubling_high_mul(scale, exponentials)
    probabilities = fx.rounding_divide_by_pot(products, bits_over_unit + 31 - 8) - 128
    return np.clip(probabilities, -128, 127).astype(np.int8)


def _taps(graph: Int8Graph, op: _Windowed, x: Int8Array, fill: int) -> Iterator[Int8Array]:
    """For each position in the window, row by row, the pixel that each output sees there: [n, out_h, out_w, c]."""
    _, out_height, out_width, _ = graph.tensors[op.output].shape
    height, width, row_step, column_step = _window_of(graph, op)
    padded = _padded(x, op.padding, fill)
    for row in range(0, height * row_step, row_step):
        for column in range(0, width * column_step, column_step):
            yield padded[
                :,
                row : row + (out_height - 1) * op.stride_height + 1 : op.stride_height,
                column : column + (out_width - 1) * op.stride_width + 1 : op.stride_width,
            ]


def _window_of(graph: Int8Graph, op: _Windowed) -> tuple[int, int, int, int]:
    """Height, width, and the dilation of both."""
    if isinstance(op, AveragePool2D | MaxPool2D):
        return op.filter_height, op.filter_width, 1, 1
    _, height, width, _ = graph.tensors[op.weights].shape
    return height, width, op.dilation_height, op.dilation_width


def _padded(x: Int8Array, padding: Padding, fill: int) -> Int8Array:
    if padding == Padding():
        return x
    amounts = ((0, 0), (padding.top, padding.bottom), (padding.left, padding.right), (0, 0))
    return np.pad(x, amounts, constant_values=fill)


def _constant(graph: Int8Graph, index: int) -> npt.NDArray[np.int8]:
    """Contents of a constant (int8 weights, or an int32 bias)."""
    data = graph.tensors[index].data
    if data is None:
        raise ValueError(f"{graph.tensors[index].name} is no constant")
    return cast(npt.NDArray[np.int8], data)


_KERNELS: Mapping[type[Op], Callable[..., Int8Array]] = MappingProxyType(
    {
        Add: _add,
        AveragePool2D: _average_pool2d,
        Conv2D: _conv2d,
        DepthwiseConv2D: _depthwise_conv2d,
        FullyConnected: _fully_connected,
        MaxPool2D: _max_pool2d,
        Mean: _mean,
        Pad: _pad,
        Reshape: _reshape,
        Softmax: _softmax,
    }
)
