"""Lowering to the kernels of ``kshot_helium_s8.h``: what they need proved, and weights as they lie in the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_gen.lowering.channels import GROUP, Channels, grouped, rescales
from firmware_gen.lowering.lines import Lines, LinesDepthwise, lines_of_three
from firmware_gen.lowering.weighted import Weighted, weighted, with_plain_constants
from quantize.fixed_point import add_params
from quantize.graph import Add, AveragePool2D, Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, MaxPool2D, Mean, Op

_ADD_LEFT_SHIFT = 20  # written into the kernel
_PIXELS = 3  # whose columns a convolution gathers at once
_OUTPUTS = 4  # of a depthwise line, computed at once
_COLUMNS_OF_A_VECTOR = 4
_CHANNELS_OF_A_RING = 8
_MAX_COLUMNS = 2340


@dataclass(frozen=True, eq=False)
class HeliumConv:
    """A convolution for ``kshot_helium_conv2d_s8`` or ``kshot_helium_pointwise_conv2d_s8``.

    Attributes
    ----------
    weights : int8 [channels, inputs]
        Channels filled up to a multiple of four.
    channels : Channels
    is_pointwise : bool
        Whether the window is one pixel of the image itself.
    """

    weights: npt.NDArray[np.int8]
    channels: Channels
    is_pointwise: bool

    in_place = False

    @property
    def scratch_bytes(self) -> int:
        """What lies under the window, for three pixels."""
        return 0 if self.is_pointwise else _PIXELS * self.weights.shape[1]


@dataclass(frozen=True, eq=False)
class HeliumDense:
    """A fully connected layer for ``kshot_helium_fully_connected_s8``; fields as those of `HeliumConv`."""

    weights: npt.NDArray[np.int8]
    channels: Channels

    in_place = False
    scratch_bytes = 0


class HeliumDepthwise(LinesDepthwise):
    """A depthwise convolution for ``kshot_helium_depthwise3x3_s8``."""

    @property
    def scratch_bytes(self) -> int:
        """Three lines of eight channels, and a byte unused beside each column."""
        return _CHANNELS_OF_A_RING * _COLUMNS_OF_A_VECTOR * _columns(self.lines)


@dataclass(frozen=True)
class HeliumPlain:
    """A kernel that takes the constants of the portable one."""

    in_place = False
    scratch_bytes = 0


HeliumOp = HeliumConv | HeliumDense | HeliumDepthwise | HeliumPlain


def lower_helium(graph: Int8Graph, op: Op) -> HeliumOp | None:
    """The Helium kernel of an operator, or None."""
    match op:
        case Conv2D() | FullyConnected():
            return _conv(graph, op)
        case DepthwiseConv2D():
            return _depthwise(graph, op)
        case Add():
            params = add_params(graph, op)
            exact = min(params.input1_shift, params.input2_shift) >= 0 and params.output_shift >= 1
            return HeliumPlain() if exact and params.left_shift == _ADD_LEFT_SHIFT else None
        case AveragePool2D() | MaxPool2D() | Mean():
            return HeliumPlain()
        case _:
            return None


def _conv(graph: Int8Graph, op: Conv2D | FullyConnected) -> HeliumConv | HeliumDense | None:
    layer = with_plain_constants(weighted(graph, op))
    if not rescales(layer):
        return None
    if isinstance(op, FullyConnected):
        return HeliumDense(_rows(layer), _channels(layer))
    return HeliumConv(_rows(layer), _channels(layer), _is_pointwise(graph, op))


def _is_pointwise(graph: Int8Graph, op: Conv2D) -> bool:
    padding = op.padding
    return graph.tensors[op.weights].shape[1:3] == (1, 1) and padding.top == 0 and padding.left == 0


def _depthwise(graph: Int8Graph, op: DepthwiseConv2D) -> HeliumDepthwise | HeliumPlain | None:
    layer = weighted(graph, op)
    plain = with_plain_constants(layer)
    lines = lines_of_three(graph, op, group=1)
    if lines is not None and rescales(plain) and _columns(lines) <= _MAX_COLUMNS:
        return HeliumDepthwise(lines, lines.turned(plain.filters), _channels(plain))
    return HeliumPlain() if rescales(layer) else None


def _columns(lines: Lines) -> int:
    outputs = -(-lines.inner.output_len // _OUTPUTS) * _OUTPUTS
    return (outputs - 1) * lines.inner.stride + _COLUMNS_OF_A_VECTOR


def _rows(layer: Weighted) -> npt.NDArray[np.int8]:
    channels, inputs = layer.filters.shape
    rows = np.zeros((-(-channels // GROUP) * GROUP, inputs), np.int8)
    rows[:channels] = layer.filters
    return rows


def _channels(layer: Weighted) -> Channels:
    shift = np.maximum(grouped(np.where(layer.multiplier == 0, 1, layer.shift)), 1)
    return Channels(
        start=grouped(layer.start).astype(np.int32),
        multiplier=grouped(layer.multiplier).astype(np.int32),
        shift=(-shift).astype(np.int8),
    )
