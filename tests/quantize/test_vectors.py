"""The shared kernel vectors, on the NumPy reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quantize import fixed_point, graph, reference

PATH = Path(__file__).parents[1] / "vectors" / "kernels.json"
CASES = json.loads(PATH.read_text(encoding="utf-8"))["cases"]


def build(case: dict[str, Any]) -> tuple[graph.Int8Graph, graph.Op]:
    """The case's operator; a second operand comes from a reshape that stands in for what computes it."""
    described = case["graph"]
    roles = described["tensors"]
    tensors, index = [], {}
    for role, stored in roles.items():
        quant = graph.QuantParams(tuple(stored["scales"]), tuple(stored["zero_points"]), stored["axis"])
        data = None
        if role in ("weights", "bias"):
            dtype = np.int8 if role == "weights" else np.int32
            data = np.array(case["params"][role], dtype).reshape(stored["shape"])
        index[role] = len(tensors)
        tensors.append(graph.Tensor(role, tuple(stored["shape"]), "int32" if role == "bias" else "int8", quant, data))
    fields = dict(described["fields"])
    if "padding" in fields:
        fields["padding"] = graph.Padding(**fields["padding"])
    kind = getattr(graph, described["kind"])
    if "weights" in kind.__dataclass_fields__:
        fields |= {"weights": index["weights"], "bias": index.get("bias")}
    operands = tuple(index[role] for role in ("input1", "input2") if role in index)
    op = kind(inputs=operands, output=index["output"], **fields)
    before = [graph.Reshape(name="other", inputs=(operands[0],), output=operands[1])] if len(operands) > 1 else []
    return graph.Int8Graph(tuple(tensors), (*before, op), operands[0], index["output"]), op


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_reference_equals_tflite_micro(case: dict[str, Any]) -> None:
    """The reference gives TensorFlow Lite Micro's output for every sample of every vector."""
    network, op = build(case)
    operands = [
        np.array([sample["operands"][i] for sample in case["samples"]], np.int8).reshape(
            -1, *network.tensors[t].shape[1:]
        )
        for i, t in enumerate(op.inputs)
    ]
    expected = np.array([sample["output"] for sample in case["samples"]], np.int8)
    found = reference.apply(network, op, operands)
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_parameters_follow_from_the_scales(case: dict[str, Any]) -> None:
    """Multipliers and shifts in the vectors are those that this code derives from the scales."""
    network, op = build(case)
    stored = case["params"]
    if "requantization" in stored:
        derived = fixed_point.requantization(network, op)
        assert stored["requantization"] == {"multiplier": derived.multiplier.tolist(), "shift": derived.shift.tolist()}
    for kind, derive in (
        (graph.Mean, fixed_point.mean_params),
        (graph.Add, fixed_point.add_params),
        (graph.Softmax, fixed_point.softmax_params),
    ):
        if isinstance(op, kind):
            assert vars(derive(network, op)).items() <= stored.items()


def test_vectors_cover_every_kernel() -> None:
    """Each kernel of kshot_kernels_s8.h has a vector."""
    header = PATH.parents[2] / "firmware_gen" / "runtime" / "kshot_kernels_s8.h"
    declared = {
        line.split("(")[0].split()[-1] for line in header.read_text().splitlines() if line.startswith("void kshot_")
    }
    assert declared == {case["kernel"] for case in CASES}


@pytest.mark.needs("tflite-micro")
def test_vectors_are_up_to_date() -> None:
    """Running the generator again gives the file in the repository."""
    from vectors import make_kernels

    assert make_kernels.document() == PATH.read_text(encoding="utf-8")
