"""Lowering to the kernels of ``kshot_dsp_s8.h``: what they need proved, and the words that they read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_gen.lowering.channels import GROUP, MAX_QUADS, MAX_SHIFT, Channels, grouped, rescales
from firmware_gen.lowering.lines import LinesDepthwise, lines_of_three
from firmware_gen.lowering.weighted import Weighted, weighted, with_plain_constants
from quantize.fixed_point import add_params
from quantize.graph import Add, Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, MaxPool2D, Op

_ADD_LEFT_SHIFT = 20  # written into the kernel
_EVEN_SUM_LIMIT = 1 << 23  # a sum that shares its word is multiplied by 256


@dataclass(frozen=True, eq=False)
class DspConv:
    """A convolution for ``kshot_dsp_conv2d_s8``.

    Attributes
    ----------
    quads : int
        Inputs under the window, by four.
    weights : uint32 [groups, quads, 4]
    channels : Channels
    input_channels : int
    """

    quads: int
    weights: npt.NDArray[np.uint32]
    channels: Channels
    input_channels: int

    in_place = False

    @property
    def scratch_bytes(self) -> int:
        """Two columns, and the bytes of one pixel where they do not come by four."""
        return (16 if self.input_channels % GROUP == 0 else 20) * self.quads


@dataclass(frozen=True, eq=False)
class DspDense:
    """A fully connected layer for ``kshot_dsp_fully_connected_s8``; fields as those of `DspConv`."""

    weights: npt.NDArray[np.uint32]
    channels: Channels
    in_place = False
    scratch_bytes = 0


class DspDepthwise(LinesDepthwise):
    """A depthwise convolution for ``kshot_dsp_depthwise3x3_s8``."""

    @property
    def scratch_bytes(self) -> int:
        """Unpacked weights of four channels, and three lines of them."""
        return 160 + 48 * self.lines.inner.pairs


@dataclass(frozen=True)
class DspAdd:
    """A sum for ``kshot_dsp_elementwise_add_s8``, which takes the constants of the portable kernel."""

    in_place = False  # the memory plan lets every sum overwrite an operand
    scratch_bytes = 0


@dataclass(frozen=True)
class DspMaxPool:
    """A maximum for ``kshot_dsp_max_pool2d_s8``, which takes the constants of the portable kernel."""

    in_place = False
    scratch_bytes = 0


DspOp = DspAdd | DspMaxPool | DspConv | DspDense | DspDepthwise


def lower_dsp(graph: Int8Graph, op: Op) -> DspOp | None:
    """The DSP kernel of an operator, or None."""
    match op:
        case Conv2D():
            return _conv(graph, op)
        case FullyConnected():
            packed = _packed(graph, op)
            return DspDense(*packed) if packed else None
        case DepthwiseConv2D():
            return _depthwise(graph, op)
        case Add():
            params = add_params(graph, op)
            exact = min(params.input1_shift, params.input2_shift) >= 0 and 1 <= params.output_shift <= MAX_SHIFT
            return DspAdd() if exact and params.left_shift == _ADD_LEFT_SHIFT else None
        case MaxPool2D():
            return DspMaxPool() if _pools_by_four(graph, op) else None
        case _:
            return None


def _pools_by_four(graph: Int8Graph, op: MaxPool2D) -> bool:
    """Whether channels come by four and every window reaches into the image."""
    _, height, width, channels = graph.tensors[op.inputs[0]].shape
    _, out_height, out_width, _ = graph.tensors[op.output].shape
    reaches = (
        op.padding.top < op.filter_height
        and op.padding.left < op.filter_width
        and (out_height - 1) * op.stride_height - op.padding.top < height
        and (out_width - 1) * op.stride_width - op.padding.left < width
    )
    return channels % GROUP == 0 and reaches


def _packed(graph: Int8Graph, op: Conv2D | FullyConnected) -> tuple[npt.NDArray[np.uint32], Channels] | None:
    """Weights of two channels a word, or None where they or their sums do not fit."""
    layer = with_plain_constants(weighted(graph, op))
    weights = packed_pairs(layer.filters)
    if weights is None or not rescales(layer) or layer.largest_sums()[::2].max() >= _EVEN_SUM_LIMIT:
        return None
    start = grouped(layer.start)
    start[:, ::2] = start[:, ::2] * 256 + start[:, 1::2]
    return weights, _channels(layer, start)


def _conv(graph: Int8Graph, op: Conv2D) -> DspConv | None:
    packed = _packed(graph, op)
    if packed is None or packed[0].shape[1] > MAX_QUADS:
        return None
    weights, channels = packed
    return DspConv(weights.shape[1], weights, channels, graph.tensors[op.inputs[0]].shape[3])


def _depthwise(graph: Int8Graph, op: DepthwiseConv2D) -> DspDepthwise | None:
    lines = lines_of_three(graph, op)
    layer = with_plain_constants(weighted(graph, op))
    if lines is None or not rescales(layer):
        return None
    return DspDepthwise(lines, lines.turned(layer.filters), _channels(layer, grouped(layer.start)))


def _channels(layer: Weighted, start: npt.NDArray[np.int64]) -> Channels:
    shift = np.where(layer.multiplier == 0, 1, layer.shift) - 1
    return Channels(
        start=start.astype(np.uint32).astype(np.int32),  # modulo 2**32, as the kernel's sums are
        multiplier=grouped(layer.multiplier).astype(np.int32),
        shift=grouped(shift).astype(np.uint8),
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
    padded = np.zeros((-(-channels // GROUP) * GROUP, -(-inputs // GROUP) * GROUP), np.int64)
    padded[:channels, :inputs] = weights
    lanes = padded[::2] * 256 + padded[1::2]
    if lanes.min() < -(1 << 15) or lanes.max() >= 1 << 15:
        return None
    quads = lanes.reshape(len(padded) // GROUP, 2, -1, GROUP).transpose(0, 2, 1, 3) & 0xFFFF
    words = quads[..., :2] | quads[..., 2:] << 16  # [group, quad, pair of channels, even or odd inputs]
    return np.ascontiguousarray(words.transpose(0, 1, 3, 2)).reshape(*words.shape[:2], 4).astype(np.uint32)
