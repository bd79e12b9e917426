"""The one place that chooses an interpreter of .tflite models.

ai-edge-litert is the successor of tflite-runtime, whose last release is of 2023; ``tf.lite`` comes with TensorFlow. All
three have the same interface. TensorFlow must not be imported before tflite-runtime in one process: `quantize.oracles`
runs the latter in a process of its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Backend = Literal["ai_edge_litert", "tflite_runtime", "tf.lite"]


class MissingInterpreterError(ImportError):
    """No interpreter is installed; the message says what to install."""


class Interpreter(Protocol):
    """What kshot uses of the interface that all backends share."""

    def allocate_tensors(self) -> None:
        """Plan and allocate the activations."""

    def get_input_details(self) -> list[dict[str, Any]]:
        """Index, shape, dtype and quantization of each input."""

    def get_output_details(self) -> list[dict[str, Any]]:
        """Index, shape, dtype and quantization of each output."""

    def set_tensor(self, tensor_index: int, value: npt.NDArray[Any]) -> None:
        """Copy `value` into a tensor."""

    def invoke(self) -> None:
        """Run the model."""

    def get_tensor(self, tensor_index: int) -> npt.NDArray[Any]:
        """Copy a tensor out."""


@dataclass(frozen=True)
class _Source:
    """Where a backend's classes live, and the package that brings them."""

    package: str
    find: Callable[[], tuple[Any, Any]]


def _module(name: str) -> Callable[[], tuple[Any, Any]]:
    def find() -> tuple[Any, Any]:
        module = importlib.import_module(name)
        return module.Interpreter, module.OpResolverType

    return find


def _tensorflow() -> tuple[Any, Any]:
    lite = importlib.import_module("tensorflow").lite
    return lite.Interpreter, lite.experimental.OpResolverType


_SOURCES: Mapping[Backend, _Source] = MappingProxyType(
    {
        "ai_edge_litert": _Source("ai-edge-litert", _module("ai_edge_litert.interpreter")),
        "tflite_runtime": _Source("tflite-runtime", _module("tflite_runtime.interpreter")),
        "tf.lite": _Source("tensorflow", _tensorflow),
    }
)
BACKENDS: tuple[Backend, ...] = tuple(_SOURCES)


def interpreter(
    model: bytes | Path | str, *, backend: Backend | None = None, reference_kernels: bool = False
) -> Interpreter:
    """Open a model, ready to run.

    Parameters
    ----------
    model : bytes or path
        Content of a .tflite file, or where it lies.
    backend : {"ai_edge_litert", "tflite_runtime", "tf.lite"}, optional
        None takes the first that is installed, in this order.
    reference_kernels : bool
        Use the reference kernels (BUILTIN_REF) instead of the optimised ones, which differ by a unit here and there.

    Returns
    -------
    Interpreter
        With its tensors allocated, on one thread.

    Raises
    ------
    MissingInterpreterError
        If the backend, or every backend, is not installed.
    ValueError
        If the backend is unknown, or refuses the model.
    """
    if backend is not None and backend not in _SOURCES:
        raise ValueError(f"no interpreter named {backend!r}; there are {', '.join(BACKENDS)}")
    make, resolvers = _find((backend,) if backend else BACKENDS)
    content = model if isinstance(model, bytes) else Path(model).read_bytes()
    resolver = resolvers.BUILTIN_REF if reference_kernels else resolvers.AUTO
    opened: Interpreter = make(model_content=content, experimental_op_resolver_type=resolver, num_threads=1)
    opened.allocate_tensors()
    return opened


def run(opened: Interpreter, inputs: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Run samples one by one through a model with one int8 input and output.

    Parameters
    ----------
    opened : Interpreter
        From `interpreter`, with a batch of 1.
    inputs : int8 [n, ...]

    Returns
    -------
    int8 [n, ...]
    """
    source, target = opened.get_input_details()[0]["index"], opened.get_output_details()[0]["index"]
    outputs = []
    for sample in inputs:
        opened.set_tensor(source, sample[np.newaxis])
        opened.invoke()
        outputs.append(opened.get_tensor(target)[0])
    return np.array(outputs, np.int8)


def _find(backends: tuple[Backend, ...]) -> tuple[Any, Any]:
    for name in backends:
        try:
            return _SOURCES[name].find()
        except ImportError:
            continue
    packages = " or ".join(_SOURCES[name].package for name in backends)
    raise MissingInterpreterError(f"no interpreter of .tflite models is installed; install {packages}")
