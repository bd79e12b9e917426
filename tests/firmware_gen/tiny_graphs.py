"""Small networks, made by hand, that between them use every operator."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from quantize.artifact import Examples, Int8Embedding
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
from trainer.artifact import InputSpec


@dataclass
class GraphBuilder:
    """Collects tensors and ops; each method returns the index of what it added."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)

    def activation(self, *shape: int, scale: float = 0.05, zero_point: int = 0, name: str | None = None) -> int:
        quant = QuantParams((float(np.float32(scale)),), (zero_point,))
        self.tensors.append(Tensor(name or f"t{len(self.tensors)}", (1, *shape), "int8", quant))
        return len(self.tensors) - 1

    def weights(self, *shape: int, axis: int = 0) -> int:
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        scales = tuple(float(s) for s in self.rng.uniform(0.002, 0.006, shape[axis]).astype(np.float32))
        quant = QuantParams(scales, (0,) * len(scales), axis if len(scales) > 1 else None)
        self.tensors.append(Tensor(f"w{len(self.tensors)}", shape, "int8", quant, data))
        return len(self.tensors) - 1

    def bias(self, length: int) -> int:
        data = self.rng.integers(-1000, 1000, length).astype(np.int32)
        self.tensors.append(Tensor(f"b{len(self.tensors)}", (length,), "int32", QuantParams((1e-4,), (0,)), data))
        return len(self.tensors) - 1

    def op(self, kind: type[Op], output: int, *inputs: int, name: str | None = None, **options: object) -> int:
        self.ops.append(kind(name=name or f"layer {kind.__name__}", inputs=inputs, output=output, **options))
        return output

    def build(self, source: int, output: int) -> Int8Graph:
        return Int8Graph(tuple(self.tensors), tuple(self.ops), source, output)


def tiny_conv(*, name: str = "conv") -> Int8Graph:
    """Convolutions, both poolings, a sum of two branches, padding, a mean and a dense layer: 8x8x1 -> 4."""
    g = GraphBuilder()
    one = Padding(1, 1, 1, 1)
    source = g.activation(8, 8, 1, scale=1 / 255, zero_point=-128)
    a = g.activation(8, 8, 3, zero_point=-128)
    g.op(Conv2D, a, source, name=name, weights=g.weights(3, 3, 3, 1), bias=g.bias(3), padding=one)
    b = g.activation(8, 8, 6, zero_point=3)
    weights = g.weights(1, 3, 3, 6, axis=3)
    g.op(DepthwiseConv2D, b, a, weights=weights, bias=g.bias(6), padding=one, depth_multiplier=2)
    c = g.activation(8, 8, 6, zero_point=-5, scale=0.04)
    g.op(Conv2D, c, b, weights=g.weights(6, 1, 1, 6), bias=None, activation_min=-5)
    d = g.activation(8, 8, 6, zero_point=1, scale=0.06)
    g.op(Add, d, c, b)
    e = g.activation(4, 4, 6, zero_point=1, scale=0.06)
    g.op(MaxPool2D, e, d, filter_height=2, filter_width=2, stride_height=2, stride_width=2)
    f = g.activation(7, 6, 6, zero_point=1, scale=0.06)
    g.op(Pad, f, e, padding=Padding(1, 2, 0, 2))
    h = g.activation(3, 3, 6, zero_point=1, scale=0.06)
    g.op(AveragePool2D, h, f, filter_height=3, filter_width=2, stride_height=2, stride_width=2)
    m = g.activation(6, zero_point=0, scale=0.05)
    g.op(Mean, m, h, keep_dims=False)
    n = g.activation(4, zero_point=7, scale=0.04)
    g.op(FullyConnected, n, m, weights=g.weights(4, 6), bias=g.bias(4))
    return g.build(source, n)


def tiny_dense(*, outputs: int = 5) -> Int8Graph:
    """A reshape, dense layers and a softmax: 3x2x2 -> `outputs`."""
    g = GraphBuilder()
    source = g.activation(3, 2, 2, scale=1 / 255, zero_point=-128)
    flat = g.op(Reshape, g.activation(12, scale=1 / 255, zero_point=-128), source)
    hidden = g.activation(8, scale=0.02, zero_point=-128)
    g.op(FullyConnected, hidden, flat, weights=g.weights(8, 12), bias=g.bias(8), activation_min=-128)
    logits = g.activation(outputs, scale=0.1, zero_point=4)
    g.op(FullyConnected, logits, hidden, weights=g.weights(outputs, 8), bias=g.bias(outputs))
    return g.build(source, g.op(Softmax, g.activation(outputs, scale=1 / 256, zero_point=-128), logits))


def reshape_only() -> Int8Graph:
    """A network whose output is its input under another shape."""
    g = GraphBuilder()
    source = g.activation(2, 2, 3)
    return g.build(source, g.op(Reshape, g.activation(12), source))


def tiny_embedding(graph: Int8Graph, *, examples: int = 8, dtype: type = np.uint8) -> Int8Embedding:
    """Wrap a graph, with that many random examples of each of six classes, or none."""
    height, width, channels = graph.input_tensor.shape[1:]
    rng = np.random.default_rng(3)
    low = np.iinfo(dtype).min
    inputs = rng.integers(low, low + 256, (6 * examples, height, width, channels)).astype(dtype)
    labels = np.repeat(np.arange(6), examples)
    names = tuple(f"class {i}" for i in range(6))
    return Int8Embedding(
        graph=graph,
        input=InputSpec((height, width, channels)),
        examples=Examples(inputs, labels, names) if examples else None,
    )


