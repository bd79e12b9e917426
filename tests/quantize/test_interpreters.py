"""The adapter: three interpreters behind one call, and a clear word where none is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from vectors import cases

from quantize import interpreters, oracles, reference
from quantize.tflite_writer import write_tflite

CASE = next(case for case in cases.cases() if case.name == "depthwise_3x3_same")
SCRIPT = """
import sys
import numpy as np
from quantize import interpreters, oracles, reference
opened = interpreters.interpreter(sys.argv[1], backend=sys.argv[2], reference_kernels=True)
np.save(sys.argv[4], interpreters.run(opened, np.load(sys.argv[3])))
"""


@pytest.mark.parametrize(
    "backend",
    [
        "ai_edge_litert",
        pytest.param("tflite_runtime", marks=pytest.mark.needs("tflite-runtime")),
        pytest.param("tf.lite", marks=pytest.mark.needs("tensorflow")),
    ],
)
def test_every_backend_runs_a_model(backend: str, tmp_path: Path) -> None:
    """Each backend, in a process of its own, gives the reference's values for a depthwise convolution."""
    (tmp_path / "m.tflite").write_bytes(write_tflite(CASE.graph))
    np.save(tmp_path / "in.npy", CASE.inputs)
    arguments = [tmp_path / "m.tflite", backend, tmp_path / "in.npy", tmp_path / "out.npy"]
    subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT, *map(str, arguments)], check=True, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), reference.run(CASE.graph, CASE.inputs))


def test_the_default_is_the_first_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Order: ai-edge-litert, tflite-runtime, TensorFlow."""
    asked: list[str] = []

    def missing(name: str) -> None:
        asked.append(name)
        raise ImportError(name)

    monkeypatch.setattr(interpreters.importlib, "import_module", missing)
    with pytest.raises(interpreters.MissingInterpreterError, match="ai-edge-litert or tflite-runtime or tensorflow"):
        interpreters.interpreter(b"")
    assert asked == ["ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow"]


def test_a_missing_backend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for one that is not installed names its package."""
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    with pytest.raises(interpreters.MissingInterpreterError, match="install tflite-runtime"):
        interpreters.interpreter(b"", backend="tflite_runtime")


def test_an_unknown_backend_is_refused() -> None:
    """The message lists those that exist."""
    with pytest.raises(ValueError, match=r"ai_edge_litert, tflite_runtime, tf\.lite"):
        interpreters.interpreter(b"", backend="onnx")  # type: ignore[arg-type]


@pytest.mark.needs("tflite-runtime")
def test_an_oracle_that_fails_says_so() -> None:
    """What the other process said is the end of the message."""
    with pytest.raises(RuntimeError, match="tflite-runtime failed"):
        oracles.tflite_runtime_outputs(b"no model", CASE.inputs)
