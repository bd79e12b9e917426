"""The bytes of a .tflite file as plain, bounded values: the only module that knows flatbuffers.

A model file is not trusted. FlatBuffers' Python accessors check no offset, but a read outside the buffer raises; all
such errors become `CorruptModelError` in `parse`. Counts are bounded before anything is looped over or copied, so that
the work is bounded by the size of the file. What the first subgraph means is the business of `from_tflite`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from quantize.errors import CorruptModelError, UnsupportedModelError

MAX_FILE_BYTES = 64 << 20
MAX_TENSORS = 4096
MAX_OPERATORS = 4096
MAX_OPERANDS = 16
MAX_RANK = 6
MAX_ELEMENTS = 1 << 24
MAX_SCALES = 1 << 20  # of all tensors together
_NAME_LEN = 200
_NAME_LIMIT = 1 << 16
_TENSOR_NAME_SLOT = 10  # offsets in the tables' vtables, fixed by the schema
_CUSTOM_CODE_SLOT = 6

_IDENTIFIER = b"TFL3"
_BuiltinOption = int | float | bool


def _names_of(enumeration: type) -> Mapping[int, str]:
    return MappingProxyType({v: k for k, v in vars(enumeration).items() if isinstance(v, int)})


_OPERATORS = _names_of(tflite.BuiltinOperator)
_TYPES = _names_of(tflite.TensorType)

_Table = tuple[int, type, tuple[str, ...]]

_CONVOLUTION = ("Padding", "StrideH", "StrideW", "DilationHFactor", "DilationWFactor", "FusedActivationFunction")
_POOL: _Table = (
    tflite.BuiltinOptions.Pool2DOptions,
    tflite.Pool2DOptions,
    ("Padding", "StrideH", "StrideW", "FilterHeight", "FilterWidth", "FusedActivationFunction"),
)
# The options that a kernel depends on: number of the table in the schema's union, its class, and the fields.
_OPTIONS: Mapping[str, _Table] = MappingProxyType(
    {
        "ADD": (tflite.BuiltinOptions.AddOptions, tflite.AddOptions, ("FusedActivationFunction",)),
        "AVERAGE_POOL_2D": _POOL,
        "CONV_2D": (tflite.BuiltinOptions.Conv2DOptions, tflite.Conv2DOptions, _CONVOLUTION),
        "DEPTHWISE_CONV_2D": (
            tflite.BuiltinOptions.DepthwiseConv2DOptions,
            tflite.DepthwiseConv2DOptions,
            _CONVOLUTION,
        ),
        "FULLY_CONNECTED": (
            tflite.BuiltinOptions.FullyConnectedOptions,
            tflite.FullyConnectedOptions,
            ("FusedActivationFunction", "WeightsFormat"),
        ),
        "MAX_POOL_2D": _POOL,
        "SOFTMAX": (tflite.BuiltinOptions.SoftmaxOptions, tflite.SoftmaxOptions, ("Beta",)),
    }
)


@dataclass(frozen=True, eq=False)
class FileTensor:
    """A tensor as stored.

    Attributes
    ----------
    name : str
        Printable, at most 200 characters.
    shape : tuple of int
        Not negative; a dynamic batch reads 1.
    type : str
        Name in the schema, as ``"INT8"``.
    scales : float32 [s], zero_points : int64 [s]
        Empty where the tensor is not quantized.
    axis : int
        What `scales` run along where there are several.
    data : uint8 [bytes] or None
        Little-endian contents of a constant.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    scales: npt.NDArray[np.float32]
    zero_points: npt.NDArray[np.int64]
    axis: int
    data: npt.NDArray[np.uint8] | None


