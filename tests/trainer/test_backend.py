"""The door to TensorFlow: plain words where it is missing, silence where it talks to itself."""

import importlib
import os
import subprocess
import sys

import pytest

from trainer import backend


def test_missing_tensorflow_says_what_to_install(monkeypatch):
    """Also when Keras is asked for: it would choose another backend or fail in its own words."""

    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    for module in ("tensorflow", "keras"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    for load in (backend.load_tensorflow, backend.load_keras):
        with pytest.raises(backend.MissingTensorFlowError, match=r"kshot\[train-cpu\]"):
            load()


def test_standard_error_comes_back_after_an_import_that_fails(monkeypatch, capfd):
    """What is written meanwhile is lost, what is written afterwards is not."""

    def noisy(name):
        os.write(2, b"notice\n")
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", noisy)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    with pytest.raises(backend.MissingTensorFlowError):
        backend.load_keras()
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


def test_nothing_of_training_loads_tensorflow_before_it_is_needed():
    """Importing every module of the trainer is quick: the command line's help depends on it."""
    code = (
        "import sys, trainer.fit, trainer.artifact, trainer.evaluate, trainer.learners;"
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
