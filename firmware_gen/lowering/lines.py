"""An image under a depthwise window of 3 x 3, as lines along one of its axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_gen.lowering.channels import GROUP, Channels
from quantize.graph import DepthwiseConv2D, Int8Graph

_MAX_PAD = 2
_MAX_INNER_STRIDE = 2


@dataclass(frozen=True)
class Axis:
    """``kshot_axis``."""

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


@dataclass(frozen=True)
class Lines:
    """Lines run along `inner`; `outer` counts them."""

    outer: Axis
    inner: Axis
    are_rows: bool

    @property
    def in_place(self) -> bool:
        """Whether outputs may overwrite inputs, because a line is written after those that it needs were read.

        An output never lies behind its own line of inputs where lines are rows, or where both images have one shape.
        """
        axes = (self.outer, self.inner)
        if self.outer.input_step >= self.inner.input_step:
            return all(axis.output_len <= axis.input_len for axis in axes)
        return all(axis.output_len == axis.input_len for axis in axes)

    def turned(self, filters: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """Filters [channels, 9], row by row, as int8 [channels, outer tap, inner tap]."""
        taps = filters.astype(np.int8).reshape(-1, 3, 3)
        return np.ascontiguousarray(taps if self.are_rows else taps.transpose(0, 2, 1))


@dataclass(frozen=True, eq=False)
class LinesDepthwise:
    """What a depthwise kernel of any set reads that goes through an image by lines.

    Attributes
    ----------
    lines : Lines
    weights : int8 [channels, outer tap, inner tap]
    channels : Channels
    """

    lines: Lines
    weights: npt.NDArray[np.int8]
    channels: Channels

    @property
    def in_place(self) -> bool:
        """Whether outputs may overwrite inputs."""
        return self.lines.in_place


def lines_of_three(graph: Int8Graph, op: DepthwiseConv2D, *, group: int = GROUP) -> Lines | None:
    """Lines along the longer axis, or the one whose stride is smaller; None where the kernels do not fit the window.

    Channels come by `group`.
    """
    _, height, width, channels = graph.tensors[op.weights].shape
    dilated = op.dilation_height > 1 or op.dilation_width > 1
    if (height, width) != (3, 3) or dilated or op.depth_multiplier > 1 or channels % group:
        return None
    rows, columns = _axes(graph, op)
    are_rows = (columns.stride, -columns.output_len) <= (rows.stride, -rows.output_len)
    outer, inner = (rows, columns) if are_rows else (columns, rows)
    if inner.stride > _MAX_INNER_STRIDE or max(outer.pad, inner.pad) > _MAX_PAD:
        return None
    return Lines(outer, inner, are_rows)


def _axes(graph: Int8Graph, op: DepthwiseConv2D) -> tuple[Axis, Axis]:
    """Rows and columns of the image."""
    _, height, width, channels = graph.tensors[op.inputs[0]].shape
    _, out_height, out_width, _ = graph.tensors[op.output].shape
    rows = Axis(height, out_height, width * channels, out_width * channels, op.stride_height, op.padding.top)
    return rows, Axis(width, out_width, channels, channels, op.stride_width, op.padding.left)
