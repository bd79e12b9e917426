"""`Int8Graph`: a full-integer network as data, in the order in which it runs.

Every activation has shape ``[1, ...]`` (a batch of one) and dtype int8; weights are int8, biases int32. Real value =
``scale * (q - zero_point)``. Layouts are TensorFlow Lite's: activations NHWC, convolution weights OHWI, depthwise
weights ``[1, h, w, channels]``, fully connected weights ``[outputs, inputs]``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

DTypeName = Literal["int8", "int32"]
_LIMITS: dict[DTypeName, tuple[int, int]] = {"int8": (-128, 127), "int32": (-(2**31), 2**31 - 1)}


@dataclass(frozen=True)
class QuantParams:
    """Affine quantization of one tensor.

    Attributes
    ----------
    scales : tuple of float
        One positive binary32 value, or one per slice along `axis`.
    zero_points : tuple of int
        As many as `scales`, within the tensor's dtype.
    axis : int or None
        The axis that `scales` run along; None when one scale serves the whole tensor.

    Raises
    ------
    ValueError
        If a scale is not finite and positive, or the counts differ.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None

    def __post_init__(self) -> None:
        if not self.scales or len(self.scales) != len(self.zero_points):
            raise ValueError(f"{len(self.scales)} scales beside {len(self.zero_points)} zero points")
        if self.axis is None and len(self.scales) != 1:
            raise ValueError("several scales need an axis")
        if not all(math.isfinite(s) and s > 0 for s in self.scales):
            raise ValueError("a scale is not finite and positive")

    @property
    def scale(self) -> float:
        """The single scale of a per-tensor quantization."""
        if len(self.scales) != 1:
            raise ValueError("this tensor has a scale per channel")
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The single zero point of a per-tensor quantization."""
        if len(self.zero_points) != 1:
            raise ValueError("this tensor has a zero point per channel")
        return self.zero_points[0]


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor: an activation, or a constant when `data` is given.

    Attributes
    ----------
    name : str
        As the model names it; for people only, never an identifier or a path.
    shape : tuple of int
        All positive; activations begin with the batch of 1.
    dtype : {"int8", "int32"}
    quant : QuantParams
    data : ndarray or None
        Read-only constant of `shape` and `dtype`.

    Raises
    ------
    ValueError
        If shape, data or zero points contradict each other.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DTypeName
    quant: QuantParams
    data: npt.NDArray[np.int8] | npt.NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        low, high = _LIMITS[self.dtype]
        if any(n < 1 for n in self.shape):
            raise ValueError(f"{self.name}: shape {self.shape} has an empty axis")
        if any(not low <= z <= high for z in self.quant.zero_points):
            raise ValueError(f"{self.name}: a zero point lies outside {self.dtype}")
        axis = self.quant.axis
        if axis is not None and (not 0 <= axis < len(self.shape) or self.shape[axis] != len(self.quant.scales)):
            raise ValueError(f"{self.name}: {len(self.quant.scales)} scales do not fit axis {axis}")
        if self.data is not None:
            if self.data.shape != self.shape or self.data.dtype != np.dtype(self.dtype):
                raise ValueError(f"{self.name}: data are {self.data.dtype}{self.data.shape}")
            self.data.setflags(write=False)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Padding:
    """Rows and columns of padding around an image, in pixels."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


@dataclass(frozen=True, kw_only=True)
class Op:
    """One operator; `inputs` and `output` index `Int8Graph.tensors`.

    `name` is the layer's name in the model it came from.
    """

    name: str
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True, kw_only=True)
class _Window:
    """What slides over an image: strides and dilation in pixels, explicit padding."""

    stride_height: int = 1
    stride_width: int = 1
    padding: Padding = Padding()


@dataclass(frozen=True, kw_only=True)
class _Clamped:
    """The fused activation, as int8 limits on the output."""

    activation_min: int = -128
    activation_max: int = 127


@dataclass(frozen=True, kw_only=True)
class Conv2D(_Window, _Clamped, Op):
    """Convolution; weights ``[out, height, width, in]``, bias int32 ``[out]`` or None."""

    weights: int
    bias: int | None
    dilation_height: int = 1
    dilation_width: int = 1


@dataclass(frozen=True, kw_only=True)
class DepthwiseConv2D(_Window, _Clamped, Op):
    """Depthwise convolution; weights ``[1, height, width, in * depth_multiplier]``."""

    weights: int
    bias: int | None
    depth_multiplier: int = 1
    dilation_height: int = 1
    dilation_width: int = 1