LEARNERS = ("prototypical", "siamese", "matching", "anil", "maml")
"""The device's learners by name; of the two heads, anil starts from prototypes here and maml from a learned row."""


def identity(length: int, *, zero_point: int = 0, scale: float = 0.05) -> Int8Graph:
    """A network whose embedding is its input of `length` values."""
    g = GraphBuilder()
    source = g.activation(1, 1, length, zero_point=zero_point, scale=scale)
    return g.build(source, g.op(Reshape, g.activation(length, zero_point=zero_point, scale=scale), source))


def taught_by(embedding: Int8Embedding, learner: str, *, steps: int = 4) -> Int8Embedding:
    """The embedding as if trained for one of `LEARNERS`, with values that the learner might have learned."""
    length = embedding.embedding_len
    rates: dict[str, Any] = {"weight_rates": [0.3, 0.1], "bias_rates": [0.2, -0.05]}
    row = np.random.default_rng(11).normal(size=length).tolist()
    learned: dict[str, dict[str, Any]] = {
        "siamese": {"same_distance": 40 * 40 * length},
        "matching": {"temperature": 23.5},
        "anil": {**rates, "init_scale": 0.25},
        "maml": {**rates, "initial_weights": row, "initial_bias": -0.75},
    }
    options = {"anil": {"head": "prototypes", "adapt_steps": steps}, "maml": {"head": "learned", "adapt_steps": steps}}
    return replace(
        embedding, learner=learner, learner_options=options.get(learner, {}), learned=learned.get(learner, {})
    )


def random_graph(seed: int, *, steps: int = 40) -> Int8Graph:
    """A long chain of random operators with random shapes, strides, paddings and dilations, and sums across layers."""
    rng = np.random.default_rng(seed)
    g = GraphBuilder(rng=rng)
    source = current = g.activation(9, 8, 3, scale=0.02, zero_point=int(rng.integers(-128, 128)))
    images = [source]
    for _ in range(steps):
        current = _random_step(g, current, [t for t in images if g.tensors[t].shape == g.tensors[current].shape])
        images.append(current)
    mean = g.op(Mean, g.activation(g.tensors[current].shape[3], scale=0.03), current, keep_dims=False)
    logits = g.activation(11, scale=0.05, zero_point=3)
    g.op(FullyConnected, logits, mean, weights=g.weights(11, g.tensors[mean].shape[1]), bias=None)
    return g.build(source, logits)


def _random_step(g: GraphBuilder, current: int, peers: list[int]) -> int:
    """One more operator on the image `current`; its output has at least 3x3 pixels."""
    rng = g.rng
    _, height, width, channels = g.tensors[current].shape
    quant = {"scale": float(rng.uniform(0.02, 0.05)), "zero_point": int(rng.integers(-128, 128))}
    kinds = ["pad", "softmax"] if min(height, width) < 5 else ["conv", "depthwise", "average", "max", "pad"]
    kind = rng.choice([*kinds, "add"])
    if kind == "add":
        return g.op(Add, g.activation(height, width, channels, **quant), current, int(rng.choice(peers)))
    if kind == "softmax":
        return g.op(Softmax, g.activation(height, width, channels, scale=1 / 256, zero_point=-128), current)
    top, bottom, left, right = (int(n) for n in rng.integers(0, 3, 4))
    same = {"scale": g.tensors[current].quant.scale, "zero_point": g.tensors[current].quant.zero_point}
    if kind == "pad":
        output = g.activation(height + top + bottom + 1, width + left + right, channels, **same)
        return g.op(Pad, output, current, padding=Padding(top, bottom + 1, left, right))
    window = {"padding": Padding(min(top, 1), min(bottom, 1), min(left, 1), min(right, 1))}
    rows, columns = (int(n) for n in rng.integers(2, 4, 2))
    window["stride_height"] = int(rng.integers(1, 3)) if height > 7 else 1
    window["activation_max"] = int(rng.integers(50, 128))
    pooled = kind in {"average", "max"}
    window["dilation_width"] = dilation = 1 if pooled or width < 7 else int(rng.integers(1, 3))
    out_height = (height + min(top, 1) + min(bottom, 1) - rows) // window["stride_height"] + 1
    out_width = width + min(left, 1) + min(right, 1) - dilation * (columns - 1)
    if pooled:
        del window["dilation_width"]
        output = g.activation(out_height, out_width, channels, **same)
        operator = AveragePool2D if kind == "average" else MaxPool2D
        return g.op(operator, output, current, filter_height=rows, filter_width=columns, **window)
    if kind == "depthwise":
        factor = 2 if channels < 4 else 1
        weights = g.weights(1, rows, columns, channels * factor, axis=3)
        output = g.activation(out_height, out_width, channels * factor, **quant)
        bias = g.bias(channels * factor)
        return g.op(DepthwiseConv2D, output, current, weights=weights, bias=bias, depth_multiplier=factor, **window)
    outputs = int(rng.integers(1, 9))
    output = g.activation(out_height, out_width, outputs, **quant)
    bias = g.bias(outputs) if rng.integers(2) else None
    return g.op(Conv2D, output, current, weights=g.weights(outputs, rows, columns, channels), bias=bias, **window)
