"""The exponential that has the same bits everywhere."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from plain_binary32 import plain_exp

from quantize.learners.binary32 import exp32


@given(st.floats(min_value=-20.0, max_value=0.0, width=32))
def test_every_operation_is_rounded_once(x: float) -> None:
    """The result of plain loops, bit for bit."""
    assert float(exp32(np.array([x], np.float32))[0]) == plain_exp(x)


def test_it_is_the_exponential() -> None:
    """Within 4e-6 of the exact value over the whole range, 1 at 0, falling, and 0 below -17."""
    x = -np.arange(0, 17, 2.0**-12).astype(np.float32)
    powers = exp32(x)
    exact = np.array([math.exp(float(value)) for value in x])
    assert np.abs(powers / exact - 1).max() < 4e-6
    assert powers[0] == 1
    assert (np.diff(powers) <= 0).all()
    assert exp32(np.array([-17.0001, -1e30], np.float32)).tolist() == [0.0, 0.0]
    assert math.exp(-17) < 2**-24  # lost beside 1 in binary32


def test_no_result_is_subnormal() -> None:
    """A processor that flushes subnormal numbers to zero changes nothing."""
    assert exp32(np.array([-17.0], np.float32))[0] > 1e-8
