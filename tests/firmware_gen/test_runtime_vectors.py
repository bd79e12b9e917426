"""The runtime's kernels against TensorFlow Lite Micro, through the vectors that all implementations share."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runtime_ctypes import STRUCTS, Runtime

pytestmark = pytest.mark.needs("gcc")

_PATH = Path(__file__).parents[1] / "vectors" / "kernels.json"
_CASES: list[dict[str, Any]] = json.loads(_PATH.read_text())["cases"]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["name"])
def test_kernel_equals_its_oracle(runtime: Runtime, case: dict[str, Any]) -> None:
    """Every value of every sample, and nothing written beside the output."""
    for sample in case["samples"]:
        operands = [np.array(values, np.int8) for values in sample["operands"]]
        actual = runtime.run(case["kernel"], case["params"], operands, len(sample["output"]))
        np.testing.assert_array_equal(actual, np.array(sample["output"], np.int8))


def test_every_kernel_has_vectors() -> None:
    """A kernel without an oracle's word would be untested."""
    assert {case["kernel"] for case in _CASES} == set(STRUCTS)
