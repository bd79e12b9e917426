"""One function per operator of a .tflite file: checks it and appends its equivalent to the graph.

Shapes and padding follow TensorFlow Lite's ``padding.h`` and each kernel's ``Prepare``; the limits are those of the
structs in ``kshot_kernels_s8.h``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import tflite

from quantize.builder import Builder, constant
from quantize.errors import CorruptModelError
from quantize.graph import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    MaxPool2D,
    Mean,
    Pad,
    Padding,
    Reshape,
    Softmax,
    Tensor,
)
from quantize.tflite_file import FileOperator

_MAX_STEP = 255  # strides, dilation and padding in kshot_window
_MAX_ACCUMULATOR = 2**31 - 1
_Image = tuple[int, int, int, int]  # 1, height, width, channels

# The fused activations in real numbers; None: no bound on that side.
_ACTIVATIONS: Mapping[int, tuple[float | None, float | None]] = MappingProxyType(
    {
        tflite.ActivationFunctionType.NONE: (None, None),
        tflite.ActivationFunctionType.RELU: (0.0, None),
        tflite.ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
        tflite.ActivationFunctionType.RELU6: (0.0, 6.0),
    }
)


def _conv2d(builder: Builder, operator: FileOperator) -> None:
    source, weights, target = _weighted(builder, operator, channel_axis=0)
    image, kernel = _image(builder, operator, source), _image(builder, operator, weights)
    if kernel[3] != image[3]:
        raise builder.refusal(operator, f"{image[3]} input channels in groups of {kernel[3]}", "one group works")
    options = _options(operator)
    dilation = (options["DilationHFactor"], options["DilationWFactor"])
    window = _window(builder, operator, kernel[1:3], dilation)
    _check_channels(operator, target, kernel[0])
    bias = builder.bias(operator, kernel[0])
    _check_accumulator(builder, operator, channel_axis=0, bias=bias)
    builder.append(
        Conv2D(
            name=builder.layer_name(operator),
            inputs=(builder.activation(operator),),
            output=builder.output(operator),
            weights=builder.weights(operator, 0),
            bias=bias,
            dilation_height=dilation[0],
            dilation_width=dilation[1],
            **window,
            **_limits(builder, operator, target),
        )
    )


def _depthwise_conv2d(builder: Builder, operator: FileOperator) -> None:
    source, weights, target = _weighted(builder, operator, channel_axis=3)
    image, kernel = _image(builder, operator, source), _image(builder, operator, weights)
    multiplier, rest = divmod(kernel[3], image[3])
    if rest or kernel[0] != 1 or not multiplier:
        raise CorruptModelError(f"{operator.kind}: weights of shape {kernel} for {image[3]} channels")
    options = _options(operator)
    dilation = (options["DilationHFactor"], options["DilationWFactor"])
    window = _window(builder, operator, kernel[1:3], dilation)
    _check_channels(operator, target, kernel[3])
    bias = builder.bias(operator, kernel[3])
    _check_accumulator(builder, operator, channel_axis=3, bias=bias)
    builder.append(
        DepthwiseConv2D(
            name=builder.layer_name(operator),
            inputs=(builder.activation(operator),),
            output=builder.output(operator),
            weights=builder.weights(operator, 3),
            bias=bias,
            depth_multiplier=multiplier,
            dilation_height=dilation[0],
            dilation_width=dilation[1],
            **window,
            **_limits(builder, operator, target),
        )
    )


def _fully_connected(builder: Builder, operator: FileOperator) -> None:
    source, weights, target = _weighted(builder, operator, channel_axis=0)
    if _options(operator)["WeightsFormat"] != tflite.FullyConnectedOptionsWeightsFormat.DEFAULT:
        raise builder.refusal(operator, "its weights are shuffled", "the default weights format works")
    if len(weights.shape) != 2 or weights.shape[1] != source.size or target.size != weights.shape[0]:
        raise builder.refusal(
            operator,
            f"weights {weights.shape} map {source.shape} to {target.shape}",
            "weights of [outputs, inputs] and a batch of 1 work",
        )
    bias = builder.bias(operator, weights.shape[0])
    _check_accumulator(builder, operator, channel_axis=0, bias=bias)
    builder.append(
        FullyConnected(
            name=builder.layer_name(operator),
            inputs=(builder.activation(operator),),
            output=builder.output(operator),
            weights=builder.weights(operator, 0),
            bias=bias,
            **_limits(builder, operator, target),
        )
    )


def _pool(kind: type[AveragePool2D] | type[MaxPool2D]) -> Callable[[Builder, FileOperator], None]:
    def lower(builder: Builder, operator: FileOperator) -> None:
        source, target = _unary(builder, operator)
        _check_same_quant(builder, operator, source, target)
        options = _options(operator)
        size = (options["FilterHeight"], options["FilterWidth"])
        if any(not 1 <= n <= 65535 for n in size):
            raise CorruptModelError(f"{operator.kind}: a window of {size}")
        window = _window(builder, operator, size, (1, 1))
        _check_channels(operator, target, source.shape[3])
        builder.append(
            kind(
                name=builder.layer_name(operator),
                inputs=(builder.activation(operator),),
                output=builder.output(operator),
                filter_height=size[0],
                filter_width=size[1],
                **window,
                **_limits(builder, operator, target),
            )
        )

    return lower


def _mean(builder: Builder, operator: FileOperator) -> None:
    source, target = _unary(builder, operator)
    rank = len(source.shape)
    axes = sorted(int(a) % rank for a in constant(builder.operand(operator, 1), np.int32).flat if -rank <= a < rank)
    if rank != 4 or axes != [1, 2]:
        raise builder.refusal(
            operator, f"a mean of shape {source.shape} over axes {axes}", "GlobalAveragePooling2D works"
        )
    if target.size != source.shape[3]:
        raise CorruptModelError(f"MEAN: shape {source.shape} becomes {target.shape}")
    builder.append(
        Mean(
            name=builder.layer_name(operator),
            inputs=(builder.activation(operator),),
            output=builder.output(operator),
            keep_dims=len(target.shape) == 4,
        )
    )


def _add(builder: Builder, operator: FileOperator) -> None:
    inputs = (builder.activation(operator, 0), builder.activation(operator, 1))
    output = builder.output(operator)
    shapes = [builder.tensor(i).shape for i in (*inputs, output)]
    if len(set(shapes)) != 1:
        raise builder.refusal(operator, f"shapes {shapes[0]} and {shapes[1]}", "two operands of one shape work")
    limits = _limits(builder, operator, builder.tensor(output))
    builder.append(Add(name=builder.layer_name(operator), inputs=inputs, output=output, **limits))


def _pad(builder: Builder, operator: FileOperator) -> None:
    source, target = _unary(builder, operator)
    _check_same_quant(builder, operator, source, target)
    image = _image(builder, operator, source)
    amounts = builder.operand(operator, 1)
    if amounts.type != "INT32" or amounts.shape != (4, 2):
        raise builder.refusal(operator, f"amounts of {amounts.type}{amounts.shape}", "padding of an image works")
    (_, height, width, _) = rows = constant(amounts, np.int32).tolist()
    if rows[0] != [0, 0] or rows[3] != [0, 0] or min(height + width) < 0:
        raise builder.refusal(operator, f"padding of {rows}", "padding of height and width works")
    expected = (1, image[1] + sum(height), image[2] + sum(width), image[3])
    if target.shape != expected:
        raise CorruptModelError(f"PAD: shape {target.shape} instead of {expected}")
    builder.append(
        Pad(
            name=builder.layer_name(operator),
            inputs=(builder.activation(operator),),
            output=builder.output(operator),
            padding=Padding(top=height[0], bottom=height[1], left=width[0], right=width[1]),
        )
    )


def _reshape(builder: Builder, operator: FileOperator) -> None:
    source, target = _unary(builder, operator)
    _check_same_quant(builder, operator, source, target)
    if source.size != target.size:
        raise CorruptModelError(f"{operator.kind}: shape {source.shape} becomes {target.shape}")
    if source.shape == target.shape:
        builder.strip(operator)
        return
    builder.append(
        Reshape(
            name=builder.layer_name(operator),
            inputs=(builder.activation(operator),),
            output=builder.output(operator),
        )
    )


def _softmax(builder: Builder, operator: FileOperator) -> None:
    source, target = _unary(builder, operator)
    if target.quant.scale != 1 / 256 or target.quant.zero_point != -128 or target.shape != source.shape:
        raise builder.refusal(
            operator,
            f"output scale {target.quant.scale:g}, zero point {target.quant.zero_point}",
            "1/256 and -128 work",
        )
    builder.append(
        Softmax(
            name=builder.layer_name(operator),
            inputs=(builder.activation(operator),),
            output=builder.output(operator),
            beta=float(_options(operator)["Beta"]),
        )
    )


def _quantize(builder: Builder, operator: FileOperator) -> None:
    """Leave out the conversion of a float input: the caller of the graph quantizes."""
    source = builder.operand(operator, 0)
    if not builder.reads_file_input(operator) or source.type != "FLOAT32":
        raise builder.refusal(operator, f"it converts {source.type} inside the model", "int8 throughout works")
    builder.output(operator)
    builder.begin_after(operator)


def _dequantize(builder: Builder, operator: FileOperator) -> None:
    """Leave out the conversion to a float output: the caller of the graph gets int8."""
    builder.activation(operator)
    builder.result(operator)
    reader = builder.reader(operator)
    if reader is not None:
        raise builder.refusal(
            reader, "it computes in float", "leave this layer out, or replace it by one that int8 holds"
        )
    if not builder.writes_file_output(operator):
        raise CorruptModelError(f"nothing reads what layer {builder.layer_name(operator)!r} converts to float")
    builder.strip(operator)


LAYERS: Mapping[str, Callable[[Builder, FileOperator], None]] = MappingProxyType(
    {
        "ADD": _add,
        "AVERAGE_POOL_2D": _pool(AveragePool2D),
        "CONV_2D": _conv2d,
        "DEPTHWISE_CONV_2D": _depthwise_conv2d,
        "DEQUANTIZE": _dequantize,
        "EXPAND_DIMS": _reshape,
        "FULLY_CONNECTED": _fully_connected,
        "MAX_POOL_2D": _pool(MaxPool2D),
        "MEAN": _mean,
        "PAD": _pad,
        "QUANTIZE": _quantize,
        "RESHAPE": _reshape,
        "SOFTMAX": _softmax,
        "SQUEEZE": _reshape,
    }
)


def _options(operator: FileOperator) -> Mapping[str, Any]:
    if operator.options is None:
        raise CorruptModelError(f"{operator.kind} lacks its options")
    return operator.options


def _unary(builder: Builder, operator: FileOperator) -> tuple[Tensor, Tensor]:
    """Input and output of an operator on one activation."""
    return builder.tensor(builder.activation(operator)), builder.tensor(builder.output(operator))


def _weighted(builder: Builder, operator: FileOperator, *, channel_axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """Input, weights and output."""
    source, target = _unary(builder, operator)
    return source, builder.tensor(builder.weights(operator, channel_axis)), target


def _image(builder: Builder, operator: FileOperator, tensor: Tensor) -> _Image:
    if len(tensor.shape) != 4:
        raise builder.refusal(operator, f"{tensor.name!r} has shape {tensor.shape}", "four axes work")
    batch, height, width, channels = tensor.shape
    return batch, height, width, channels


def _window(
    builder: Builder, operator: FileOperator, size: tuple[int, int], dilation: tuple[int, int]
) -> dict[str, Any]:
    """Strides and explicit padding, checked against the shape that the file gives the output."""
    source, target = _unary(builder, operator)
    image, output = _image(builder, operator, source), _image(builder, operator, target)
    options = _options(operator)
    strides = (options["StrideH"], options["StrideW"])
    same = options["Padding"] == tflite.Padding.SAME
    if not same and options["Padding"] != tflite.Padding.VALID:
        raise CorruptModelError(f"{operator.kind}: padding scheme {options['Padding']}")
    sides = []
    for axis in (0, 1):
        stride, reach = strides[axis], (size[axis] - 1) * dilation[axis] + 1
        if not (1 <= stride <= _MAX_STEP and 1 <= dilation[axis] <= _MAX_STEP):
            raise builder.refusal(operator, f"strides {strides}, dilation {dilation}", f"1 to {_MAX_STEP} work")
        length = image[1 + axis]
        expected = -(-length // stride) if same else -(-(length - reach + 1) // stride)
        if output[1 + axis] != expected:
            raise CorruptModelError(f"{operator.kind}: output {output} where input {image} gives {expected}")
        total = max((expected - 1) * stride + reach - length, 0) if same else 0
        if total // 2 > _MAX_STEP:
            raise builder.refusal(operator, f"{total} pixels of padding", f"{2 * _MAX_STEP} work")
        sides.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = sides
    return {
        "stride_height": strides[0],
        "stride_width": strides[1],
        "padding": Padding(top=top, bottom=bottom, left=left, right=right),
    }


def _limits(builder: Builder, operator: FileOperator, target: Tensor) -> dict[str, Any]:
    """The fused activation as int8 limits; the quotient is rounded to binary32 first, as in ``kernel_util.cc``."""
    function = _options(operator)["FusedActivationFunction"]
    if function not in _ACTIVATIONS:
        raise builder.refusal(operator, f"fused activation {function}", "ReLU, ReLU6 and ReLU1 work")
    limits = [-128, 127]
    for side, bound in enumerate(_ACTIVATIONS[function]):
        if bound is not None:
            steps = float(np.float32(min(abs(bound) / target.quant.scale, 512.0)))
            rounded = int(math.copysign(math.floor(steps + 0.5), bound))
            limits[side] = min(max(target.quant.zero_point + rounded, -128), 127)
    return {"activation_min": limits[0], "activation_max": limits[1]}


def _check_channels(operator: FileOperator, target: Tensor, channels: int) -> None:
    if target.shape[-1] != channels:
        raise CorruptModelError(f"{operator.kind}: {target.shape[-1]} output channels instead of {channels}")


def _check_same_quant(builder: Builder, operator: FileOperator, source: Tensor, target: Tensor) -> None:
    if source.quant != target.quant:
        raise builder.refusal(operator, "input and output differ in scale or zero point", "a newer converter may work")


def _check_accumulator(builder: Builder, operator: FileOperator, *, channel_axis: int, bias: int | None) -> None:
    """Refuse weights whose sum of products could leave int32 for some input."""
    weights = builder.tensor(builder.weights(operator, channel_axis)).data
    source = builder.tensor(builder.activation(operator))
    assert weights is not None
    largest = max(127 - source.quant.zero_point, 128 + source.quant.zero_point)
    axes = tuple(a for a in range(weights.ndim) if a != channel_axis)
    bound = np.abs(weights.astype(np.int64)).sum(axis=axes) * largest
    if bias is not None:
        bias_data = builder.tensor(bias).data
        assert bias_data is not None
        bound = bound + np.abs(bias_data.astype(np.int64))
    if int(bound.max()) > _MAX_ACCUMULATOR:
        raise builder.refusal(operator, "its accumulator can exceed 32 bits", "fewer inputs or a smaller bias work")
