"""Lowering to the kernels of ``kshot_scalar_s8.h``: weights raised by 128, in the order in which they are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_gen.lowering.channels import GROUP, MAX_QUADS, Channels, grouped, rescales
from firmware_gen.lowering.lines import LinesDepthwise, lines_of_three
from firmware_gen.lowering.weighted import Weighted, weighted, with_plain_constants
from quantize.graph import Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, Op

_RAISE = 128
_MAX_CHANNELS = 65535  # of the one pixel that a fully connected layer reads


@dataclass(frozen=True, eq=False)
class ScalarConv:
    """A convolution or fully connected layer for ``kshot_scalar_conv2d_s8``.

    Attributes
    ----------
    quads : int
        Inputs under the window, by four.
    weights : uint8 [groups, quads, 4 inputs, 4 channels]
    channels : Channels
    """

    quads: int
    weights: npt.NDArray[np.uint8]
    channels: Channels
    in_place = False

    @property
    def scratch_bytes(self) -> int:
        """The inputs of one pixel."""
        return 4 * self.quads


class ScalarDepthwise(LinesDepthwise):
    """A depthwise convolution for ``kshot_scalar_depthwise3x3_s8``."""

    @property
    def scratch_bytes(self) -> int:
        """Unpacked weights of four channels, and three lines of them."""
        return 240 + 32 * self.lines.inner.pairs


ScalarOp = ScalarConv | ScalarDepthwise


def lower_scalar(graph: Int8Graph, op: Op) -> ScalarOp | None:
    """The kernel of an operator, or None."""
    match op:
        case Conv2D() | FullyConnected():
            layer = with_plain_constants(weighted(graph, op))
            weights = raised_quads(layer.filters)
            too_long = isinstance(op, FullyConnected) and max(layer.filters.shape) > _MAX_CHANNELS
            if not rescales(layer) or weights.shape[1] > MAX_QUADS or too_long:
                return None
            return ScalarConv(weights.shape[1], weights, _channels(layer))
        case DepthwiseConv2D():
            lines = lines_of_three(graph, op)
            layer = with_plain_constants(weighted(graph, op))
            if lines is None or not rescales(layer):
                return None
            return ScalarDepthwise(lines, lines.turned(layer.filters), _channels(layer))
        case _:
            return None


def raised_quads(weights: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Weights, int64 [channels, inputs], by groups of four channels and four inputs; what does not exist is 0."""
    channels, inputs = weights.shape
    padded = np.zeros((-(-channels // GROUP) * GROUP, -(-inputs // GROUP) * GROUP), np.int64)
    padded[:channels, :inputs] = weights
    quads = padded.reshape(len(padded) // GROUP, GROUP, -1, GROUP).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(quads + _RAISE).astype(np.uint8)


def _channels(layer: Weighted) -> Channels:
    """Sums begin with what raised inputs add, taken off."""
    start = layer.start - _RAISE * layer.filters.sum(axis=1)
    return Channels(
        start=grouped(start).astype(np.int32),
        multiplier=grouped(layer.multiplier).astype(np.int32),
        shift=np.maximum(grouped(np.where(layer.multiplier == 0, 1, layer.shift)), 1).astype(np.uint8),
    )
