"""What the templates show: an `Int8Graph` and its memory plan as lines of C, layer by layer.

Symbols are ``layer<number>`` after the operator's position in the graph; the model's own names stand in comments only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from firmware_gen.c_literals import CType, array, comment, integer
from firmware_gen.initialisers import WINDOW_OF_ONE, axis_of, braced, image_shape, shape_of, window_of
from firmware_gen.lowering import LoweredOp
from firmware_gen.lowering.channels import Channels
from firmware_gen.lowering.dsp import DspAdd, DspConv, DspDense, DspDepthwise, DspMaxPool
from firmware_gen.lowering.helium import HeliumConv, HeliumDense, HeliumDepthwise, HeliumOp, HeliumPlain
from firmware_gen.lowering.scalar import ScalarConv, ScalarDepthwise, ScalarOp
from firmware_gen.plan import MemoryPlan
from quantize.errors import UnsupportedModelError
from quantize.fixed_point import add_params, mean_params, requantization, softmax_params
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
    Reshape,
    Softmax,
    Tensor,
)

Fields = list[tuple[str, str]]

_MAX_LEN = 2**31 - 1
_WEIGHT_TYPES: Mapping[str, CType] = MappingProxyType({"int8": "int8_t", "uint8": "uint8_t", "uint32": "uint32_t"})


@dataclass(frozen=True)
class ConstantView:
    """An array of the generated source: ``static const ctype name[len] = {text};``."""

    ctype: str
    name: str
    len: str
    text: str
    size_bytes: int


@dataclass(frozen=True)
class LayerView:
    """One layer: its constants, its parameters as a struct of type `struct`, and the call that runs it.

    `comment` stands above the constants, `remark` beside the call.
    """

    number: int
    comment: str
    constants: tuple[ConstantView, ...]
    struct: str
    symbol: str
    fields: tuple[tuple[str, str], ...]
    call: str
    remark: str


def layers(graph: Int8Graph, plan: MemoryPlan, lowered: Sequence[LoweredOp | None] = ()) -> list[LayerView]:
    """Describe every operator that has code of its own, in execution order.

    Constants with the same bytes are emitted once, at the first layer that needs them.

    Parameters
    ----------
    graph : Int8Graph
    plan : MemoryPlan
    lowered : sequence of LoweredOp or None
        One for each op (see `firmware_gen.lowering`); where there is none, the portable kernel runs.

    Raises
    ------
    UnsupportedModelError
        If a layer's shape or window does not fit the runtime's fields, or an operator is unknown.
    """
    pool: dict[tuple[str, bytes], str] = {}
    prepared = lowered or (None,) * len(graph.ops)
    writers = (
        _Layer(graph, plan, step, pool, prepared[step])
        for step, op in enumerate(graph.ops)
        if not isinstance(op, Reshape)
    )
    return [writer.view() for writer in writers]


class _Layer:
    """Collects what one operator needs; `pool` maps constants to the symbols that hold them already."""

    def __init__(
        self,
        graph: Int8Graph,
        plan: MemoryPlan,
        step: int,
        pool: dict[tuple[str, bytes], str],
        lowered: LoweredOp | None,
    ) -> None:
        self.graph, self.plan, self.pool, self.lowered = graph, plan, pool, lowered
        self.op = graph.ops[step]
        self.symbol = f"layer{step + 1}"
        self.number = step + 1
        self.constants: list[ConstantView] = []

    def view(self) -> LayerView:
        op, output = self.op, self.graph.tensors[self.op.output]
        try:
            for tensor in (output, *(self.graph.tensors[i] for i in op.inputs)):
                if tensor.size > _MAX_LEN:
                    raise OverflowError(f"{tensor.size} elements do not fit 31 bits")
            struct, function, fields = self._describe_lowered(op) if self.lowered else self._describe(op)
            operands = ", ".join([f"&{self.symbol}", *self._operands(op)])
        except OverflowError as error:
            raise UnsupportedModelError.at(
                type(op).__name__, op.name, str(error), "the runtime takes axes up to 65535, strides and padding to 255"
            ) from error
        inputs = ", ".join(_shape_text(self.graph.tensors[i]) for i in op.inputs)
        return LayerView(
            number=self.number,
            comment=f"{type(op).__name__} {comment(op.name)}: {inputs} -> {_shape_text(output)}",
            constants=tuple(self.constants),
            struct=struct,
            symbol=self.symbol,
            fields=tuple(fields),
            call=f"{function}({operands});",
            remark=comment(op.name, limit=40),
        )

    def _describe(self, op: Op) -> tuple[str, str, Fields]:
        """Type and function in the runtime, and the struct's fields."""
        match op:
            case Conv2D():
                struct, function, fields = "conv", "conv2d", self._conv(op, 1)
            case DepthwiseConv2D():
                struct, function, fields = "conv", "depthwise_conv2d", self._conv(op, op.depth_multiplier)
            case FullyConnected():
                struct, function, fields = "dense", "fully_connected", self._dense(op)
            case AveragePool2D():
                struct, function, fields = "pool", "average_pool2d", self._pool(op)
            case MaxPool2D():
                struct, function, fields = "pool", "max_pool2d", self._pool(op)
            case Mean():
                struct, function, fields = "mean", "mean_hw", self._mean(op)
            case Add():
                struct, function, fields = "add", "elementwise_add", self._add(op)
            case Pad():
                struct, function, fields = "pad", "pad_hw", self._pad(op)
            case Softmax():
                struct, function, fields = "softmax", "softmax_rows", self._softmax(op)
            case _:
                raise UnsupportedModelError.at(type(op).__name__, op.name, "no kernel in the runtime", "leave it out")
        return f"kshot_{struct}_s8", f"kshot_{function}_s8", fields

    def _describe_lowered(self, op: Op) -> tuple[str, str, Fields]:
        """The same for a kernel of another set."""
        match op, self.lowered:
            case _, DspAdd() | DspMaxPool() | HeliumPlain():
                plain_struct, plain_function, fields = self._describe(op)
                return plain_struct, plain_function.replace("kshot_", f"kshot_{self._set}_", 1), fields
            case Conv2D() | FullyConnected(), DspConv() | ScalarConv() | HeliumConv() as conv:
                pointwise = isinstance(conv, HeliumConv) and conv.is_pointwise
                struct, fields = "conv", self._lowered_conv(op, conv)
                function = "pointwise_conv2d" if pointwise else "conv2d"
            case FullyConnected(), DspDense() | HeliumDense() as dense:
                struct, function, fields = "dense", "fully_connected", self._lowered_dense(op, dense)
            case DepthwiseConv2D(), DspDepthwise() | ScalarDepthwise() | HeliumDepthwise() as depthwise:
                struct, function, fields = "depthwise", "depthwise3x3", self._lowered_depthwise(op, depthwise)
            case _:
                raise TypeError(f"{type(op).__name__} was lowered to {type(self.lowered).__name__}")
        return f"kshot_{self._set}_{struct}_s8", f"kshot_{self._set}_{function}_s8", fields

    @property
    def _set(self) -> str:
        if isinstance(self.lowered, HeliumOp):
            return "helium"
        return "scalar" if isinstance(self.lowered, ScalarOp) else "dsp"

    def _lowered_conv(self, op: Conv2D | FullyConnected, conv: DspConv | ScalarConv | HeliumConv) -> Fields:
        if isinstance(op, Conv2D):
            height, width = self.graph.tensors[op.weights].shape[1:3]
            window = window_of(op, height, width, op.dilation_height, op.dilation_width)
            geometry = [*self._image_shapes(), ("window", window)]
        else:  # whatever shape its input has, it is one pixel
            ends = (("input", op.inputs[0]), ("output", op.output))
            shapes = [(name, shape_of(height=1, width=1, channels=self.graph.tensors[i].size)) for name, i in ends]
            geometry = [*shapes, ("window", WINDOW_OF_ONE)]
        if not isinstance(conv, HeliumConv):
            geometry.append(("quads", integer(conv.quads, "uint16_t")))
        return [
            *geometry,
            self._input_zero_point(op),
            *self._lowered_outputs(op),
            ("weights", self._packed(conv.weights)),
            ("channels", self._channels(conv.channels)),
        ]

    def _lowered_dense(self, op: FullyConnected, dense: DspDense | HeliumDense) -> Fields:
        outputs, inputs = self.graph.tensors[op.weights].shape
        return [
            ("input_len", integer(inputs, "uint32_t")),
            ("output_len", integer(outputs, "uint32_t")),
            *self._lowered_outputs(op),
            ("weights", self._packed(dense.weights)),
            ("channels", self._channels(dense.channels)),
        ]

    def _lowered_depthwise(
        self, op: DepthwiseConv2D, depthwise: DspDepthwise | ScalarDepthwise | HeliumDepthwise
    ) -> Fields:
        return [
            ("channels", integer(len(depthwise.weights), "uint16_t")),
            ("outer", axis_of(depthwise.lines.outer)),
            ("inner", axis_of(depthwise.lines.inner)),
            self._input_zero_point(op),
            *self._lowered_outputs(op),
            ("weights", self._constant("weights", "int8_t", depthwise.weights)),
            ("groups", self._channels(depthwise.channels)),
        ]

    def _input_zero_point(self, op: Op) -> tuple[str, str]:
        return "input_zero_point", integer(self.graph.tensors[op.inputs[0]].quant.zero_point, "int8_t")

    def _lowered_outputs(self, op: Conv2D | DepthwiseConv2D | FullyConnected) -> Fields:
        zero_point = self.graph.tensors[op.output].quant.zero_point
        if isinstance(self.lowered, HeliumOp):
            return [("output_zero_point", integer(zero_point, "int8_t")), *_clamp(op)]
        return [*_clamp(op), ("rounding", integer(2 * zero_point + 1, "int16_t"))]

    def _packed(self, weights: npt.NDArray[np.generic]) -> str:
        return self._constant("weights", _WEIGHT_TYPES[weights.dtype.name], weights)

    def _channels(self, channels: Channels) -> str:
        ctype = f"kshot_{self._set}_channels"
        key = (ctype, b"".join(part.tobytes() for part in vars(channels).values()))
        if key not in self.pool:
            self.pool[key] = f"{self.symbol}_channels"
            rows = zip(channels.start.tolist(), channels.multiplier.tolist(), channels.shift.tolist(), strict=True)
            text = "\n".join(f"    {{{', '.join(braced(part) for part in row)}}}," for row in rows)
            size = sum(part.nbytes for part in vars(channels).values())
            count = str(len(channels.start))
            self.constants.append(ConstantView(ctype, self.pool[key], count, text, size))
        return self.pool[key]

    def _conv(self, op: Conv2D | DepthwiseConv2D, depth_multiplier: int) -> Fields:
        height, width = self.graph.tensors[op.weights].shape[1:3]
        return [
            *self._image_shapes(),
            ("window", window_of(op, height, width, op.dilation_height, op.dilation_width)),
            *self._zero_points(),
            *_clamp(op),
            ("depth_multiplier", integer(depth_multiplier, "uint16_t")),
            *self._weights(op),
        ]

    def _dense(self, op: FullyConnected) -> Fields:
        outputs, inputs = self.graph.tensors[op.weights].shape
        return [
            ("input_len", integer(inputs, "uint32_t")),
            ("output_len", integer(outputs, "uint32_t")),
            *self._zero_points(),
            *_clamp(op),
            *self._weights(op),
        ]

    def _weights(self, op: Conv2D | DepthwiseConv2D | FullyConnected) -> Fields:
        scaling = requantization(self.graph, op)
        weights = self._constant("weights", "int8_t", _data(self.graph.tensors[op.weights]))
        bias = "NULL" if op.bias is None else self._constant("bias", "int32_t", _data(self.graph.tensors[op.bias]))
        return [
            ("weights", weights),
            ("bias", bias),
            ("requantization.multiplier", self._constant("multiplier", "int32_t", scaling.multiplier)),
            ("requantization.shift", self._constant("shift", "int8_t", scaling.shift)),
        ]

    def _pool(self, op: AveragePool2D | MaxPool2D) -> Fields:
        return [
            *self._image_shapes(),
            ("window", window_of(op, op.filter_height, op.filter_width, 1, 1)),
            *_clamp(op),
        ]

    def _mean(self, op: Mean) -> Fields:
        params = mean_params(self.graph, op)
        return [
            self._image_shapes()[0],
            *self._zero_points(),
            ("multiplier", integer(params.multiplier)),
            ("shift", integer(params.shift, "int8_t")),
        ]

    def _add(self, op: Add) -> Fields:
        params = add_params(self.graph, op)
        first, second = (self.graph.tensors[i].quant.zero_point for i in op.inputs)
        return [
            ("len", integer(self.graph.tensors[op.output].size, "uint32_t")),
            ("input1_zero_point", integer(first, "int16_t")),
            ("input2_zero_point", integer(second, "int16_t")),
            self._zero_points()[1],
            ("input1_shift", integer(params.input1_shift, "int8_t")),
            ("input2_shift", integer(params.input2_shift, "int8_t")),
            ("output_shift", integer(params.output_shift, "int8_t")),
            ("left_shift", integer(params.left_shift, "int8_t")),
            ("input1_multiplier", integer(params.input1_multiplier)),
            ("input2_multiplier", integer(params.input2_multiplier)),
            ("output_multiplier", integer(params.output_multiplier)),
            *_clamp(op),
        ]

    def _pad(self, op: Pad) -> Fields:
        return [
            *self._image_shapes(),
            ("pad_top", integer(op.padding.top, "uint16_t")),
            ("pad_left", integer(op.padding.left, "uint16_t")),
            ("zero_point", integer(self.graph.tensors[op.output].quant.zero_point, "int8_t")),
        ]

    def _softmax(self, op: Softmax) -> Fields:
        params = softmax_params(self.graph, op)
        tensor = self.graph.tensors[op.inputs[0]]
        return [
            ("rows", integer(tensor.size // tensor.shape[-1], "uint32_t")),
            ("row_len", integer(tensor.shape[-1], "uint32_t")),
            ("multiplier", integer(params.multiplier)),
            ("left_shift", integer(params.left_shift, "int8_t")),
            ("diff_min", integer(params.diff_min)),
        ]

    def _image_shapes(self) -> Fields:
        ends = (("input", self.op.inputs[0]), ("output", self.op.output))
        return [(name, image_shape(self.graph.tensors[tensor])) for name, tensor in ends]

    def _zero_points(self) -> Fields:
        ends = (("input", self.op.inputs[0]), ("output", self.op.output))
        return [(f"{n}_zero_point", integer(self.graph.tensors[t].quant.zero_point, "int16_t")) for n, t in ends]

    def _operands(self, op: Op) -> Iterator[str]:
        yield from (self._operand(index) for index in (*op.inputs, op.output))
        if self.lowered and self.lowered.scratch_bytes:
            yield _at("memory", self.plan.scratch_of(self.number - 1).offset)

    def _operand(self, index: int) -> str:
        """C expression for the start of an activation."""
        tensor = self.graph.tensors[index]
        if tensor.data is not None:
            return self._constant(f"operand{self.op.inputs.index(index) + 1}", "int8_t", tensor.data)
        buffer = self.plan.buffer_of(index)
        base = {"input": "input", "output": "embedding", "arena": "memory"}[buffer.place]
        return _at(base, buffer.offset)

    def _constant(self, role: str, ctype: CType, values: npt.NDArray[np.generic]) -> str:
        key = (ctype, values.tobytes())
        if key not in self.pool:
            self.pool[key] = f"{self.symbol}_{role}"
            size = " * ".join(map(str, values.shape))
            self.constants.append(ConstantView(ctype, self.pool[key], size, array(values, ctype), values.nbytes))
        return self.pool[key]


def _at(base: str, offset: int) -> str:
    return f"{base} + {offset}" if offset else base


def _data(tensor: Tensor) -> npt.NDArray[np.generic]:
    if tensor.data is None:
        raise ValueError(f"{tensor.name}: weights and biases must be constants")
    return tensor.data


def _shape_text(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape[1:])) or "1"


def _clamp(
    op: Conv2D | DepthwiseConv2D | FullyConnected | AveragePool2D | MaxPool2D | Add,
) -> Iterator[tuple[str, str]]:
    yield "activation_min", integer(op.activation_min, "int8_t")
    yield "activation_max", integer(op.activation_max, "int8_t")
