"""The two implementations that decide what is exact: TensorFlow Lite Micro, and tflite-runtime's reference kernels.

Both round twice when they rescale, and agree bit for bit. For tests and benchmarks; the packages are `tflite-micro` and
``tflite-runtime``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quantize import interpreters

Int8Array = npt.NDArray[np.int8]

_ARENA_BYTES = 32 << 20
_MODEL, _INPUTS, _OUTPUTS = "model.tflite", "inputs.npy", "outputs.npy"


def tflite_micro_outputs(model: bytes, inputs: Int8Array, *, arena_bytes: int = _ARENA_BYTES) -> Int8Array:
    """Run samples through TensorFlow Lite Micro's reference kernels, compiled for this machine.

    Parameters
    ----------
    model : bytes
        A .tflite file with one int8 input and one int8 output.
    inputs : int8 [n, ...]
    arena_bytes : int
        That it may use; a small network starts sooner with a small one.

    Returns
    -------
    int8 [n, ...]
    """
    from tflite_micro.python.tflite_micro import runtime

    machine = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)
    outputs = []
    for sample in inputs:
        machine.set_input(sample[np.newaxis], 0)
        machine.invoke()
        outputs.append(machine.get_output(0)[0].copy())
    return np.array(outputs, np.int8)


def tflite_runtime_outputs(model: bytes, inputs: Int8Array) -> Int8Array:
    """Run samples through tflite-runtime's reference kernels (BUILTIN_REF), in a process of its own.

    Parameters and result are those of `tflite_micro_outputs`.

    Raises
    ------
    RuntimeError
        If that process fails; the message ends with what it said.
    """
    with tempfile.TemporaryDirectory(prefix="kshot-oracle-") as name:
        folder = Path(name)
        (folder / _MODEL).write_bytes(model)
        np.save(folder / _INPUTS, inputs)
        command = [sys.executable, "-m", "quantize.oracles", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(f"tflite-runtime failed:\n{done.stderr[-2000:]}")
        outputs: Int8Array = np.load(folder / _OUTPUTS)
        return outputs


def _main(folder: Path) -> None:
    """The process of `tflite_runtime_outputs`."""
    opened = interpreters.interpreter(folder / _MODEL, backend="tflite_runtime", reference_kernels=True)
    np.save(folder / _OUTPUTS, interpreters.run(opened, np.load(folder / _INPUTS)))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