@dataclass(frozen=True, kw_only=True)
class FullyConnected(_Clamped, Op):
    """Dense layer; weights ``[out, in]``, the input flattened to ``[1, in]``."""

    weights: int
    bias: int | None


@dataclass(frozen=True, kw_only=True)
class AveragePool2D(_Window, _Clamped, Op):
    """Mean over a window, padding excluded from the count."""

    filter_height: int
    filter_width: int


@dataclass(frozen=True, kw_only=True)
class MaxPool2D(_Window, _Clamped, Op):
    """Maximum over a window."""

    filter_height: int
    filter_width: int


@dataclass(frozen=True, kw_only=True)
class Mean(Op):
    """Mean over the image axes 1 and 2 of an NHWC tensor (global average pooling)."""

    keep_dims: bool


@dataclass(frozen=True, kw_only=True)
class Add(_Clamped, Op):
    """Sum of two activations of one shape."""


@dataclass(frozen=True, kw_only=True)
class Pad(Op):
    """Padding of height and width with the zero point."""

    padding: Padding


@dataclass(frozen=True, kw_only=True)
class Reshape(Op):
    """The same bytes under another shape."""


@dataclass(frozen=True, kw_only=True)
class Softmax(Op):
    """Softmax over the last axis; output scale 1/256, zero point -128."""

    beta: float = 1.0


@dataclass(frozen=True, eq=False)
class Int8Graph:
    """A chain of int8 operators from one input to one output.

    Attributes
    ----------
    tensors : tuple of Tensor
    ops : tuple of Op
        In execution order: an op reads only the input, constants and outputs of earlier ops.
    input, output : int
        Indices into `tensors`, both int8 with a batch of 1 and one scale.

    Raises
    ------
    ValueError
        If an index is out of range, an operand is missing when its op runs, or a tensor is written twice.
    """

    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    input: int
    output: int

    def __post_init__(self) -> None:
        count = len(self.tensors)
        ready = {self.input} | {i for i, t in enumerate(self.tensors) if t.data is not None}
        for op in self.ops:
            operands = tuple(_operands(op))
            if not all(0 <= i < count for i in (*operands, op.output)):
                raise ValueError(f"{op.name}: names a tensor that does not exist")
            missing = [self.tensors[i].name for i in operands if i not in ready]
            if missing:
                raise ValueError(f"{op.name}: runs before {missing[0]} is computed")
            if op.output in ready:
                raise ValueError(f"{op.name}: writes {self.tensors[op.output].name} a second time")
            ready.add(op.output)
        if self.output not in ready:
            raise ValueError("no op writes the output")
        for end in (self.input, self.output):
            tensor = self.tensors[end]
            if tensor.dtype != "int8" or tensor.shape[0] != 1 or tensor.quant.axis is not None:
                raise ValueError(f"{tensor.name}: the graph's ends are int8 with a batch of 1 and one scale")

    @property
    def input_tensor(self) -> Tensor:
        """The tensor that the caller fills."""
        return self.tensors[self.input]

    @property
    def output_tensor(self) -> Tensor:
        """The tensor that holds the result."""
        return self.tensors[self.output]

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 over everything that decides a result: ops, shapes, quantization and constants; no names."""
        digest = hashlib.sha256(b"kshot-int8-graph-1")
        for tensor in self.tensors:
            quant = tensor.quant
            head = (tensor.shape, tensor.dtype, [s.hex() for s in quant.scales], quant.zero_points, quant.axis)
            digest.update(json.dumps([head, tensor.data is not None]).encode())
            if tensor.data is not None:
                digest.update(tensor.data.astype(tensor.data.dtype.newbyteorder("<")).tobytes())
        for op in self.ops:
            body = {f.name: getattr(op, f.name) for f in fields(op) if f.name != "name"}
            body = {k: asdict(v) if isinstance(v, Padding) else v for k, v in body.items()}
            digest.update(json.dumps([type(op).__name__, body], sort_keys=True).encode())
        digest.update(json.dumps([self.input, self.output]).encode())
        return digest.digest()


def _operands(op: Op) -> Iterator[int]:
    """Every tensor that `op` reads: activations, then weights and bias."""
    yield from op.inputs
    for field in ("weights", "bias"):
        index = getattr(op, field, None)
        if index is not None:
            yield index
