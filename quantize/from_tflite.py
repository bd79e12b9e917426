"""From a .tflite file to an `Int8Graph`.

Every operator is checked against what its kernel computes; whatever would make the result differ is refused with the
operator's name, the layer, the reason, and what would work. Operators that move no data (QUANTIZE and DEQUANTIZE at the
ends, reshapes to the same shape) leave no trace.
"""

from __future__ import annotations

from pathlib import Path

from quantize import fixed_point
from quantize.builder import Builder
from quantize.errors import CorruptModelError, UnsupportedModelError
from quantize.graph import Add, Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, Mean, Op, Softmax
from quantize.layers import LAYERS
from quantize.tflite_file import FileModel, parse


def read_tflite(source: bytes | Path | str) -> Int8Graph:
    """Import a full-integer int8 model.

    Parameters
    ----------
    source : bytes or path
        The file's content, or where it lies.

    Returns
    -------
    Int8Graph
        The first subgraph, with a batch of 1.

    Raises
    ------
    CorruptModelError
        If the file is damaged.
    UnsupportedModelError
        If a layer has no exact int8 kernel here.
    OSError
        If the file cannot be read.
    """
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    model = parse(content)
    try:
        graph = _lower(model)
    except (UnsupportedModelError, CorruptModelError):
        raise
    except ValueError as error:  # an invariant of the graph's types
        raise CorruptModelError(str(error)) from error
    for op in graph.ops:
        _check_arithmetic(graph, op)
    return graph


def _lower(model: FileModel) -> Int8Graph:
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UnsupportedModelError(
            f"{len(model.inputs)} inputs and {len(model.outputs)} outputs; a model with one of each works"
        )
    builder = Builder(model)
    for operator in model.operators:
        lower = LAYERS.get(operator.kind)
        if lower is None:
            raise UnsupportedModelError.at(
                operator.kind,
                builder.layer_name(operator),
                "there is no int8 kernel for it here",
                f"a model of {', '.join(sorted(LAYERS))} works",
            )
        lower(builder, operator)
    return builder.graph()


def _check_arithmetic(graph: Int8Graph, op: Op) -> None:
    """Derive the integers that the kernel needs, for the errors that this raises."""
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            fixed_point.requantization(graph, op)
        case Mean():
            fixed_point.mean_params(graph, op)
        case Add():
            fixed_point.add_params(graph, op)
        case Softmax():
            fixed_point.softmax_params(graph, op)
