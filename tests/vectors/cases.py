"""The operators that kernels.json covers: every kernel, every branch of it, and the ends of the ranges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

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
    QuantParams,
    Softmax,
    Tensor,
)

SAMPLES = 3  # random; all-low, all-high and alternating ones come on top


@dataclass(frozen=True, eq=False)
class Case:
    """One operator, the last of `graph`, and int8 inputs [n, ...] of the graph."""

    name: str
    graph: Int8Graph
    inputs: np.ndarray


def quant(scale: float, zero_point: int = 0) -> QuantParams:
    """One scale, rounded to binary32 as the file stores it."""
    return QuantParams((float(np.float32(scale)),), (zero_point,))


def activation(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
    """An activation with a batch of one."""
    return Tensor(name, (1, *shape), "int8", quant(scale, zero_point))


def weights(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    axis: int,
    scale: float,
    *,
    per_channel: bool = True,
    largest: int = 127,
) -> Tensor:
    """Random weights with a scale of about `scale` for each channel."""
    data = rng.integers(-largest, largest + 1, shape).astype(np.int8)
    count = shape[axis] if per_channel and shape[axis] > 1 else 1
    scales = tuple(float(s) for s in (scale * rng.uniform(0.5, 1.5, count)).astype(np.float32))
    return Tensor("weights", shape, "int8", QuantParams(scales, (0,) * count, axis if count > 1 else None), data)


def bias(rng: np.random.Generator, length: int, limit: int = 3000) -> Tensor:
    """Random bias."""
    data = rng.integers(-limit, limit + 1, length).astype(np.int32)
    return Tensor("bias", (length,), "int32", quant(1e-4), data)


def inputs(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Random samples, then the ends of the range."""
    drawn = rng.integers(-128, 128, (SAMPLES, *shape)).astype(np.int8)
    low, high = np.full((1, *shape), -128, np.int8), np.full((1, *shape), 127, np.int8)
    alternating = np.where(np.arange(np.prod(shape)) % 2, 127, -128).astype(np.int8).reshape(1, *shape)
    return np.concatenate([drawn, low, high, alternating])


def single(rng: np.random.Generator, name: str, op: Op, *tensors: Tensor) -> Case:
    """A graph of one op, whose input is tensor 0 and output tensor 1."""
    return Case(name, Int8Graph(tensors, (op,), 0, 1), inputs(rng, tensors[0].shape[1:]))


