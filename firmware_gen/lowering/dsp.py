"""Lowering to the kernels of ``kshot_dsp_s8.h``: what they need proved, and the words that they read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_gen.lowering.weighted import Weighted, weighted, with_plain_constants
from quantize.graph import Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, Op

_SUM_LIMIT = 1 << 30  # a sum is doubled before it is multiplied
_EVEN_SUM_LIMIT = 1 << 23  # a sum that shares its word is multiplied by 256
_MAX_SHIFT = 22  # the zero point shifted to the left stays below 2**30
_MAX_QUADS = 65535
_GROUP = 4  # output channels whose constants stand together, and inputs in a quad


@dataclass(frozen=True, eq=False)
class Channels:
    """``kshot_dsp_channels``, a row for each four channels; channels that do not exist are 0.

    Attributes
    ----------
    start, multiplier : int32 [groups, 4]
    shift : uint8 [groups, 4]
    """

    start: npt.NDArray[np.int32]
    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class DspConv:
    """A convolution for ``kshot_dsp_conv2d_s8``.

    Attributes
    ----------
    quads : int
        Inputs under the window, by four.
    weights : uint32 [groups, quads, 4]
    channels : Channels
    """

    quads: int
    weights: npt.NDArray[np.uint32]
    channels: Channels

    in_place = False

    @property
    def scratch_bytes(self) -> int:
        """Two columns, and the bytes of one pixel."""
        return 20 * self.quads


@dataclass(frozen=True, eq=False)
class DspDense:
    """A fully connected layer for ``kshot_dsp_fully_connected_s8``; fields as those of `DspConv`."""

    weights: npt.NDArray[np.uint32]
    channels: Channels
    in_place = False
    scratch_bytes = 0


@dataclass(frozen=True)
class Axis:
    """``kshot_dsp_axis``."""

    input_len: int
    output_len: int
    input_step: int
    output_step: int
    stride: int
    pad: int

    @property
    def pairs(self) -> int:
        """Pairs of inputs in a line along this axis."""
        return (-(-self.output_len // 2) if self.stride == 1 else self.output_len) + 1


@dataclass(frozen=True, eq=False)
class DspDepthwise:
    """A depthwise convolution for ``kshot_dsp_depthwise3x3_s8``.

    Attributes
    ----------
    outer, inner : Axis
    weights : int8 [channels, outer tap, inner tap]
    channels : Channels
    """

    outer: Axis
    inner: Axis
    weights: npt.NDArray[np.int8]
    channels: Channels

    @property
    def scratch_bytes(self) -> int:
        """Unpacked weights of four channels, and three lines of them."""
        return 160 + 48 * self.inner.pairs

    @property
    def in_place(self) -> bool:
        """Whether outputs may overwrite inputs, because a line is written after those that it needs were read.

        An output never lies behind its own line of inputs where lines are rows, or where both images have one shape.
        """
        axes = (self.outer, self.inner)
        if self.outer.input_step >= self.inner.input_step:
            return all(axis.output_len <= axis.input_len for axis in axes)
        return all(axis.output_len == axis.input_len for axis in axes)


DspOp = DspConv | DspDense | DspDepthwise


def lower_dsp(graph: Int8Graph, op: Op) -> DspOp | None:
    """The DSP kernel of an operator, or None."""
    match op:
        case Conv2D():
            packed = _packed(graph, op)
            return DspConv(packed[0].shape[1], *packed) if packed and packed[0].shape[1] <= _MAX_QUADS else None
        case FullyConnected():
            packed = _packed(graph, op)
            return DspDense(*packed) if packed else None
        case DepthwiseConv2D():
            return _depthwise(graph, op)
        case _:
            return None


def _packed(graph: Int8Graph, op: Conv2D | FullyConnected) -> tuple[npt.NDArray[np.uint32], Channels] | None:
    """Weights of two channels a word, or None where they or their sums do not fit."""
    layer = with_plain_constants(weighted(graph, op))
    weights = packed_pairs(layer.filters)
    if weights is None or not _rescales(layer) or layer.largest_sums()[::2].max() >= _EVEN_SUM_LIMIT:
        return None
    start = _grouped(layer.start)
    start[:, ::2] = start[:, ::2] * 256 + start[:, 1::2]
    return weights, _channels(layer, start)


def _depthwise(graph: Int8Graph, op: DepthwiseConv2D) -> DspDepthwise | None:
    layer = with_plain_constants(weighted(graph, op))
    _, height, width, channels = graph.tensors[op.weights].shape
    dilated = op.dilation_height > 1 or op.dilation_width > 1
    if not _rescales(layer) or (height, width) != (3, 3) or dilated or op.depth_multiplier > 1 or channels % _GROUP:
        return None
    rows, columns = _axes(graph, op)
    along_rows = (columns.stride, -columns.output_len) <= (rows.stride, -rows.output_len)
    outer, inner = (rows, columns) if along_rows else (columns, rows)
    if inner.stride > 2 or max(outer.pad, inner.pad) > 2:
        return None
    weights = layer.filters.astype(np.int8).reshape(channels, 3, 3)
    return DspDepthwise(
        outer=outer,
        inner=inner,
        weights=np.ascontiguousarray(weights if along_rows else weights.transpose(0, 2, 1)),
        channels=_channels(layer, _grouped(layer.start)),
    )


def _axes(graph: Int8Graph, op: DepthwiseConv2D) -> tuple[Axis, Axis]:
    """Rows and columns of the image."""
    _, height, width, channels = graph.tensors[op.inputs[0]].shape
    _, out_height, out_width, _ = graph.tensors[op.output].shape
    rows = Axis(height, out_height, width * channels, out_width * channels, op.stride_height, op.padding.top)
    return rows, Axis(width, out_width, channels, channels, op.stride_width, op.padding.left)


def _rescales(layer: Weighted) -> bool:
    """Whether sums and shifts lie where the kernels' requantization is exact; a multiplier of 0 needs no shift."""
    shift = layer.shift[layer.multiplier != 0]
    return bool(layer.largest_sums().max() < _SUM_LIMIT and np.all((shift >= 1) & (shift <= _MAX_SHIFT)))


