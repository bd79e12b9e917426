"""Valid small int8 graphs that nobody chose: odd shapes, extreme scales, every operator, branches that meet again.

A graph depends on its seed and number alone. It is made as an `Int8Graph`, written as a .tflite file and read back, so
that what follows knows only what a converter could have told it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from quantize.errors import UnsupportedModelError
from quantize.from_tflite import read_tflite
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
    Reshape,
    Softmax,
    Tensor,
)
from quantize.tflite_writer import write_tflite

INPUTS = 3  # a graph

_MAX_CHANNELS = 130
_MAX_ACTIVATION = 2048
_MAX_WEIGHTS = 20_000
_MAX_MACS = 200_000
_ACTIVATIONS: tuple[tuple[float | None, float | None], ...] = ((None, None), (0.0, None), (-1.0, 1.0), (0.0, 6.0))


@dataclass(frozen=True, eq=False)
class RandomGraph:
    """One graph, the file that holds it, and what it is run on.

    Attributes
    ----------
    name : str
        ``seed-number``: what `random_graph` makes it from again.
    model : bytes
        The .tflite file.
    graph : Int8Graph
        The file as it is imported.
    inputs : int8 [INPUTS, ...]
    """

    name: str
    model: bytes
    graph: Int8Graph
    inputs: npt.NDArray[np.int8]


def random_graph(seed: int, number: int) -> RandomGraph:
    """Make graph `number` of `seed`."""
    rng = np.random.default_rng([seed, number])
    while True:
        try:
            graph = _Draft(rng).graph()
            model = write_tflite(graph)
            graph = read_tflite(model)
        except UnsupportedModelError:  # a sum beyond 32 bits, say: no converter's graph
            continue
        return RandomGraph(f"{seed}-{number}", model, graph, _inputs(rng, graph.input_tensor.shape[1:]))


def _inputs(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
    """A random input, one of values close together, one of the ends of the range."""
    middle = int(rng.integers(-100, 100))
    extremes = (np.full(shape, -128), np.full(shape, 127), rng.choice([-128, 127], shape))
    drawn = (rng.integers(-128, 128, shape), rng.integers(middle - 20, middle + 20, shape), extremes[rng.integers(3)])
    inputs: npt.NDArray[np.int8] = np.stack(drawn).astype(np.int8)
    return inputs


@dataclass
class _Draft:
    """Tensors and ops so far; each step adds an op that reads `current` and makes its output current."""

    rng: np.random.Generator
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    activations: list[int] = field(default_factory=list)

    @property
    def current(self) -> int:
        return self.activations[-1]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the current activation, without the batch."""
        return self.tensors[self.current].shape[1:]

    def graph(self) -> Int8Graph:
        """A chain of one to eight ops, most often of few, with branches."""
        while True:
            self.tensors, self.ops, self.activations = [], [], []
            self._activation(self._first_shape(), self._quant())
            for _ in range(1 + min(int(self.rng.geometric(0.35)), 7)):
                kinds = _IMAGE_STEPS if len(self.shape) == 3 else _ROW_STEPS
                names = list(kinds)
                odds = np.array([_ODDS[name] for name in names])
                kinds[self.rng.choice(names, p=odds / odds.sum())](self)
            if self.ops:
                return Int8Graph(tuple(self.tensors), tuple(self.ops), self.activations[0], self.current)

    # Draws

    def _chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def _channels(self, limit: int) -> int:
        """1 to 130, small ones and multiples of four more often."""
        limit = max(1, min(limit, _MAX_CHANNELS))
        width = int(self.rng.choice([4, 8, 16, 32, 64, _MAX_CHANNELS], p=[0.2, 0.25, 0.25, 0.15, 0.1, 0.05]))
        count = int(self.rng.integers(1, width + 1))
        return min(-(-count // 4) * 4 if self._chance(0.45) else count, limit)

    def _first_shape(self) -> tuple[int, ...]:
        if self._chance(0.12):
            return (self._channels(_MAX_CHANNELS),)
        channels = int(self.rng.choice([1, 2, 3])) if self._chance(0.35) else self._channels(_MAX_CHANNELS)
        longest = max(1, min(28, int((_MAX_ACTIVATION / channels) ** 0.5)))
        height, width = (int(n) for n in self.rng.integers(1, longest + 1, 2))
        if self._chance(0.12):
            height, width = (1, min(height * width, 200)) if self._chance(0.5) else (min(height * width, 200), 1)
        return height, width, channels

    def _quant(self) -> QuantParams:
        """Scales as of trained networks, or from 1e-6 to 1e4; zero points at either end more often."""
        low, high = (-6, 4) if self._chance(0.15) else (-2.5, -0.3)
        zero_point = self.rng.choice([-128, 127, int(self.rng.integers(-128, 128))], p=[0.3, 0.15, 0.55])
        return _quant(10.0 ** self.rng.uniform(low, high), int(zero_point))

    def _limits(self, quant: QuantParams) -> dict[str, int]:
        """A fused activation in the output's units."""
        bounds = _ACTIVATIONS[self.rng.choice(4, p=[0.5, 0.25, 0.1, 0.15])]
        low, high = (
            default if bound is None else int(np.clip(quant.zero_point + np.round(bound / quant.scale), -128, 127))
            for bound, default in zip(bounds, (-128, 127), strict=True)
        )
        return {"activation_min": low, "activation_max": high}

    # Tensors

    def _tensor(self, shape: tuple[int, ...], quant: QuantParams, data: npt.NDArray[Any] | None = None) -> int:
        dtype = "int32" if data is not None and data.dtype == np.int32 else "int8"
        self.tensors.append(Tensor(f"t{len(self.tensors)}", shape, dtype, quant, data))  # type: ignore[arg-type]
        return len(self.tensors) - 1

    def _activation(self, shape: tuple[int, ...], quant: QuantParams) -> int:
        self.activations.append(self._tensor((1, *shape), quant))
        return self.current

    def _weights(self, shape: tuple[int, ...], axis: int, output: QuantParams) -> dict[str, int | None]:
        """Weights and bias whose sums, rescaled, mostly spread over the output's range."""
        source = self.tensors[self.current].quant
        channels, taps = shape[axis], int(np.prod(shape)) // shape[axis]
        largest = int(self.rng.choice([127, 127, 127, 20, 1]))
        data = self.rng.integers(-largest, largest + 1, shape)
        if self._chance(0.1):
            data = self.rng.choice([-128, -127, 127], shape)
        if self._chance(0.1):
            data = np.where(self.rng.random(shape) < 0.7, 0, data)
        spread = max(float(data.std()), 0.5) * 74 * taps**0.5
        multiplier = 40 / spread * 2.0 ** self.rng.uniform(-2, 2)
        if self._chance(0.1):
            multiplier = 2.0 ** self.rng.uniform(-34, 4)
        count = channels if channels > 1 and self._chance(0.8) else 1
        each = self.rng.uniform(0.5, 1.5, count)
        if self._chance(0.1):
            each = 2.0 ** self.rng.uniform(-8, 3, count)
        scales = tuple(float(s) for s in (multiplier * output.scale / source.scale * each).astype(np.float32))
        quant = QuantParams(scales, (0,) * count, axis if count > 1 else None)
        return {
            "weights": self._tensor(shape, quant, data.astype(np.int8)),
            "bias": None if self._chance(0.2) else self._bias(channels, spread, quant),
        }

    def _bias(self, channels: int, spread: float, weights: QuantParams) -> int:
        """Of the size of the sums; now and then as large as int32 holds, as converters write for dead filters."""
        data = self.rng.normal(0, spread, channels).round()
        if self._chance(0.1):
            data = np.where(self.rng.random(channels) < 0.3, self.rng.choice([-(2**30), 2**30]), data)
        source = self.tensors[self.current].quant.scale
        scales = tuple(float(np.float32(source * scale)) for scale in weights.scales)
        quant = QuantParams(scales, (0,) * len(scales), 0 if len(scales) > 1 else None)
        return self._tensor((channels,), quant, np.clip(data, -(2**31), 2**31 - 1).astype(np.int32))

    # Steps

    def _add_op(self, kind: type[Op], shape: tuple[int, ...], quant: QuantParams, **options: Any) -> None:
        inputs = options.pop("inputs", (self.current,))
        output = self._activation(shape, quant)
        self.ops.append(kind(name=f"t{output}", inputs=inputs, output=output, **options))

    def _window(self, largest: int) -> tuple[tuple[int, int], dict[str, int]]:
        """Size and strides of a window that fits the image: most often square, sometimes along one axis."""
        height, width, _ = self.shape
        side = int(self.rng.choice([1, 3, 3, 2, 5, largest]))
        size = [side, side] if self._chance(0.7) else [int(n) for n in self.rng.integers(1, largest + 1, 2)]
        if self._chance(0.1):
            size[self.rng.integers(2)] = 1
        strides = [1, 1] if self._chance(0.5) else [int(self.rng.integers(1, 4))] * 2
        if self._chance(0.1):
            strides = [int(n) for n in self.rng.integers(1, 6, 2)]
        rows, columns = min(size[0], height + 2), min(size[1], width + 2)
        return (rows, columns), {"stride_height": strides[0], "stride_width": strides[1]}

    def _slide(self, size: tuple[int, int], options: dict[str, int]) -> tuple[int, int, Padding] | None:
        """Output height, width and padding of one of the two schemes; None where VALID leaves no output."""
        same = self._chance(0.6)
        sides = []
        for axis, name in enumerate(("height", "width")):
            stride, reach = options[f"stride_{name}"], (size[axis] - 1) * options.get(f"dilation_{name}", 1) + 1
            length = self.shape[axis]
            count = -(-length // stride) if same else -(-(length - reach + 1) // stride)
            if count < 1:
                return None
            total = max((count - 1) * stride + reach - length, 0) if same else 0
            sides.append((count, total // 2, total - total // 2))
        (height, top, bottom), (width, left, right) = sides
        return height, width, Padding(top=top, bottom=bottom, left=left, right=right)

    def conv(self) -> None:
        """A convolution, dilated or not."""
        self._convolve(depthwise=False)

    def depthwise(self) -> None:
        """A depthwise convolution, with a multiplier or not."""
        self._convolve(depthwise=True)

    def _convolve(self, *, depthwise: bool) -> None:
        size, options = self._window(7)
        strided = max(options.values()) > 1
        dilation = [1, 1] if strided or self._chance(0.8) else [int(n) for n in self.rng.integers(1, 4, 2)]
        options |= {"dilation_height": dilation[0], "dilation_width": dilation[1]}
        slid = self._slide(size, options)
        if slid is None:
            return
        height, width, padding = slid
        channels, taps = self.shape[2], size[0] * size[1]
        if depthwise:
            factor = 1 if self._chance(0.75) else int(self.rng.integers(1, 1 + min(8, _MAX_CHANNELS // channels)))
            outputs, shape, axis = channels * factor, (1, *size, channels * factor), 3
            options["depth_multiplier"] = factor
        else:
            room = min(_MAX_WEIGHTS // (taps * channels), _MAX_MACS // (taps * channels * height * width))
            outputs = self._channels(room)
            shape, axis = (outputs, *size, channels), 0
        if height * width * outputs > _MAX_ACTIVATION or height * width * taps * outputs > _MAX_MACS:
            return
        quant = self._quant()
        options |= self._limits(quant)
        weights = self._weights(shape, axis, quant)
        kind: type[Op] = DepthwiseConv2D if depthwise else Conv2D
        self._add_op(kind, (height, width, outputs), quant, padding=padding, **options, **weights)

    def pool(self) -> None:
        """Mean or maximum under a window, or over the whole image."""
        size, options = self._window(5)
        if self._chance(0.15):
            size = self.shape[0], self.shape[1]
        slid = self._slide(size, options)
        if slid is None:
            return
        quant = self.tensors[self.current].quant
        options |= {"filter_height": size[0], "filter_width": size[1], **self._limits(quant)}
        kind: type[Op] = AveragePool2D if self._chance(0.5) else MaxPool2D
        self._add_op(kind, (slid[0], slid[1], self.shape[2]), quant, padding=slid[2], **options)

    def mean(self) -> None:
        """Global average pooling, to the same scale or another."""
        keep = self._chance(0.5)
        source = self.tensors[self.current].quant
        quant = source
        if self._chance(0.7):
            quant = _quant(source.scale * 2.0 ** self.rng.uniform(-4, 2), int(self.rng.integers(-128, 128)))
        self._add_op(Mean, (1, 1, self.shape[2]) if keep else (self.shape[2],), quant, keep_dims=keep)

    def dense(self) -> None:
        """A dense layer, whose input may be an image."""
        inputs = int(np.prod(self.shape))
        outputs = self._channels(_MAX_WEIGHTS // inputs)
        quant = self._quant()
        limits = self._limits(quant)
        self._add_op(FullyConnected, (outputs,), quant, **limits, **self._weights((outputs, inputs), 0, quant))

    def add(self) -> None:
        """A sum with an earlier activation of this shape, or with the current one itself."""
        same = [i for i in self.activations if self.tensors[i].shape[1:] == self.shape]
        other = int(self.rng.choice(same))
        inputs = (self.current, other) if self._chance(0.5) else (other, self.current)
        largest = max(self.tensors[i].quant.scale for i in inputs)
        quant = _quant(largest * 2.0 ** self.rng.uniform(-3, 3), self._quant().zero_point)
        self._add_op(Add, self.shape, quant, inputs=inputs, **self._limits(quant))

    def pad(self) -> None:
        """Zero points around the image, as many on each side as it comes."""
        top, bottom, left, right = (int(n) for n in self.rng.integers(0, 4, 4))
        height, width, channels = self.shape
        shape = (height + top + bottom, width + left + right, channels)
        if np.prod(shape) <= _MAX_ACTIVATION:
            padding = Padding(top=top, bottom=bottom, left=left, right=right)
            self._add_op(Pad, shape, self.tensors[self.current].quant, padding=padding)

    def reshape(self) -> None:
        """A row, or an image with other sides."""
        size = int(np.prod(self.shape))
        sides = [n for n in range(1, min(size, _MAX_CHANNELS) + 1) if size % n == 0]
        channels = int(self.rng.choice(sides))
        rows = [n for n in range(1, size // channels + 1) if size // channels % n == 0]
        height = int(self.rng.choice(rows))
        image = (height, size // channels // height, channels)
        self._add_op(Reshape, (size,) if self._chance(0.4) else image, self.tensors[self.current].quant)

    def softmax(self) -> None:
        """Softmax over the last axis."""
        beta = 1.0 if self._chance(0.7) else float(np.float32(self.rng.uniform(0.2, 4)))
        self._add_op(Softmax, self.shape, _quant(1 / 256, -128), beta=beta)


_ROW_STEPS: Mapping[str, Callable[[_Draft], None]] = MappingProxyType(
    {"dense": _Draft.dense, "add": _Draft.add, "reshape": _Draft.reshape, "softmax": _Draft.softmax}
)
_IMAGE_STEPS: Mapping[str, Callable[[_Draft], None]] = MappingProxyType(
    {
        **_ROW_STEPS,
        "conv": _Draft.conv,
        "depthwise": _Draft.depthwise,
        "pool": _Draft.pool,
        "mean": _Draft.mean,
        "pad": _Draft.pad,
    }
)
_ODDS: Mapping[str, float] = MappingProxyType(
    {"conv": 30, "depthwise": 22, "pool": 10, "add": 12, "mean": 4, "dense": 8, "pad": 5, "reshape": 3, "softmax": 2}
)


def _quant(scale: float, zero_point: int) -> QuantParams:
    """One scale, rounded to binary32 as the file stores it."""
    return QuantParams((float(np.float32(scale)),), (zero_point,))
