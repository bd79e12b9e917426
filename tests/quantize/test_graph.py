"""`Int8Graph` and its parts: what contradicts itself cannot be made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vectors import cases

from quantize.graph import Int8Graph, Padding, QuantParams, Tensor

GRAPHS = {case.name: case.graph for case in cases.cases()}
GRAPH = GRAPHS["add"]
ONE = QuantParams((0.5,), (0,))


@pytest.mark.parametrize(
    ("scales", "zero_points", "axis"),
    [((), (), None), ((1.0,), (0, 0), None), ((1.0, 2.0), (0, 0), None), ((0.0,), (0,), None), ((-1.0,), (0,), None),
     ((float("nan"),), (0,), None), ((float("inf"),), (0,), None)],
)  # fmt: skip
def test_impossible_quantization(scales: tuple[float, ...], zero_points: tuple[int, ...], axis: int | None) -> None:
    """Scales are positive and finite, as many as zero points, and several need an axis."""
    with pytest.raises(ValueError, match=r"scale"):
        QuantParams(scales, zero_points, axis)


def test_a_single_scale_is_asked_for_by_name() -> None:
    """Per-channel quantization has no single scale or zero point."""
    many = QuantParams((1.0, 2.0), (0, 0), 0)
    assert (ONE.scale, ONE.zero_point) == (0.5, 0)
    with pytest.raises(ValueError, match="scale per channel"):
        _ = many.scale
    with pytest.raises(ValueError, match="zero point per channel"):
        _ = many.zero_point


@pytest.mark.parametrize(
    ("shape", "quant", "data", "message"),
    [
        ((1, 0), ONE, None, "empty axis"),
        ((1, 2), QuantParams((1.0,), (128,)), None, "outside int8"),
        ((1, 2), QuantParams((1.0, 1.0, 1.0), (0, 0, 0), 1), None, "do not fit axis"),
        ((1, 2), QuantParams((1.0, 1.0), (0, 0), 5), None, "do not fit axis"),
        ((1, 2), ONE, np.zeros((2, 1), np.int8), "data are"),
        ((1, 2), ONE, np.zeros((1, 2), np.int16), "data are"),
    ],
)
def test_impossible_tensors(shape: tuple[int, ...], quant: QuantParams, data: np.ndarray | None, message: str) -> None:
    """Shape, zero point, scales and data of a tensor agree."""
    with pytest.raises(ValueError, match=message):
        Tensor("t", shape, "int8", quant, data)


def test_constants_are_read_only() -> None:
    """A graph is a value: its constants cannot be written."""
    with pytest.raises(ValueError, match="read-only"):
        GRAPHS["dense"].tensors[2].data[0, 0] = 1  # type: ignore[index]


def test_impossible_graphs() -> None:
    """Every operand exists when its op runs, nothing is written twice, the ends are int8 with a batch of one."""
    branch, add = GRAPH.ops
    for ops, message in (
        ((add, branch), "runs before second"),
        ((branch, branch, add), "a second time"),
        ((branch,), "no op writes the output"),
        ((replace(branch, inputs=(9,)), add), "does not exist"),
    ):
        with pytest.raises(ValueError, match=message):
            Int8Graph(GRAPH.tensors, ops, GRAPH.input, GRAPH.output)
    batch = replace(GRAPH.tensors[0], shape=(2, 3, 4, 3))
    with pytest.raises(ValueError, match="batch of 1"):
        replace(GRAPH, tensors=(batch, *GRAPH.tensors[1:]))


def test_the_fingerprint_depends_on_all_that_decides_a_result() -> None:
    """A zero point, a scale, a constant, an attribute: each changes it; names do not."""
    graph = GRAPHS["conv2d_3x3_same_relu"]
    source, target, weights, bias = graph.tensors
    op = graph.ops[0]
    flipped = weights.data.copy()
    flipped.flat[0] ^= 1
    variants = [
        replace(graph, tensors=(replace(source, quant=replace(source.quant, zero_points=(0,))), target, weights, bias)),
        replace(graph, tensors=(source, replace(target, quant=replace(target.quant, scales=(0.5,))), weights, bias)),
        replace(graph, tensors=(source, target, replace(weights, data=flipped), bias)),
        replace(graph, ops=(replace(op, activation_max=100),)),
        replace(graph, ops=(replace(op, padding=Padding(2, 0, 1, 1)),)),
    ]
    assert len({graph.fingerprint, *(v.fingerprint for v in variants)}) == 1 + len(variants)
    renamed = replace(graph, tensors=(replace(source, name="x"), target, weights, bias), ops=(replace(op, name="y"),))
    assert renamed.fingerprint == graph.fingerprint
