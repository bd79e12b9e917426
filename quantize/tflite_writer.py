"""An `Int8Graph` as a .tflite file: the inverse of the import, so that an oracle can run what a test made up.

For tests and benchmarks, as the oracles are; the schema's object interface comes with the package ``ai-edge-litert``.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

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

_CODES = {
    Add: schema.BuiltinOperator.ADD,
    AveragePool2D: schema.BuiltinOperator.AVERAGE_POOL_2D,
    Conv2D: schema.BuiltinOperator.CONV_2D,
    DepthwiseConv2D: schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    FullyConnected: schema.BuiltinOperator.FULLY_CONNECTED,
    MaxPool2D: schema.BuiltinOperator.MAX_POOL_2D,
    Mean: schema.BuiltinOperator.MEAN,
    Pad: schema.BuiltinOperator.PAD,
    Reshape: schema.BuiltinOperator.RESHAPE,
    Softmax: schema.BuiltinOperator.SOFTMAX,
}
_OPTIONS = {
    Add: ("AddOptions", schema.AddOptionsT),
    AveragePool2D: ("Pool2DOptions", schema.Pool2DOptionsT),
    Conv2D: ("Conv2DOptions", schema.Conv2DOptionsT),
    DepthwiseConv2D: ("DepthwiseConv2DOptions", schema.DepthwiseConv2DOptionsT),
    FullyConnected: ("FullyConnectedOptions", schema.FullyConnectedOptionsT),
    MaxPool2D: ("Pool2DOptions", schema.Pool2DOptionsT),
    Mean: ("ReducerOptions", schema.ReducerOptionsT),
    Pad: ("PadOptions", schema.PadOptionsT),
    Reshape: ("ReshapeOptions", schema.ReshapeOptionsT),
    Softmax: ("SoftmaxOptions", schema.SoftmaxOptionsT),
}
_ACTIVATIONS = {
    schema.ActivationFunctionType.NONE: (None, None),
    schema.ActivationFunctionType.RELU: (0.0, None),
    schema.ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
    schema.ActivationFunctionType.RELU6: (0.0, 6.0),
}


def write_tflite(graph: Int8Graph) -> bytes:
    """Store `graph` as a .tflite file.

    Raises
    ------
    ValueError
        If a padding or an activation's limits are none that the format can say.
    """
    return pack(to_model(graph))


def pack(model: Any) -> bytes:
    """Serialise a model of the schema's object interface."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def to_model(graph: Int8Graph) -> Any:
    """Translate `graph` into the schema's object interface, where a test can change it before packing."""
    model = schema.ModelT(version=3, description="test", buffers=[schema.BufferT()])
    subgraph = schema.SubGraphT(name="main", inputs=[graph.input], outputs=[graph.output], tensors=[], operators=[])
    model.subgraphs, model.operatorCodes = [subgraph], []
    for tensor in graph.tensors:
        _add_tensor(model, tensor)
    for op in graph.ops:
        _add_operator(model, graph, op)
    return model


def _add_buffer(model: Any, data: npt.NDArray[np.generic] | None) -> int:
    if data is None:
        return 0
    model.buffers.append(schema.BufferT(data=np.frombuffer(data.tobytes(), np.uint8)))
    return len(model.buffers) - 1


def _add_tensor(model: Any, tensor: Tensor) -> None:
    quantization = schema.QuantizationParametersT(
        scale=list(tensor.quant.scales),
        zeroPoint=list(tensor.quant.zero_points),
        quantizedDimension=tensor.quant.axis or 0,
    )
    kind = schema.TensorType.INT8 if tensor.dtype == "int8" else schema.TensorType.INT32
    model.subgraphs[0].tensors.append(
        schema.TensorT(
            shape=list(tensor.shape),
            type=kind,
            buffer=_add_buffer(model, tensor.data),
            name=tensor.name,
            quantization=quantization,
        )
    )


def _add_constant(model: Any, name: str, values: Any) -> int:
    data = np.array(values, np.int32)
    tensors = model.subgraphs[0].tensors
    tensors.append(
        schema.TensorT(shape=list(data.shape), type=schema.TensorType.INT32, buffer=_add_buffer(model, data), name=name)
    )
    return len(tensors) - 1


def _add_operator(model: Any, graph: Int8Graph, op: Op) -> None:
    inputs = list(op.inputs)
    if isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected):
        inputs += [op.weights] if op.bias is None else [op.weights, op.bias]
    elif isinstance(op, Mean):
        inputs.append(_add_constant(model, "axes", [1, 2]))
    elif isinstance(op, Pad):
        p = op.padding
        inputs.append(_add_constant(model, "paddings", [[0, 0], [p.top, p.bottom], [p.left, p.right], [0, 0]]))
    elif isinstance(op, Reshape):
        inputs.append(_add_constant(model, "shape", graph.tensors[op.output].shape))
    code = _CODES[type(op)]
    model.operatorCodes.append(schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=min(code, 127), version=1))
    name, make = _OPTIONS[type(op)]
    model.subgraphs[0].operators.append(
        schema.OperatorT(
            opcodeIndex=len(model.operatorCodes) - 1,
            inputs=inputs,
            outputs=[op.output],
            builtinOptionsType=getattr(schema.BuiltinOptions, name),
            builtinOptions=_fill(make(), graph, op),
        )
    )


def _fill(options: Any, graph: Int8Graph, op: Op) -> Any:
    if isinstance(op, Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D):
        options.strideH, options.strideW = op.stride_height, op.stride_width
        options.padding = _padding_scheme(graph, op)
    if isinstance(op, Conv2D | DepthwiseConv2D):
        options.dilationHFactor, options.dilationWFactor = op.dilation_height, op.dilation_width
    if isinstance(op, DepthwiseConv2D):
        options.depthMultiplier = op.depth_multiplier
    if isinstance(op, AveragePool2D | MaxPool2D):
        options.filterHeight, options.filterWidth = op.filter_height, op.filter_width
    if isinstance(op, Mean):
        options.keepDims = op.keep_dims
    if isinstance(op, Softmax):
        options.beta = op.beta
    if isinstance(op, Reshape):
        options.newShape = list(graph.tensors[op.output].shape)
    if hasattr(op, "activation_min"):
        options.fusedActivationFunction = _activation(graph, op)
    return options


def _padding_scheme(graph: Int8Graph, op: Any) -> int:
    _, height, width, _ = graph.tensors[op.inputs[0]].shape
    _, out_height, out_width, _ = graph.tensors[op.output].shape
    if (out_height, out_width) == (-(-height // op.stride_height), -(-width // op.stride_width)):
        return int(schema.Padding.SAME)
    if op.padding != Padding():
        raise ValueError(f"{op.name}: {op.padding} is neither SAME nor VALID")
    return int(schema.Padding.VALID)


def _activation(graph: Int8Graph, op: Any) -> int:
    quant = graph.tensors[op.output].quant
    for function, bounds in _ACTIVATIONS.items():
        low, high = (
            default if bound is None else int(np.clip(quant.zero_point + np.round(bound / quant.scale), -128, 127))
            for bound, default in zip(bounds, (-128, 127), strict=True)
        )
        if (low, high) == (op.activation_min, op.activation_max):
            return int(function)
    raise ValueError(f"{op.name}: no fused activation has limits {op.activation_min} and {op.activation_max}")
