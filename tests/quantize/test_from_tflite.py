"""Import of .tflite files: what is accepted means the same, what is refused says why, nothing hangs or crashes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vectors import cases

from quantize import reference
from quantize.errors import CorruptModelError, ModelError, UnsupportedModelError
from quantize.from_tflite import read_tflite
from quantize.graph import Reshape
from quantize.tflite_writer import pack, schema, to_model, write_tflite

CASES = {case.name: case for case in cases.cases()}
FILES = [write_tflite(case.graph) for case in CASES.values()]


def _model(name: str) -> Any:
    return to_model(CASES[name].graph)


@pytest.mark.parametrize("name", CASES)
def test_a_written_graph_reads_back(name: str) -> None:
    """Writing a graph and importing it gives a graph that computes the same, op for op."""
    case = CASES[name]
    again = read_tflite(write_tflite(case.graph))
    assert [type(op) for op in again.ops] == [type(op) for op in case.graph.ops]
    np.testing.assert_array_equal(reference.run(again, case.inputs), reference.run(case.graph, case.inputs))


def test_names_do_not_change_the_fingerprint() -> None:
    """The fingerprint covers what decides a result; tensor names do not, weights do."""
    model = _model("conv2d_1x1")
    plain = read_tflite(pack(model)).fingerprint
    model.subgraphs[0].tensors[1].name = "another name"
    assert read_tflite(pack(model)).fingerprint == plain
    model.buffers[1].data = model.buffers[1].data ^ np.uint8(1)
    assert read_tflite(pack(model)).fingerprint != plain


def test_the_layer_is_the_first_of_the_fused_names() -> None:
    """Operators carry the name of their output tensor up to the first semicolon, without control characters."""
    model = _model("conv2d_1x1")
    model.subgraphs[0].tensors[1].name = "block1/conv\n;block1/relu"
    assert read_tflite(pack(model)).ops[0].name == "block1/conv?"


def test_a_dynamic_batch_is_one() -> None:
    """A batch of -1 in the stored shape reads 1."""
    model = _model("dense")
    for tensor in model.subgraphs[0].tensors[:2]:
        tensor.shape = [-1, *tensor.shape[1:]]
    assert read_tflite(pack(model)).input_tensor.shape == (1, 24)


def test_an_omitted_bias_is_none() -> None:
    """An operand of -1 is a bias left out."""
    model = _model("conv2d_1x1")
    model.subgraphs[0].operators[0].inputs = [0, 2, -1]
    assert read_tflite(pack(model)).ops[0].bias is None


def _append(model: Any, kind: int, inputs: list[int], output: Any) -> None:
    graph = model.subgraphs[0]
    graph.tensors.append(output)
    model.operatorCodes.append(schema.OperatorCodeT(builtinCode=kind, deprecatedBuiltinCode=min(kind, 127), version=1))
    operator = schema.OperatorT(
        opcodeIndex=len(model.operatorCodes) - 1, inputs=inputs, outputs=[len(graph.tensors) - 1]
    )
    graph.operators.append(operator)


def _float_tensor(like: Any) -> Any:
    return schema.TensorT(shape=like.shape, type=schema.TensorType.FLOAT32, name="float")


def test_float_ends_are_stripped() -> None:
    """QUANTIZE of a float input and DEQUANTIZE of the output leave the int8 network between them."""
    plain = read_tflite(FILES[0])
    model = _model("conv2d_1x1")
    graph = model.subgraphs[0]
    _append(model, schema.BuiltinOperator.DEQUANTIZE, [1], _float_tensor(graph.tensors[1]))
    graph.outputs = [len(graph.tensors) - 1]
    graph.tensors.append(_float_tensor(graph.tensors[0]))
    graph.inputs = [len(graph.tensors) - 1]
    code = schema.BuiltinOperator.QUANTIZE
    model.operatorCodes.append(schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code, version=1))
    first = schema.OperatorT(opcodeIndex=len(model.operatorCodes) - 1, inputs=graph.inputs, outputs=[0])
    graph.operators.insert(0, first)
    stripped = read_tflite(pack(model))
    inputs = CASES["conv2d_1x1"].inputs
    np.testing.assert_array_equal(reference.run(stripped, inputs), reference.run(plain, inputs))
    assert len(stripped.ops) == 1


def test_reshapes_stay_only_where_the_shape_changes() -> None:
    """A reshape to the same shape leaves no trace; one to another shape is kept."""
    model = _model("dense")
    tensors = model.subgraphs[0].tensors
    _append(model, schema.BuiltinOperator.RESHAPE, [1], schema.TensorT(**{**vars(tensors[1]), "name": "same"}))
    model.subgraphs[0].outputs = [len(tensors) - 1]
    assert len(read_tflite(pack(model)).ops) == 1
    tensors[-1].shape = [1, 7, 1]
    assert isinstance(read_tflite(pack(model)).ops[-1], Reshape)


def _set(path: str, value: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        *steps, last = path.split(".")
        target = model.subgraphs[0]
        for step in steps:
            target = target[int(step)] if step.isdigit() else getattr(target, step)
        setattr(target, last, value)

    return change


REFUSED: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "float weights": ("conv2d_1x1", _set("tensors.2.type", 0), "convert the model with full-integer"),
    "int16 activation": ("conv2d_1x1", _set("tensors.0.type", 7), "is INT16"),
    "batch": ("conv2d_1x1", _set("tensors.0.shape", [2, 3, 4, 5]), "fixed batch of 1"),
    "groups": ("conv2d_1x1", _set("tensors.0.shape", [1, 3, 4, 10]), "groups"),
    "weights zero point": ("dense", _set("tensors.2.quantization.zeroPoint", [1] * 7), "zero point"),
    "scale axis": ("conv2d_1x1", _set("tensors.2.quantization.quantizedDimension", 3), "axis"),
    "tanh": ("conv2d_1x1", _set("operators.0.builtinOptions.fusedActivationFunction", 4), "activation"),
    "shuffled weights": ("dense", _set("operators.0.builtinOptions.weightsFormat", 1), "shuffled"),
    "softmax scale": ("softmax_10", _set("tensors.1.quantization.scale", [0.01]), "1/256"),
    "softmax beta": ("softmax_10", _set("operators.0.builtinOptions.beta", 0.0), "vanishes"),
    "rescaling pool": ("max_pool_2x2", _set("tensors.1.quantization.scale", [0.5]), "differ in scale"),
    "stride": ("conv2d_1x1", _set("operators.0.builtinOptions.strideW", 0), "strides"),
    "two outputs": ("conv2d_1x1", _set("outputs", [1, 1]), "one of each"),
    "add of a tiny scale": ("add", _set("tensors.1.quantization.scale", [1e-9]), "ADD"),
    "huge multiplier": ("conv2d_1x1", _set("tensors.1.quantization.scale", [1e-38]), "exceeds"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals_say_why(what: str) -> None:
    """A sound file that has no exact kernel is refused, with the reason or the way out in the message."""
    name, change, message = REFUSED[what]
    model = _model(name)
    change(model)
    with pytest.raises(UnsupportedModelError, match=message):
        read_tflite(pack(model))


def test_an_unknown_operator_is_named_with_its_layer() -> None:
    """The refusal names the operator, the layer, and the operators that work."""
    model = _model("dense")
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.CONCATENATION
    model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.CONCATENATION
    model.subgraphs[0].tensors[1].name = "merge"
    with pytest.raises(UnsupportedModelError, match=r"CONCATENATION in layer 'merge': .*CONV_2D"):
        read_tflite(pack(model))


CORRUPT: dict[str, tuple[str, Callable[[Any], None]]] = {
    "tensor index": ("conv2d_1x1", _set("operators.0.inputs", [0, 99, 3])),
    "negative index": ("conv2d_1x1", _set("operators.0.inputs", [-2, 2, 3])),
    "missing operand": ("conv2d_1x1", _set("operators.0.inputs", [0])),
    "operator code": ("conv2d_1x1", _set("operators.0.opcodeIndex", 9)),
    "buffer": ("conv2d_1x1", _set("tensors.2.buffer", 77)),
    "short buffer": ("conv2d_1x1", _set("tensors.2.shape", [4, 1, 2, 5])),
    "zero scale": ("conv2d_1x1", _set("tensors.1.quantization.scale", [0.0])),
    "nan scale": ("conv2d_1x1", _set("tensors.1.quantization.scale", [float("nan")])),
    "zero point": ("conv2d_1x1", _set("tensors.1.quantization.zeroPoint", [300])),
    "zero points": ("conv2d_1x1", _set("tensors.2.quantization.zeroPoint", [0])),
    "output shape": ("conv2d_1x1", _set("tensors.1.shape", [1, 3, 3, 4])),
    "no options": ("conv2d_1x1", _set("operators.0.builtinOptionsType", 0)),
    "written twice": ("add", _set("operators.1.outputs", [3])),
    "reads what is not computed": ("add", _set("operators.0.inputs", [1, 2])),
    "negative axis": ("conv2d_1x1", _set("tensors.0.shape", [1, -3, 4, 5])),
}


@pytest.mark.parametrize("what", CORRUPT)
def test_contradictions_are_corrupt(what: str) -> None:
    """A file that contradicts itself is a corrupt one."""
    name, change = CORRUPT[what]
    model = _model(name)
    change(model)
    with pytest.raises(CorruptModelError):
        read_tflite(pack(model))


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0\0\0\0TFL3", b"\xff" * 4 + b"TFL3", b"PK\x03\x04" * 10])
def test_no_model_at_all(content: bytes) -> None:
    """Any other bytes are refused, an offset beyond the end among them."""
    with pytest.raises(ModelError):
        read_tflite(content)


def test_a_missing_file_is_an_os_error(tmp_path: Any) -> None:
    """The path's own error comes through."""
    with pytest.raises(FileNotFoundError):
        read_tflite(tmp_path / "none.tflite")


@given(st.integers(0, len(FILES) - 1), st.data())
@settings(max_examples=300, deadline=None)
def test_damage_never_escapes(which: int, data: st.DataObject) -> None:
    """Whatever bytes are overwritten or cut off: a graph that runs, or the project's own error."""
    content = bytearray(FILES[which])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=4))
        content[at : at + len(patch)] = patch
    cut = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    try:
        graph = read_tflite(bytes(content[:cut]))
    except ModelError:
        return
    if sum(tensor.size for tensor in graph.tensors) < 100_000:
        reference.run(graph, np.zeros((1, *graph.input_tensor.shape[1:]), np.int8))