def same(size: int, stride: int, reach: int) -> tuple[int, int, int]:
    """Output length, padding before and after, of the scheme SAME."""
    length = -(-size // stride)
    total = max((length - 1) * stride + reach - size, 0)
    return length, total // 2, total - total // 2


def windowed(
    rng: np.random.Generator,
    name: str,
    kind: type[Op],
    shape: tuple[int, int, int],
    size: tuple[int, int],
    *,
    out: int | None = None,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    scheme: str = "VALID",
    zero_points: tuple[int, int] = (-3, 5),
    scales: tuple[float, float, float] = (0.05, 0.004, 0.06),
    limits: tuple[int, int] = (-128, 127),
    with_bias: bool = True,
    per_channel: bool = True,
    largest: int = 127,
) -> Case:
    """A convolution, depthwise convolution or pooling; `scales` are of input, weights and output."""
    sides, before, after = [], [], []
    for axis in (0, 1):
        reach = (size[axis] - 1) * dilation[axis] + 1
        valid = (-(-(shape[axis] - reach + 1) // stride[axis]), 0, 0)
        side, first, last = same(shape[axis], stride[axis], reach) if scheme == "SAME" else valid
        sides.append(side)
        before.append(first)
        after.append(last)
    channels = shape[2] if out is None else out
    pooling = kind in (AveragePool2D, MaxPool2D)
    output_quant = (scales[0], zero_points[0]) if pooling else (scales[2], zero_points[1])
    tensors = [activation("input", shape, scales[0], zero_points[0])]
    tensors.append(activation("output", (*sides, channels), *output_quant))
    fields: dict[str, Any] = {
        "name": name,
        "inputs": (0,),
        "output": 1,
        "stride_height": stride[0],
        "stride_width": stride[1],
        "padding": Padding(before[0], after[0], before[1], after[1]),
        "activation_min": limits[0],
        "activation_max": limits[1],
    }
    if pooling:
        fields |= {"filter_height": size[0], "filter_width": size[1]}
    else:
        depthwise = kind is DepthwiseConv2D
        kernel = (1, *size, channels) if depthwise else (channels, *size, shape[2])
        tensors.append(weights(rng, kernel, 3 if depthwise else 0, scales[1], per_channel=per_channel, largest=largest))
        tensors += [bias(rng, channels)] if with_bias else []
        fields |= {"weights": 2, "bias": 3 if with_bias else None}
        fields |= {"dilation_height": dilation[0], "dilation_width": dilation[1]}
        if depthwise:
            fields["depth_multiplier"] = channels // shape[2]
    return single(rng, name, kind(**fields), *tensors)


def cases() -> Iterator[Case]:
    """All cases; one generator, so that the same bytes come out each time."""
    rng = np.random.default_rng(20)
    yield from convolutions(rng)
    yield from depthwise_convolutions(rng)
    yield from fully_connected(rng)
    yield from poolings(rng)
    yield from means(rng)
    yield from additions(rng)
    yield from paddings(rng)
    yield from softmaxes(rng)


def convolutions(rng: np.random.Generator) -> Iterator[Case]:
    """Kernel sizes, strides, dilation, padding, requantization in both directions."""
    yield windowed(rng, "conv2d_1x1", Conv2D, (3, 4, 5), (1, 1), out=4)
    yield windowed(rng, "conv2d_1x1_stride", Conv2D, (5, 4, 4), (1, 1), out=3, stride=(2, 2))
    yield windowed(
        rng, "conv2d_3x3_same_relu", Conv2D, (5, 6, 3), (3, 3), out=4, scheme="SAME",
        zero_points=(-128, -128), limits=(-128, 127), scales=(1 / 255, 0.01, 0.02),
    )  # fmt: skip
    yield windowed(
        rng, "conv2d_3x3_same_stride2", Conv2D, (7, 6, 2), (3, 3), out=3, scheme="SAME", stride=(2, 2), limits=(5, 127)
    )
    yield windowed(
        rng, "conv2d_relu6", Conv2D, (4, 4, 4), (2, 2), out=2, zero_points=(7, -100), limits=(-100, -40),
        scales=(0.05, 0.002, 0.1),
    )  # fmt: skip
    yield windowed(
        rng, "conv2d_relu_n1_to_1", Conv2D, (4, 4, 4), (2, 2), out=2, zero_points=(7, 0), limits=(-50, 50),
        scales=(0.05, 0.0005, 0.02),
    )  # fmt: skip
    yield windowed(rng, "conv2d_5x3_valid_no_bias", Conv2D, (7, 5, 2), (5, 3), out=3, stride=(2, 1), with_bias=False)
    yield windowed(rng, "conv2d_dilation", Conv2D, (7, 7, 2), (3, 3), out=2, scheme="SAME", dilation=(2, 3))
    yield windowed(rng, "conv2d_one_scale", Conv2D, (4, 4, 3), (3, 3), out=4, per_channel=False)
    yield windowed(rng, "conv2d_one_filter", Conv2D, (4, 4, 3), (3, 3), out=1, scheme="SAME")
    yield windowed(
        rng,
        "conv2d_left_shift",
        Conv2D,
        (3, 3, 1),
        (1, 1),
        out=4,
        scales=(0.3, 0.4, 0.05),
        zero_points=(0, 0),
        largest=1,
        with_bias=False,
    )
    yield windowed(rng, "conv2d_tiny_multiplier", Conv2D, (3, 3, 8), (3, 3), out=4, scales=(0.001, 0.001, 0.05))
    yield windowed(
        rng, "conv2d_zero_point_low", Conv2D, (4, 4, 3), (3, 3), out=3, scheme="SAME", zero_points=(-128, 127)
    )
    yield windowed(
        rng, "conv2d_zero_point_high", Conv2D, (4, 4, 3), (3, 3), out=3, scheme="SAME", zero_points=(127, -128)
    )
    yield windowed(rng, "conv2d_row", Conv2D, (1, 9, 3), (1, 3), out=4, scheme="SAME")


def depthwise_convolutions(rng: np.random.Generator) -> Iterator[Case]:
    """Depth multipliers besides what convolutions cover."""
    yield windowed(rng, "depthwise_3x3_same", DepthwiseConv2D, (5, 5, 4), (3, 3), scheme="SAME")
    yield windowed(
        rng, "depthwise_stride2_even", DepthwiseConv2D, (6, 6, 3), (3, 3), scheme="SAME", stride=(2, 2), limits=(5, 127)
    )
    yield windowed(rng, "depthwise_multiplier2", DepthwiseConv2D, (5, 4, 3), (3, 2), out=6, stride=(2, 1))
    yield windowed(
        rng, "depthwise_multiplier8", DepthwiseConv2D, (6, 5, 1), (4, 3), out=8, scheme="SAME", stride=(2, 2)
    )
    yield windowed(
        rng, "depthwise_dilation_no_bias", DepthwiseConv2D, (6, 6, 2), (3, 3), scheme="SAME", dilation=(2, 2),
        with_bias=False, zero_points=(-128, 127),
    )  # fmt: skip
    yield windowed(rng, "depthwise_one_scale", DepthwiseConv2D, (4, 4, 4), (3, 3), per_channel=False)
    yield windowed(
        rng, "depthwise_1x1", DepthwiseConv2D, (3, 3, 5), (1, 1), scales=(0.3, 0.4, 0.05), largest=1, with_bias=False
    )


def fully_connected(rng: np.random.Generator) -> Iterator[Case]:
    """One scale and many, with and without bias."""
    for name, lengths, per_channel, with_bias, points, limits in (
        ("dense", (24, 7), True, True, (-3, 5), (-128, 127)),
        ("dense_one_scale", (33, 5), False, True, (12, -8), (-128, 127)),
        ("dense_no_bias_relu", (16, 6), True, False, (-128, -128), (-128, 127)),
        ("dense_one_output", (9, 1), True, True, (0, -20), (-20, 127)),
    ):
        source = activation("input", (lengths[0],), 0.05, points[0])
        target = activation("output", (lengths[1],), 0.11, points[1])
        tensors = [source, target, weights(rng, lengths[::-1], 0, 0.004, per_channel=per_channel)]
        tensors += [bias(rng, lengths[1])] if with_bias else []
        op = FullyConnected(
            name=name,
            inputs=(0,),
            output=1,
            weights=2,
            bias=3 if with_bias else None,
            activation_min=limits[0],
            activation_max=limits[1],
        )
        yield single(rng, name, op, *tensors)


def poolings(rng: np.random.Generator) -> Iterator[Case]:
    """Windows within the image and across its border."""
    for prefix, kind in (("average_pool", AveragePool2D), ("max_pool", MaxPool2D)):
        yield windowed(rng, f"{prefix}_2x2", kind, (5, 4, 3), (2, 2), stride=(2, 2))
        yield windowed(rng, f"{prefix}_3x3_same", kind, (5, 6, 2), (3, 3), stride=(2, 2), scheme="SAME")
        yield windowed(rng, f"{prefix}_4x4_same", kind, (5, 5, 2), (4, 4), scheme="SAME")
        yield windowed(rng, f"{prefix}_whole", kind, (5, 3, 4), (5, 3))
        yield windowed(
            rng, f"{prefix}_relu6", kind, (4, 4, 2), (2, 2), limits=(-30, 30), zero_points=(-30, 0), scales=(0.1, 0, 0)
        )


def means(rng: np.random.Generator) -> Iterator[Case]:
    """Counts that are powers of two and not, both output ranks, equal and different scales."""
    for name, shape, keep_dims, source, target in (
        ("mean_4x4", (4, 4, 5), True, (0.05, -128), (0.06, -128)),
        ("mean_7x5", (7, 5, 4), False, (0.05, 3), (0.07, -9)),
        ("mean_one_pixel", (1, 1, 6), False, (0.05, -4), (0.03, 8)),
        ("mean_same_scale", (3, 3, 4), False, (0.05, -128), (0.05, -128)),
        ("mean_same_scale_kept", (3, 3, 4), True, (0.05, 10), (0.05, 10)),
        ("mean_large_output_scale", (6, 6, 2), True, (0.001, 10), (0.02, 1)),
    ):
        rank = (1, 1, shape[2]) if keep_dims else (shape[2],)
        op = Mean(name=name, inputs=(0,), output=1, keep_dims=keep_dims)
        yield single(rng, name, op, activation("input", shape, *source), activation("output", rank, *target))


def additions(rng: np.random.Generator) -> Iterator[Case]:
    """The second operand is a convolution of the first, so that one input feeds both."""
    for name, first, second, target, limits in (
        ("add", (0.05, 3), (0.08, -7), (0.1, 2), (-128, 127)),
        ("add_saturates_relu", (0.05, -128), (0.05, -128), (0.03, -128), (-128, 127)),
        ("add_very_different", (2.0, 0), (0.001, 50), (0.5, -20), (-128, 127)),
        ("add_relu6", (0.05, 127), (0.05, -128), (0.05, -60), (-60, 60)),
    ):
        shape = (3, 4, 3)
        branch = Conv2D(name="branch", inputs=(0,), output=3, weights=2, bias=None)
        tensors = (
            activation("input", shape, *first),
            activation("output", shape, *target),
            weights(rng, (3, 1, 1, 3), 0, second[0] / first[0] / 100),
            activation("second", shape, *second),
        )
        op = Add(name=name, inputs=(0, 3), output=1, activation_min=limits[0], activation_max=limits[1])
        yield Case(name, Int8Graph(tensors, (branch, op), 0, 1), inputs(rng, shape))


def paddings(rng: np.random.Generator) -> Iterator[Case]:
    """All sides, and two of them."""
    for name, padding in (("pad_all_sides", Padding(1, 2, 3, 1)), ("pad_after", Padding(bottom=1, right=1))):
        height, width = 3 + padding.top + padding.bottom, 2 + padding.left + padding.right
        op = Pad(name=name, inputs=(0,), output=1, padding=padding)
        yield single(
            rng,
            name,
            op,
            activation("input", (3, 2, 3), 0.05, -11),
            activation("output", (height, width, 3), 0.05, -11),
        )


def softmaxes(rng: np.random.Generator) -> Iterator[Case]:
    """Flat and steep, short and long rows, several rows."""
    for name, shape, scale, beta in (
        ("softmax_10", (10,), 0.1, 1.0),
        ("softmax_steep", (12,), 1.7, 1.0),
        ("softmax_flat", (7,), 0.001, 1.0),
        ("softmax_beta", (5,), 0.05, 2.5),
        ("softmax_pair", (2,), 0.02, 1.0),
        ("softmax_long", (300,), 0.04, 1.0),
        ("softmax_rows", (2, 3, 4), 0.06, 1.0),
    ):
        op = Softmax(name=name, inputs=(0,), output=1, beta=float(np.float32(beta)))
        yield single(rng, name, op, activation("input", shape, scale, 4), activation("output", shape, 1 / 256, -128))
