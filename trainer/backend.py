"""The one door to Keras and TensorFlow: imported when first needed, with the settings that training wants."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SETTINGS = {
    # TensorFlow turns oneDNN on by itself only for processors with AVX-512; without, it still halves a step's time.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    # Notices about the processor's abilities are no news to a user; errors still appear.
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "KERAS_BACKEND": "tensorflow",
}


class MissingTensorFlowError(ImportError):
    """TensorFlow or Keras is not installed."""


def load_tensorflow() -> Any:
    """Import TensorFlow; variables of the environment win over the settings here.

    Raises
    ------
    MissingTensorFlowError
        If it is not installed; the message says what to install.
    """
    return _load("tensorflow")


def load_keras() -> Any:
    """Import Keras on TensorFlow.

    Raises
    ------
    MissingTensorFlowError
        As `load_tensorflow`.
    """
    return _load("keras")


def _load(module: str) -> Any:
    if module in sys.modules:
        return sys.modules[module]
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        with _without_notices():
            # The first operation starts the runtime, which has notices of its own.
            importlib.import_module("tensorflow").constant(0)
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingTensorFlowError(
            "training needs TensorFlow: pip install 'kshot[train-cpu]' (or 'kshot[train]' for GPUs and other systems)"
        ) from error


@contextmanager
def _without_notices() -> Iterator[None]:
    """Close standard error for a while: TensorFlow's C++ writes to it before any log level counts.

    What goes wrong in an import is raised, not written, and so is not lost.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