def _channels(layer: Weighted, start: npt.NDArray[np.int64]) -> Channels:
    shift = np.where(layer.multiplier == 0, 1, layer.shift) - 1
    return Channels(
        start=start.astype(np.uint32).astype(np.int32),  # modulo 2**32, as the kernel's sums are
        multiplier=_grouped(layer.multiplier).astype(np.int32),
        shift=_grouped(shift).astype(np.uint8),
    )


def packed_pairs(weights: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32] | None:
    """Pack weights for two channels a word.

    Parameters
    ----------
    weights : int64 [channels, inputs]

    Returns
    -------
    uint32 [groups, quads, 4] or None
        In the order that ``kshot_dsp_conv_s8`` describes; None where ``256 * even + odd`` does not fit 16 bits.
    """
    channels, inputs = weights.shape
    padded = np.zeros((-(-channels // _GROUP) * _GROUP, -(-inputs // _GROUP) * _GROUP), np.int64)
    padded[:channels, :inputs] = weights
    lanes = padded[::2] * 256 + padded[1::2]
    if lanes.min() < -(1 << 15) or lanes.max() >= 1 << 15:
        return None
    quads = lanes.reshape(len(padded) // _GROUP, 2, -1, _GROUP).transpose(0, 2, 1, 3) & 0xFFFF
    words = quads[..., :2] | quads[..., 2:] << 16  # [group, quad, pair of channels, even or odd inputs]
    return np.ascontiguousarray(words.transpose(0, 1, 3, 2)).reshape(*words.shape[:2], 4).astype(np.uint32)


def _grouped(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Rows of four, filled up with 0."""
    groups = np.zeros(-(-len(values) // _GROUP) * _GROUP, np.int64)
    groups[: len(values)] = values
    return groups.reshape(-1, _GROUP)
