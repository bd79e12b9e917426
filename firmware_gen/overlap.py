"""How far a layer's output may reach into its own input: what a kernel writes must lie behind all that it still reads.

Kernels go through an output image pixel by pixel, row by row, while what they read of the input moves on in the same
direction. So an output may begin before its input and run into it, as long as the bytes that it has reached were read
for the last time. (P. Blacker et al., Diagonal Memory Optimisation for Machine Learning on Micro-controllers, 2020.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from firmware_gen.lowering import LoweredOp
from firmware_gen.lowering.dsp import DspConv, DspMaxPool
from firmware_gen.lowering.scalar import ScalarConv
from quantize.graph import AveragePool2D, Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, MaxPool2D, Op

_Windowed = Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D


@dataclass(frozen=True)
class Overlap:
    """Two activations that may share bytes though one is computed from the other.

    Attributes
    ----------
    source, target : int
        Input and output of one op, as indices into `Int8Graph.tensors`.
    least : int
        Bytes that the source must begin behind the target, at least.
    exact : bool
        Whether it must be just as many.
    """

    source: int
    target: int
    least: int
    exact: bool = False


def overlaps(graph: Int8Graph, lowered: Sequence[LoweredOp | None]) -> tuple[Overlap, ...]:
    """What the kernels that were chosen allow; nothing for those that read their input in another order."""
    return tuple(_overlaps(graph, lowered))


def _overlaps(graph: Int8Graph, lowered: Sequence[LoweredOp | None]) -> Iterator[Overlap]:
    for op, prepared in zip(graph.ops, lowered, strict=True):
        if prepared is not None and prepared.in_place:
            yield Overlap(op.inputs[0], op.output, 0, exact=True)
            continue
        match op, prepared:
            case Conv2D() | FullyConnected(), DspConv() | ScalarConv():
                yield Overlap(op.inputs[0], op.output, lead(graph, op, gathers=True))
            case Conv2D() | DepthwiseConv2D() | AveragePool2D() | MaxPool2D(), None:
                yield Overlap(op.inputs[0], op.output, lead(graph, op, gathers=False))
            case MaxPool2D(), DspMaxPool():
                yield Overlap(op.inputs[0], op.output, lead(graph, op, gathers=False))


def lead(graph: Int8Graph, op: Op, *, gathers: bool) -> int:
    """Bytes that the input of a layer under a window must begin behind its output.

    Parameters
    ----------
    graph : Int8Graph
    op : Op
        A convolution, a pooling, or a fully connected layer as a convolution of one pixel.
    gathers : bool
        Whether the kernel copies what lies under the window before it writes the pixel; if not, it may read that until
        the pixel is complete.
    """
    start = _first_read(graph, op)
    needed = np.minimum.accumulate(start[::-1])[::-1]  # by this pixel and all that follow
    channels = graph.tensors[op.output].shape[-1]
    written = channels * np.arange(1, len(start) + 1)
    reach = written[:-1] - needed[1:] if gathers else written - needed
    return int(max(0, reach.max(initial=0)))


def _first_read(graph: Int8Graph, op: Op) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The first byte under the window of each output pixel, row by row; int64 [pixels]."""
    if not isinstance(op, _Windowed):
        return np.zeros(1, np.int64)
    _, height, width, channels = graph.tensors[op.inputs[0]].shape
    _, out_height, out_width, _ = graph.tensors[op.output].shape
    rows = np.clip(np.arange(out_height) * op.stride_height - op.padding.top, 0, height - 1)
    columns = np.clip(np.arange(out_width) * op.stride_width - op.padding.left, 0, width - 1)
    return channels * (rows[:, np.newaxis] * width + columns).ravel()
