"""A layer with weights as lowering works on it: zero points folded, constant channels made plain, sums bounded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from quantize.arithmetic import multiply_by_quantized_multiplier
from quantize.fixed_point import requantization
from quantize.graph import Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph

IntArray = npt.NDArray[np.int64]
WeightedOp = Conv2D | DepthwiseConv2D | FullyConnected


@dataclass(frozen=True, eq=False)
class Weighted:
    """What a layer computes, a row for each output channel; all arrays are int64.

    Attributes
    ----------
    filters : [channels, inputs under the window]
        A depthwise channel has one input a tap.
    start : [channels]
        What a sum begins with: the bias less input zero point times the sum of the filter. Sums then run over the
        inputs as they are stored, and padding is the zero point.
    multiplier, shift : [channels]
        As in `quantize.fixed_point.Requantization`.
    input_zero_point, output_zero_point : int
    activation_min, activation_max : int
    """

    filters: IntArray
    start: IntArray
    multiplier: IntArray
    shift: IntArray
    input_zero_point: int
    output_zero_point: int
    activation_min: int
    activation_max: int

    def sum_range(self) -> tuple[IntArray, IntArray]:
        """The lowest and the highest sum of each channel, whatever the input; [channels] both.

        Padding is covered: a tap outside the image adds 0, which lies between a tap's extremes.
        """
        zero_point = self.input_zero_point
        bias = self.start + zero_point * self.filters.sum(axis=1)
        extremes = np.stack([self.filters * (-128 - zero_point), self.filters * (127 - zero_point)])
        return bias + extremes.min(axis=0).sum(axis=1), bias + extremes.max(axis=0).sum(axis=1)

    def largest_sums(self) -> IntArray:
        """The largest magnitude of each channel's sum, [channels]."""
        lowest, highest = self.sum_range()
        largest: IntArray = np.maximum(np.abs(lowest), np.abs(highest))
        return largest

    def outputs(self, sums: IntArray) -> IntArray:
        """The output of each channel for its sum, [channels]."""
        scaled = multiply_by_quantized_multiplier(sums, self.multiplier, self.shift) + self.output_zero_point
        limited: IntArray = np.clip(scaled, self.activation_min, self.activation_max)
        return limited


def weighted(graph: Int8Graph, op: WeightedOp) -> Weighted:
    """Fold the zero point of a layer's input into its bias.

    Raises
    ------
    ValueError
        If weights or bias are no constants.
    """
    data = graph.tensors[op.weights].data
    bias = np.zeros(1, np.int32) if op.bias is None else graph.tensors[op.bias].data
    if data is None or bias is None:
        raise ValueError(f"{op.name}: weights and bias must be constants")
    wide = data.astype(np.int64)
    filters = wide.reshape(-1, wide.shape[3]).T if isinstance(op, DepthwiseConv2D) else wide.reshape(len(wide), -1)
    scale = requantization(graph, op)
    zero_point = graph.tensors[op.inputs[0]].quant.zero_point
    return Weighted(
        filters=filters,
        start=bias.astype(np.int64) - zero_point * filters.sum(axis=1),
        multiplier=scale.multiplier.astype(np.int64),
        shift=scale.shift.astype(np.int64),
        input_zero_point=zero_point,
        output_zero_point=graph.tensors[op.output].quant.zero_point,
        activation_min=op.activation_min,
        activation_max=op.activation_max,
    )


def with_plain_constants(layer: Weighted) -> Weighted:
    """Write channels whose output never changes with small numbers and no weights.

    Converters leave such channels behind where a filter died in training: weights of a tiny scale beside a bias of
    2**30. Rescaling rises with the sum, so that a channel is constant where its lowest and its highest sum give one
    output.
    """
    lowest, highest = layer.sum_range()
    wraps = (layer.shift < 0) & (layer.largest_sums() >= 1 << 31 + np.minimum(layer.shift, 0))
    output = layer.outputs(lowest)
    constant = (output == layer.outputs(highest)) & ~wraps
    return replace(
        layer,
        filters=np.where(constant[:, np.newaxis], 0, layer.filters),
        start=np.where(constant, 4 * (output - layer.output_zero_point), layer.start),
        multiplier=np.where(constant, 1 << 30, layer.multiplier),  # a half; the shift halves once more
        shift=np.where(constant, 1, layer.shift),
    )
