"""Writes kernels.json, the vectors that the NumPy reference, the C kernels on the host and those in QEMU share.

    PYTHONPATH=tests python -m vectors.make_kernels

Each case is one operator on a few samples. Its `params` are the fields of the operator's struct in
``kshot_kernels_s8.h``, with arrays flat and row by row; `operands` and `output` are those of TensorFlow Lite Micro.
`graph` describes the same operator at the level of the .tflite file. The same script gives the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from vectors.cases import Case, cases

from quantize import fixed_point, oracles, reference
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
    Softmax,
    Tensor,
)
from quantize.tflite_writer import write_tflite

PATH = Path(__file__).with_name("kernels.json")
KERNELS = {
    Add: "elementwise_add",
    AveragePool2D: "average_pool2d",
    Conv2D: "conv2d",
    DepthwiseConv2D: "depthwise_conv2d",
    FullyConnected: "fully_connected",
    MaxPool2D: "max_pool2d",
    Mean: "mean_hw",
    Pad: "pad_hw",
    Softmax: "softmax_rows",
}


def vector(case: Case) -> dict[str, Any]:
    """One case as JSON: the operator is the last of the case's graph, whatever precedes it makes its operands."""
    graph, op = case.graph, case.graph.ops[-1]
    output = oracles.tflite_micro_outputs(write_tflite(graph), case.inputs)
    values = reference.run_all(graph, case.inputs)
    if not np.array_equal(output, values[graph.output]):
        raise AssertionError(f"{case.name}: the reference differs from TensorFlow Lite Micro")
    operands = [_operand(graph, i, case.inputs) for i in op.inputs]
    return {
        "name": case.name,
        "kernel": f"kshot_{KERNELS[type(op)]}_s8",
        "oracle": "tflite-micro",
        "params": params(graph, op),
        "graph": _describe(graph, op),
        "samples": [
            {"operands": [_flat(operand[i]) for operand in operands], "output": _flat(output[i])}
            for i in range(len(output))
        ],
    }


def params(graph: Int8Graph, op: Op) -> dict[str, Any]:  # noqa: PLR0911 - one return a kernel
    """The fields of the operator's struct."""
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.output]
    zero_points = {"input_zero_point": source.quant.zero_point, "output_zero_point": target.quant.zero_point}
    limits = {k: getattr(op, k) for k in ("activation_min", "activation_max") if hasattr(op, k)}
    shapes = {"input": _shape(source), "output": _shape(target)}
    match op:
        case Conv2D() | DepthwiseConv2D():
            multiplier = {"depth_multiplier": getattr(op, "depth_multiplier", 1)}
            return {
                **shapes,
                "window": _window(graph, op),
                **zero_points,
                **limits,
                **multiplier,
                **_weights(graph, op),
            }
        case FullyConnected():
            lengths = {"input_len": source.size, "output_len": target.size}
            return {**lengths, **zero_points, **limits, **_weights(graph, op)}
        case AveragePool2D() | MaxPool2D():
            return {**shapes, "window": _window(graph, op), **limits}
        case Mean():
            return {"input": _shape(source), **zero_points, **asdict(fixed_point.mean_params(graph, op))}
        case Add():
            points = {f"input{i}_zero_point": graph.tensors[t].quant.zero_point for i, t in enumerate(op.inputs, 1)}
            points["output_zero_point"] = target.quant.zero_point
            return {"len": source.size, **points, **asdict(fixed_point.add_params(graph, op)), **limits}
        case Pad():
            pad = {"pad_top": op.padding.top, "pad_left": op.padding.left}
            return {**shapes, **pad, "zero_point": source.quant.zero_point}
        case Softmax():
            row = source.shape[-1]
            return {"rows": source.size // row, "row_len": row, **asdict(fixed_point.softmax_params(graph, op))}
    raise TypeError(f"no vector for {type(op).__name__}")


def _shape(tensor: Tensor) -> dict[str, int]:
    height, width, channels = tensor.shape[1:] if len(tensor.shape) == 4 else (1, 1, tensor.size)
    return {"height": height, "width": width, "channels": channels}


def _window(graph: Int8Graph, op: Any) -> dict[str, int]:
    if isinstance(op, AveragePool2D | MaxPool2D):
        height, width, dilation = op.filter_height, op.filter_width, (1, 1)
    else:
        _, height, width, _ = graph.tensors[op.weights].shape
        dilation = (op.dilation_height, op.dilation_width)
    return {
        "height": height,
        "width": width,
        "stride_height": op.stride_height,
        "stride_width": op.stride_width,
        "dilation_height": dilation[0],
        "dilation_width": dilation[1],
        "pad_top": op.padding.top,
        "pad_left": op.padding.left,
    }


def _weights(graph: Int8Graph, op: Any) -> dict[str, Any]:
    scale = fixed_point.requantization(graph, op)
    return {
        "weights": _flat(graph.tensors[op.weights].data),
        "bias": None if op.bias is None else _flat(graph.tensors[op.bias].data),
        "requantization": {"multiplier": _flat(scale.multiplier), "shift": _flat(scale.shift)},
    }


def _operand(graph: Int8Graph, index: int, inputs: np.ndarray) -> np.ndarray:
    """What the oracle computes for the operand `index`."""
    if index == graph.input:
        return inputs
    ops = tuple(op for op in graph.ops[:-1])
    return oracles.tflite_micro_outputs(write_tflite(Int8Graph(graph.tensors, ops, graph.input, index)), inputs)


def _describe(graph: Int8Graph, op: Op) -> dict[str, Any]:
    """The operator and its tensors at the level of the file; weights and bias are those of `params`."""
    fields = {k: v for k, v in asdict(op).items() if k not in {"inputs", "output", "weights", "bias"}}
    roles = {f"input{i}": graph.tensors[t] for i, t in enumerate(op.inputs, 1)} | {"output": graph.tensors[op.output]}
    for role in ("weights", "bias"):
        if getattr(op, role, None) is not None:
            roles[role] = graph.tensors[getattr(op, role)]
    tensors = {
        role: {
            "shape": tensor.shape,
            "scales": tensor.quant.scales,
            "zero_points": tensor.quant.zero_points,
            "axis": tensor.quant.axis,
        }
        for role, tensor in roles.items()
    }
    return {"kind": type(op).__name__, "fields": fields, "tensors": tensors}


def _flat(values: Any) -> list[int]:
    return [int(v) for v in np.asarray(values).flat]


def document() -> str:
    """The file's content: one case a line."""
    lines = [json.dumps(vector(case), separators=(",", ":")) for case in cases()]
    return '{"version":1,"cases":[\n' + ",\n".join(lines) + "\n]}\n"


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
