"""Random graphs on the host and in QEMU against TensorFlow Lite Micro: a short run of `make fuzz-graphs`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench import graph_program
from bench.fuzz_graphs import Batch, run_batch
from bench.graph_generator import random_graph
from bench.graph_program import HOST, emulated, marks, program
from bench.graph_shrink import answered, keep, shrink
from firmware_gen.source_tree import SourceTree

SEED = 7


def test_the_same_seed_gives_the_same_graph() -> None:
    """Model and inputs depend on seed and number alone, so that a failure can be repeated."""
    first, again, other = random_graph(SEED, 3), random_graph(SEED, 3), random_graph(SEED, 4)
    assert first.model == again.model
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert first.model != other.model


def test_graphs_reach_what_they_are_for() -> None:
    """Every operator, zero points at both ends, strides, dilation, multipliers, asymmetric padding, odd channels."""
    graphs = [random_graph(SEED, number).graph for number in range(150)]
    ops = [op for graph in graphs for op in graph.ops]
    assert len(Counter(type(op).__name__ for op in ops)) == 10
    assert {-128, 127} <= {graph.input_tensor.quant.zero_point for graph in graphs}
    paddings = [op.padding for op in ops if hasattr(op, "padding")]
    assert any(p.top != p.bottom for p in paddings)
    for field in ("stride_height", "stride_width", "dilation_height", "depth_multiplier"):
        assert any(getattr(op, field, 1) > 1 for op in ops), field
    channels = {graph.tensors[op.output].shape[-1] for graph in graphs for op in graph.ops}
    assert min(channels) == 1
    assert max(channels) > 64


@pytest.mark.needs("gcc", "tflite-micro")
def test_every_set_of_kernels_on_the_host(tmp_path: Path) -> None:
    """Each set without vectors gives the oracle's values and keeps to its memory, under sanitizers."""
    variants = tuple(variant for variant in HOST if variant.kernels != "helium")
    batch = Batch("host", SEED, first=0, count=40, variants=variants)
    assert run_batch(batch, tmp_path, tmp_path / "failed") == []


@pytest.mark.needs("arm-gcc", "qemu", "tflite-micro")
@pytest.mark.parametrize("core", ["m0", "m4"])
def test_a_core_in_qemu(tmp_path: Path, core: str) -> None:
    """The core's own kernels give the oracle's values."""
    batch = Batch(core, SEED, first=1000, count=25, variants=(emulated(core),))
    assert run_batch(batch, tmp_path, tmp_path / "failed") == []


@pytest.mark.needs("gcc", "tflite-micro")
def test_a_wrong_kernel_is_found_and_shrunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a maximum that is always 0, graphs with max pooling fail, and one of them shrinks to that operator."""
    right = "output[i] < pool->activation_max ? output[i] : pool->activation_max;"

    def sabotaged(*arguments: object) -> SourceTree:
        tree = program(*arguments)  # type: ignore[arg-type]
        path = "kshot/kshot_pool_s8.c"
        assert right in tree.files[path]
        return SourceTree(tree.name, {**tree.files, path: tree.files[path].replace(right, "0;")})

    monkeypatch.setattr(graph_program, "program", sabotaged)
    cases = [answered(random_graph(SEED, number)) for number in range(60)]
    found = marks(cases, HOST[0], tmp_path)
    has_pool = [any(type(op).__name__ == "MaxPool2D" for op in case.made.graph.ops) for case in cases]
    assert "X" in found
    assert all(pooled for mark, pooled in zip(found, has_pool, strict=True) if mark != ".")
    case = next(c for c, mark in zip(cases, found, strict=True) if mark == "X" and len(c.made.graph.ops) > 1)
    failure = keep(case, shrink(case, HOST[0], tmp_path), "X", HOST[0], kept=tmp_path / "failed")
    assert [text.split()[0] for text in failure.operators] == ["MaxPool2D"]
    assert (failure.folder / "model.tflite").stat().st_size > 0
