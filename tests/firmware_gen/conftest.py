"""What tests share: the runtime as a library; a tiny network, its project, its firmware for each processor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from runtime_compilers import C_TESTS, C_WARNINGS, RUNTIME, run, sources
from runtime_ctypes import Runtime
from tiny_graphs import tiny_conv

from firmware_gen.build import Firmware, build
from firmware_gen.emit import generate
from firmware_gen.source_tree import SourceTree
from firmware_gen.targets import TARGETS
from quantize.artifact import Int8Embedding
from trainer.artifact import InputSpec


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """All kernels and the batched arithmetic, optimised as a host build is."""
    path = tmp_path_factory.mktemp("runtime") / "runtime.so"
    batch = C_TESTS / "arithmetic_batch.c"
    flags = ("-std=c99", *C_WARNINGS, "-O3", "-fPIC", "-shared", f"-I{RUNTIME}")
    run("gcc", *flags, batch, *sources(), "-o", path)
    return Runtime(path)


@pytest.fixture(scope="session")
def tiny_embedding() -> Int8Embedding:
    """A network from 8x8x1 to 4 values that uses every operator but softmax and reshape."""
    return Int8Embedding(graph=tiny_conv(), input=InputSpec((8, 8, 1)))


@pytest.fixture(scope="session")
def tiny_inputs() -> npt.NDArray[np.int8]:
    """Random inputs of that network, int8 [32, 8, 8, 1]."""
    return np.random.default_rng(5).integers(-128, 128, (32, 8, 8, 1)).astype(np.int8)


@pytest.fixture(scope="session")
def tiny_tree(tiny_embedding: Int8Embedding) -> SourceTree:
    """Its project, with room for five classes."""
    return generate(tiny_embedding, name="tiny", max_classes=5)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to build the project in with one program after another: only the program is compiled each time."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="session")
def emulation(tiny_tree: SourceTree, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Firmware]:
    """The program that answers scripts, for each emulated target, compiled with warnings as errors."""
    folder = tmp_path_factory.mktemp("emulation")
    return {
        name: build(tiny_tree, target, folder, main="emulation", extra_cflags=["-Werror"])
        for name, target in TARGETS.items()
        if target.emulated
    }
