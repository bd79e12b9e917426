"""What lowering a .tflite file collects: tensors and ops, numbered as they are first used.

The builder hands an operator its operands, checked for type, quantization and batch; what the operator computes with
them is the business of `layers`.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from quantize.errors import CorruptModelError, UnsupportedModelError
from quantize.graph import DTypeName, Int8Graph, Op, QuantParams, Tensor
from quantize.tflite_file import FileModel, FileOperator, FileTensor

_Integer = TypeVar("_Integer", np.int8, np.int32)

MAX_SIDE = 65535  # kshot_shape
_CONVERT = "convert the model with full-integer int8 quantization (inference_input_type and output_type int8)"
_FIXED_BATCH = "convert the model with a fixed batch of 1"


class Builder:
    """Collects tensors and ops while the operators of one file are read in order.

    Tensors are numbered as they are first used. A stripped operator leaves an alias from its output to its input.
    """

    def __init__(self, model: FileModel) -> None:
        self._model = model
        self._tensors: list[Tensor] = []
        self._index: dict[int, int] = {}
        self._alias: dict[int, int] = {}
        self._ops: list[Op] = []
        self._input = model.inputs[0]
        self._output = model.outputs[0]

    def graph(self) -> Int8Graph:
        """Everything collected, from the file's input to its output."""
        if not self._ops:
            raise UnsupportedModelError("the model has no operator that computes anything; one with layers works")
        return Int8Graph(
            tensors=tuple(self._tensors),
            ops=tuple(self._ops),
            input=self._index.get(self._input, len(self._tensors)),
            output=self._index.get(self._alias.get(self._output, self._output), len(self._tensors)),
        )

    def layer_name(self, operator: FileOperator) -> str:
        """The name of the first layer that was fused into `operator`; the output tensor carries it."""
        if not operator.outputs or operator.outputs[0] < 0:
            return "(unnamed)"
        return self._model.tensors[operator.outputs[0]].name.split(";")[0]

    def operand(self, operator: FileOperator, position: int) -> FileTensor:
        """The file's tensor behind an operand that must be there."""
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            raise CorruptModelError(f"{operator.kind} in layer {self.layer_name(operator)!r} lacks operand {position}")
        return self._model.tensors[operator.inputs[position]]

    def result(self, operator: FileOperator) -> FileTensor:
        """The file's tensor behind the one output that every operator here has."""
        if len(operator.outputs) != 1 or operator.outputs[0] < 0:
            raise CorruptModelError(f"{operator.kind} has {len(operator.outputs)} outputs instead of one")
        return self._model.tensors[operator.outputs[0]]

    def activation(self, operator: FileOperator, position: int = 0) -> int:
        """An operand computed by earlier operators, as a graph index."""
        tensor = self.operand(operator, position)
        if tensor.data is not None:
            raise self.refusal(operator, f"operand {tensor.name!r} is a constant", "two computed operands work")
        self._check_int8(operator, tensor)
        file_index = operator.inputs[position]
        return self._add(self._alias.get(file_index, file_index), tensor, None)

    def output(self, operator: FileOperator) -> int:
        """The operator's output, as a graph index."""
        tensor = self.result(operator)
        if tensor.data is not None:
            raise CorruptModelError(f"{operator.kind} writes the constant {tensor.name!r}")
        self._check_int8(operator, tensor)
        return self._add(operator.outputs[0], tensor, None)

    def weights(self, operator: FileOperator, channel_axis: int) -> int:
        """Operand 1 as symmetric int8 weights, per tensor or per channel of `channel_axis`."""
        tensor = self.operand(operator, 1)
        if tensor.data is None or tensor.type != "INT8" or tensor.scales.size == 0:
            raise self.refusal(operator, f"its weights are {tensor.type}, not constant int8", _CONVERT)
        if np.any(tensor.zero_points):
            raise self.refusal(operator, "its weights have a zero point", "symmetric weights work")
        if tensor.scales.size > 1 and tensor.axis != channel_axis:
            raise self.refusal(
                operator, f"its weights have scales along axis {tensor.axis}", f"axis {channel_axis} works"
            )
        return self._add(operator.inputs[1], tensor, constant(tensor, np.int8))

    def bias(self, operator: FileOperator, channels: int) -> int | None:
        """Operand 2 as int32 bias, or None."""
        if len(operator.inputs) < 3 or operator.inputs[2] < 0:
            return None
        tensor = self.operand(operator, 2)
        if tensor.data is None or tensor.type != "INT32":
            raise self.refusal(operator, f"its bias is {tensor.type}, not constant int32", _CONVERT)
        if tensor.shape != (channels,):
            raise CorruptModelError(f"{tensor.name}: a bias of shape {tensor.shape} for {channels} channels")
        if np.any(tensor.zero_points):
            raise self.refusal(operator, "its bias has a zero point", "symmetric bias works")
        return self._add(operator.inputs[2], tensor, constant(tensor, np.int32))

    def strip(self, operator: FileOperator) -> None:
        """Let the operator's output stand for its input."""
        source = operator.inputs[0]
        self._alias[operator.outputs[0]] = self._alias.get(source, source)

    def begin_after(self, operator: FileOperator) -> None:
        """Let the graph begin at the output of `operator`, which reads the file's input."""
        self._input = operator.outputs[0]

    def reads_file_input(self, operator: FileOperator) -> bool:
        """Whether the first operand is the file's input."""
        return operator.inputs[:1] == self._model.inputs

    def writes_file_output(self, operator: FileOperator) -> bool:
        """Whether the output is the file's."""
        return operator.outputs == self._model.outputs

    def reader(self, operator: FileOperator) -> FileOperator | None:
        """The first operator that reads the output of `operator`."""
        return next((other for other in self._model.operators if operator.outputs[0] in other.inputs), None)

    def append(self, op: Op) -> None:
        """Add an op to the graph."""
        self._ops.append(op)

    def tensor(self, index: int) -> Tensor:
        """A tensor that was added before."""
        return self._tensors[index]

    def refusal(self, operator: FileOperator, why: str, remedy: str) -> UnsupportedModelError:
        """The error that names operator and layer."""
        return UnsupportedModelError.at(operator.kind, self.layer_name(operator), why, remedy)

    def _check_int8(self, operator: FileOperator, tensor: FileTensor) -> None:
        if tensor.type != "INT8" or tensor.scales.size != 1:
            kind = tensor.type if tensor.scales.size else f"{tensor.type} without quantization"
            raise self.refusal(operator, f"{tensor.name!r} is {kind}, not int8 with one scale", _CONVERT)
        if not tensor.shape or tensor.shape[0] != 1:
            raise self.refusal(operator, f"{tensor.name!r} has shape {tensor.shape}", _FIXED_BATCH)
        if any(not 1 <= n <= MAX_SIDE for n in tensor.shape[:-1]):
            raise self.refusal(operator, f"{tensor.name!r} has shape {tensor.shape}", f"sides of 1 to {MAX_SIDE} work")

    def _add(
        self, file_index: int, tensor: FileTensor, data: npt.NDArray[np.int8] | npt.NDArray[np.int32] | None
    ) -> int:
        if file_index not in self._index:
            self._index[file_index] = len(self._tensors)
            dtype: DTypeName = "int32" if tensor.type == "INT32" else "int8"
            self._tensors.append(Tensor(tensor.name, tensor.shape, dtype, _quant(tensor), data))
        return self._index[file_index]


def constant(tensor: FileTensor, dtype: type[_Integer]) -> npt.NDArray[_Integer]:
    """The stored bytes as an array of the tensor's shape.

    Raises
    ------
    CorruptModelError
        If there are none, or not as many as the shape asks for.
    """
    width = np.dtype(dtype).itemsize
    count = int(np.prod(tensor.shape, dtype=np.int64))
    if tensor.data is None or tensor.data.size != count * width or count == 0:
        size = 0 if tensor.data is None else tensor.data.size
        raise CorruptModelError(f"{tensor.name}: {size} bytes of data for shape {tensor.shape}")
    stored = np.frombuffer(tensor.data.tobytes(), np.dtype(dtype).newbyteorder("<"))
    return stored.astype(dtype).reshape(tensor.shape)


def _quant(tensor: FileTensor) -> QuantParams:
    """Scales and zero points as the graph holds them; a bias without any reads as plain integers."""
    if tensor.scales.size == 0:
        return QuantParams((1.0,), (0,))
    return QuantParams(
        scales=tuple(float(s) for s in tensor.scales),
        zero_points=tuple(int(z) for z in tensor.zero_points),
        axis=tensor.axis if tensor.scales.size > 1 else None,
    )
