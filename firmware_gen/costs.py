"""What a layer costs before anybody has counted it."""

from __future__ import annotations

from quantize.graph import Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, Op


def macs(graph: Int8Graph, op: Op) -> int:
    """Multiplications of one inference, those with padding included, as is usual."""
    output = graph.tensors[op.output].size
    match op:
        case Conv2D() | FullyConnected():
            weights = graph.tensors[op.weights]
            return output * weights.size // weights.shape[0]
        case DepthwiseConv2D():
            weights = graph.tensors[op.weights]
            return output * weights.shape[1] * weights.shape[2]
        case _:
            return 0