@dataclass(frozen=True)
class FileOperator:
    """An operator as stored: the schema's name, tensor indices (-1: none), and the options that kernels depend on."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, _BuiltinOption] | None = field(hash=False)


@dataclass(frozen=True, eq=False)
class FileModel:
    """The first subgraph of a file; every tensor index is within `tensors`, or -1 for an operand left out."""

    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def parse(content: bytes) -> FileModel:
    """Read a .tflite file.

    Raises
    ------
    CorruptModelError
        If the file is no .tflite, ends too early, or points outside itself.
    UnsupportedModelError
        If it is larger than a microcontroller's model can be, or uses a part of the format that kshot does not read.
    """
    if len(content) > MAX_FILE_BYTES:
        raise UnsupportedModelError(f"the file has {len(content):,} bytes; kshot reads models of up to 64 MiB")
    if content[4:8] != _IDENTIFIER:
        raise CorruptModelError("this is no .tflite file: its identifier TFL3 is missing")
    try:
        return _Parser(content).model()
    except (struct.error, IndexError, TypeError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, CorruptModelError | UnsupportedModelError):
            raise
        raise CorruptModelError(f"the file is damaged or cut short: {error}") from error


class _Parser:
    """One pass over one file; holds the budget of scales that all tensors share."""

    def __init__(self, content: bytes) -> None:
        self._model = tflite.Model.GetRootAs(content, 0)
        self._scales_left = MAX_SCALES

    def model(self) -> FileModel:
        if self._model.Version() != 3:
            raise UnsupportedModelError(f"schema version {self._model.Version()}; version 3 works")
        if self._model.SubgraphsLength() != 1:
            raise UnsupportedModelError(
                f"{self._model.SubgraphsLength()} subgraphs; a model without control flow has one and works"
            )
        graph = self._model.Subgraphs(0)
        tensor_count = _bounded(graph.TensorsLength(), MAX_TENSORS, "tensors")
        operator_count = _bounded(graph.OperatorsLength(), MAX_OPERATORS, "operators")
        return FileModel(
            tensors=tuple(self._tensor(graph.Tensors(i)) for i in range(tensor_count)),
            operators=tuple(self._operator(graph.Operators(i), tensor_count) for i in range(operator_count)),
            inputs=_indices(graph.InputsLength, graph.Inputs, tensor_count),
            outputs=_indices(graph.OutputsLength, graph.Outputs, tensor_count),
        )

    def _tensor(self, tensor: Any) -> FileTensor:
        name = _text(tensor, _TENSOR_NAME_SLOT)
        rank = _bounded(tensor.ShapeLength(), MAX_RANK, f"axes of {name}")
        shape = [int(tensor.Shape(i)) for i in range(rank)]
        if shape and shape[0] == -1:
            shape[0] = 1
        if any(n < 0 for n in shape):
            raise CorruptModelError(f"{name}: a negative axis in shape {shape}")
        if math.prod(shape) > MAX_ELEMENTS:
            raise UnsupportedModelError(f"{name}: {math.prod(shape):,} elements; up to {MAX_ELEMENTS:,} work")
        if tensor.Sparsity() is not None:
            raise UnsupportedModelError(f"{name}: stored sparsely; convert the model without sparsity")
        scales, zero_points, axis = self._quantization(tensor.Quantization(), name)
        return FileTensor(
            name=name,
            shape=tuple(shape),
            type=_TYPES.get(tensor.Type(), f"type {tensor.Type()}"),
            scales=scales,
            zero_points=zero_points,
            axis=axis,
            data=self._data(tensor.Buffer(), name),
        )

    def _quantization(self, quantization: Any, name: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], int]:
        count = 0 if quantization is None else int(quantization.ScaleLength())
        if count == 0:
            return np.zeros(0, np.float32), np.zeros(0, np.int64), 0
        self._scales_left -= count
        if self._scales_left < 0:
            raise UnsupportedModelError(f"{name}: the file holds more than {MAX_SCALES:,} scales")
        zero_points = np.zeros(count, np.int64)
        if quantization.ZeroPointLength():
            if quantization.ZeroPointLength() != count:
                raise CorruptModelError(f"{name}: {count} scales beside {quantization.ZeroPointLength()} zero points")
            zero_points = np.array(quantization.ZeroPointAsNumpy(), np.int64)
        return np.array(quantization.ScaleAsNumpy(), np.float32), zero_points, int(quantization.QuantizedDimension())

    def _data(self, index: int, name: str) -> npt.NDArray[np.uint8] | None:
        if index >= self._model.BuffersLength():
            raise CorruptModelError(f"{name}: its buffer {index} does not exist")
        buffer = self._model.Buffers(index)
        if buffer.Offset() > 1:
            raise UnsupportedModelError(f"{name}: stored outside the flatbuffer, as in files over 2 GB")
        if index == 0 or buffer.DataLength() == 0:
            return None
        data: npt.NDArray[np.uint8] = buffer.DataAsNumpy()
        return data

    def _operator(self, operator: Any, tensor_count: int) -> FileOperator:
        code_index = operator.OpcodeIndex()
        if code_index >= self._model.OperatorCodesLength():
            raise CorruptModelError(f"operator code {code_index} does not exist")
        code = self._model.OperatorCodes(code_index)
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind = _OPERATORS.get(number, f"operator {number}")
        if kind == "CUSTOM":
            kind = f"custom operator {_text(code, _CUSTOM_CODE_SLOT)}"
        return FileOperator(
            kind=kind,
            inputs=_indices(operator.InputsLength, operator.Inputs, tensor_count),
            outputs=_indices(operator.OutputsLength, operator.Outputs, tensor_count),
            options=_options(kind, operator),
        )


def _options(kind: str, operator: Any) -> Mapping[str, _BuiltinOption] | None:
    """The options that matter by their names in the schema; None where there are none, or those of another operator."""
    table = operator.BuiltinOptions()
    if kind not in _OPTIONS or table is None:
        return None
    number, make, names = _OPTIONS[kind]
    if operator.BuiltinOptionsType() != number:
        return None
    options = make()
    options.Init(table.Bytes, table.Pos)
    return {name: getattr(options, name)() for name in names}


def _bounded(count: int, limit: int, what: str) -> int:
    if count > limit:
        raise UnsupportedModelError(f"{count:,} {what}; up to {limit:,} work")
    return count


def _indices(length: Callable[[], int], item: Callable[[int], int], tensor_count: int) -> tuple[int, ...]:
    indices = tuple(int(item(i)) for i in range(_bounded(length(), MAX_OPERANDS, "operands of one operator")))
    if any(not -1 <= i < tensor_count for i in indices):
        raise CorruptModelError(f"operands {indices} where the file has {tensor_count} tensors")
    return indices


def _text(table: Any, slot: int) -> str:
    """A string of a table, cut to a length and to printable characters; the length is bounded before it is copied."""
    offset = table._tab.Offset(slot)
    if not offset:
        return "(unnamed)"
    if table._tab.VectorLen(offset) > _NAME_LIMIT:
        raise CorruptModelError(f"a name of {table._tab.VectorLen(offset):,} bytes")
    text = table._tab.String(offset + table._tab.Pos).decode("utf-8", errors="replace")
    return "".join(c if c.isprintable() else "?" for c in text[:_NAME_LEN]) or "(unnamed)"
