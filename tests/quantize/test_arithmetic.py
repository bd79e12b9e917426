"""Fixed-point primitives against exact rational arithmetic, and against the loops that the C kernels run."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantize import arithmetic as fx

int32 = st.integers(fx.INT32_MIN, fx.INT32_MAX)
multipliers = st.one_of(st.just(0), st.integers(2**30, fx.INT32_MAX))


def _half_away(x: Fraction) -> int:
    return int(math.copysign(math.floor(abs(x) + Fraction(1, 2)), x))


@given(int32, int32)
def test_high_mul_rounds_halves_up(a: int, b: int) -> None:
    """A * b / 2**31 to the nearest integer, halves upwards, saturated."""
    exact = math.floor(Fraction(a * b, 2**31) + Fraction(1, 2))
    assert fx.saturating_rounding_doubling_high_mul(a, b) == min(exact, fx.INT32_MAX)


@given(int32, int32)
def test_high_mul_is_the_original_with_its_sign_dependent_nudge(a: int, b: int) -> None:
    """Gemmlowp adds a nudge by sign and divides with truncation; both ways agree."""
    product = a * b
    nudged = product + (2**30 if product >= 0 else 1 - 2**30)
    truncated = abs(nudged) // 2**31 * (1 if nudged >= 0 else -1)
    assert fx.saturating_rounding_doubling_high_mul(a, b) == min(truncated, fx.INT32_MAX)


@given(int32, st.integers(0, 31))
def test_rounding_divide_rounds_halves_away_from_zero(x: int, exponent: int) -> None:
    """X / 2**exponent, halves away from zero."""
    assert fx.rounding_divide_by_pot(x, exponent) == _half_away(Fraction(x, 2**exponent))


@given(st.lists(st.tuples(int32, multipliers, st.integers(-31, 31)), min_size=1, max_size=20))
def test_rescaling_is_the_two_roundings_element_by_element(rows: list[tuple[int, int, int]]) -> None:
    """The vectorised rescaling equals a scalar one: shift left modulo 2**32, high multiply, divide."""
    x, multiplier, shift = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    found = fx.multiply_by_quantized_multiplier(x, multiplier, shift)
    for i, (value, factor, right) in enumerate(rows):
        shifted = (value * 2 ** max(-right, 0) + 2**31) % 2**32 - 2**31
        high = math.floor(Fraction(shifted * factor, 2**31) + Fraction(1, 2))
        assert found[i] == _half_away(Fraction(high, 2 ** max(right, 0)))


@given(st.floats(2.0**-31, 2.0**30))
def test_quantized_multipliers_hold_31_bits(real: float) -> None:
    """The multiplier is normalised and within half a unit of its last place."""
    multiplier, shift = fx.quantize_multiplier(real)
    assert 2**30 <= multiplier < 2**31
    assert -31 <= shift <= 31
    assert abs(Fraction(multiplier) / 2**31 / Fraction(2) ** shift - Fraction(real)) <= Fraction(real) / 2**31


@pytest.mark.parametrize(
    ("real", "expected"),
    [(0.0, (0, 0)), (1.0, (2**30, -1)), (0.5, (2**30, 0)), (2.0**-33, (0, 0)), (1 - 2.0**-40, (2**30, -1))],
)
def test_quantized_multiplier_at_the_edges(real: float, expected: tuple[int, int]) -> None:
    """Zero, powers of two, underflow, and a fraction that rounds up to one."""
    assert fx.quantize_multiplier(real) == expected


@pytest.mark.parametrize("real", [-1.0, float("nan"), float("inf"), 2.0**31])
def test_impossible_multipliers_are_refused(real: float) -> None:
    """What no Q0.31 number with a shift of 31 can say raises."""
    with pytest.raises(ValueError, match="multiplier"):
        fx.quantize_multiplier(real)


@given(st.integers(-(31 << 26), 0))
def test_exponential_is_close_to_exp(x: int) -> None:
    """Exp of Q5.26 as Q0.31, within 2**-22 of the real value."""
    found = int(fx.exp_on_negative_values(x)) / 2**31
    assert abs(found - math.exp(x / 2**26)) < 2**-22


@given(st.integers(0, fx.INT32_MAX))
def test_one_over_one_plus_x_is_close(x: int) -> None:
    """1 / (1 + x) within 2**-27."""
    assert abs(int(fx.one_over_one_plus_x(x)) / 2**31 - 1 / (1 + x / 2**31)) < 2**-27


@given(st.integers(1, fx.INT32_MAX), st.integers(0, 12))
def test_reciprocal_scales_back(x: int, integer_bits: int) -> None:
    """Scale and exponent together are 1 / x."""
    scale, bits = fx.reciprocal(x, integer_bits)
    real = x / 2 ** (31 - integer_bits)
    assert int(scale) / 2**31 * 2.0 ** -int(bits) == pytest.approx(1 / real, rel=2**-26)
