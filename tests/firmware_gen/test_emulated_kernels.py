"""Kernels on the processors themselves: against TensorFlow Lite Micro's word, and whole networks against NumPy."""

import dataclasses
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lowered_vectors_program import lowered_vectors_program
from runtime_compilers import RUNTIME
from tiny_graphs import random_graph, tiny_dense
from vectors.cases import cases
from vectors_program import vectors_program

from firmware_gen.build import build
from firmware_gen.emit import generate
from firmware_gen.emulate import EmulationError, Emulator
from firmware_gen.emulation_script import ListClasses
from firmware_gen.source_tree import SourceTree
from firmware_gen.targets import TARGETS
from quantize import reference
from quantize.artifact import Int8Embedding
from trainer.artifact import InputSpec

pytestmark = pytest.mark.needs("arm-gcc", "qemu")
EVERY_CORE = pytest.mark.parametrize("target", [name for name, target in TARGETS.items() if target.emulated])
M0_AND_M4 = pytest.mark.parametrize("target", ["m0", "m4"])

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors" / "kernels.json").read_text())["cases"]


@M0_AND_M4
def test_kernels_equal_tflite_micro(tiny_tree: SourceTree, programs: Path, target: str) -> None:
    """Every sample of every shared vector, computed by the processor's own code; nothing written behind an output."""
    tree = dataclasses.replace(tiny_tree, files={**tiny_tree.files, "main.c": vectors_program(CASES)})
    run = Emulator(build(tree, TARGETS[target], programs)).run()
    names = [case["name"] for case in CASES for _ in case["samples"]]
    wrong = {name for name, mark in zip(names, run.serial.decode(), strict=True) if mark != "."}
    assert wrong == set()
    assert run.exit_status == 0


@pytest.mark.parametrize("target", ["m0", "m4", "m55"])
def test_each_set_of_kernels_equals_tflite_micro(tiny_tree: SourceTree, programs: Path, target: str) -> None:
    """The shared vectors as the set of this processor runs them; every kernel of the set has its turn."""
    kernels = TARGETS[target].kernels
    vectors = {vector["name"]: vector for vector in CASES}
    program, called = lowered_vectors_program([(case, vectors[case.name]) for case in cases()], kernels)
    declared = re.findall(rf"^void (kshot_{kernels}_\w+_s8)\(", (RUNTIME / f"kshot_{kernels}_s8.h").read_text(), re.M)
    assert set(declared) <= called
    tree = dataclasses.replace(tiny_tree, files={**tiny_tree.files, "main.c": program})
    run = Emulator(build(tree, TARGETS[target], programs)).run()
    names = [case["name"] for case in CASES for _ in case["samples"]]
    wrong = {name for name, mark in zip(names, run.serial.decode(), strict=True) if mark != "."}
    assert wrong == set()
    assert run.exit_status == 0


def test_a_wrong_kernel_would_be_seen(tiny_tree: SourceTree, programs: Path) -> None:
    """A vector that is false in one value is reported, and only that sample."""
    case = json.loads(json.dumps(CASES[0]))
    case["samples"][1]["output"][-1] ^= 1
    tree = dataclasses.replace(tiny_tree, files={**tiny_tree.files, "main.c": vectors_program([case])})
    run = Emulator(build(tree, TARGETS["m4"], programs)).run()
    assert (run.exit_status, run.serial[:3]) == (1, b".X.")


@M0_AND_M4
def test_a_network_that_only_embeds(tmp_path: Path, target: str) -> None:
    """Reshape, dense layers and softmax with more outputs than the learner takes: exact, and no class to ask for."""
    graph = tiny_dense(outputs=300)
    tree = generate(Int8Embedding(graph=graph, input=InputSpec((3, 2, 2))), name="wide")
    firmware = build(tree, TARGETS[target], tmp_path, main="emulation", extra_cflags=["-Werror"])
    inputs = np.random.default_rng(2).integers(-128, 128, (20, 3, 2, 2)).astype(np.int8)
    np.testing.assert_array_equal(Emulator(firmware).embed(inputs)[0], reference.run(graph, inputs))
    with pytest.raises(EmulationError, match="only embeds"):
        Emulator(firmware).ask([ListClasses()])


@EVERY_CORE
def test_networks_that_nobody_chose(tmp_path: Path, target: str) -> None:
    """Random chains of operators, where each core's own kernels and the portable ones take turns."""
    for seed in (list(TARGETS).index(target), 20 + list(TARGETS).index(target)):
        graph = random_graph(seed)
        tree = generate(Int8Embedding(graph=graph, input=InputSpec((9, 8, 3))), name="chain")
        firmware = build(tree, TARGETS[target], tmp_path / str(seed), main="emulation", extra_cflags=["-Werror"])
        inputs = np.random.default_rng(seed).integers(-128, 128, (10, 9, 8, 3)).astype(np.int8)
        np.testing.assert_array_equal(Emulator(firmware).embed(inputs)[0], reference.run(graph, inputs))


@pytest.mark.needs("mlperf")
@pytest.mark.parametrize("target", ["m0", "m3", "m4", "m55"])
def test_a_network_that_was_not_made_for_this(tmp_path: Path, target: str) -> None:
    """MLPerf Tiny's keyword spotter, as published, is exact."""
    path = Path(os.environ["KSHOT_DATA"]) / "mlperf_tiny" / "kws_ref_model.tflite"
    embedding = Int8Embedding.from_tflite(path)
    firmware = build(generate(embedding, name="kws"), TARGETS[target], tmp_path, main="emulation")
    shape = embedding.graph.input_tensor.shape[1:]
    inputs = np.random.default_rng(4).integers(-128, 128, (3, *shape)).astype(np.int8)
    np.testing.assert_array_equal(Emulator(firmware).embed(inputs)[0], reference.run(embedding.graph, inputs))
