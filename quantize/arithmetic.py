"""The fixed-point primitives of the int8 contract, vectorised (docs/int8_semantics.md, "Primitives").

Each function takes and returns integers in NumPy int64, holding values that fit int32; the C runtime computes the same
in int32 with an int64 product. Names follow gemmlowp's ``fixedpoint.h``, which TensorFlow Lite Micro uses. A value Qm.n
is an integer that stands for itself times 2**-n, in 1 + m + n = 32 bits.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
IntLike = IntArray | np.int64 | int

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1

_EXP_MINUS_EIGHTH = 1895147668  # exp(-1/8) in Q0.31
_ONE_THIRD = 715827883  # 1/3 in Q0.31
_48_OVER_17 = 1515870810  # in Q2.29
_NEG_32_OVER_17 = -1010580540  # in Q2.29
# exp(-2**k) in Q0.31 for k = -2 .. 4
_EXP_POWERS = {-2: 1672461947, -1: 1302514674, 0: 790015084, 1: 290630308, 2: 39332535, 3: 720401, 4: 242}
_DIFF_FRACTION_BITS = 26  # the argument of exp is Q5.26


def wrap_int32(x: IntLike) -> IntArray:
    """Reduce to int32 modulo 2**32, as two's complement does."""
    return np.asarray(x, np.int64).astype(np.int32).astype(np.int64)


def saturate_int32(x: IntLike) -> IntArray:
    """Clamp to the range of int32."""
    return np.clip(np.asarray(x, np.int64), INT32_MIN, INT32_MAX)


def saturating_rounding_doubling_high_mul(a: IntLike, b: IntLike) -> IntArray:
    """Multiply two Q0.31 numbers: ``floor(a * b / 2**31 + 1/2)``, saturated.

    The original divides with truncation and a nudge that depends on the sign; that equals this floor. Only
    ``INT32_MIN * INT32_MIN`` saturates.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    return np.minimum((product + (1 << 30)) >> 31, INT32_MAX)


def rounding_divide_by_pot(x: IntLike, exponent: IntLike) -> IntArray:
    """``x / 2**exponent`` rounded to nearest, halves away from zero; `exponent` in [0, 31]."""
    x, exponent = np.asarray(x, np.int64), np.asarray(exponent, np.int64)
    half = (np.int64(1) << exponent) >> 1
    return (x + half - ((x < 0) & (exponent > 0))) >> exponent


def multiply_by_quantized_multiplier(x: IntLike, multiplier: IntLike, shift: IntLike) -> IntArray:
    """Rescale an accumulator by ``multiplier * 2**-31 * 2**-shift``, rounding twice.

    Parameters
    ----------
    x : int64
        Values that fit int32.
    multiplier : int64
        Q0.31, not negative.
    shift : int64
        Right shift in [-31, 31]. A negative one is a left shift before the multiplication, modulo 2**32.
    """
    shift = np.asarray(shift, np.int64)
    left = np.maximum(-shift, 0)
    if np.any(left):
        x = wrap_int32(np.asarray(x, np.int64) << left)
    high = saturating_rounding_doubling_high_mul(x, multiplier)
    return rounding_divide_by_pot(high, np.maximum(shift, 0))


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Write a real multiplier as Q0.31 and a right shift.

    Parameters
    ----------
    real : float
        Not negative, finite.

    Returns
    -------
    multiplier : int
        In [2**30, 2**31), or 0 where `real` is 0 or below 2**-32.
    shift : int
        ``real ~ multiplier * 2**-31 * 2**-shift``; at most 31, negative where `real` is 1 or more.

    Raises
    ------
    ValueError
        If `real` is negative, not finite, or 2**31 and more.
    """
    if not (math.isfinite(real) and real >= 0):
        raise ValueError(f"a multiplier of {real}")
    fraction, exponent = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, exponent = 2**30, exponent + 1
    if exponent < -31:
        return 0, 0
    if exponent > 31:
        raise ValueError(f"a multiplier of {real:g} exceeds 2**31")
    return multiplier, -exponent


def exp_on_negative_values(x: IntLike) -> IntArray:
    """Exponential of Q5.26 numbers that are not positive, as Q0.31.

    The fraction modulo 1/4 goes through a Taylor polynomial around -1/8, each higher bit through a multiplication by a
    constant; 0 gives the largest Q0.31 number.
    """
    x = np.asarray(x, np.int64)
    quarter = 1 << (_DIFF_FRACTION_BITS - 2)
    fraction = (x & (quarter - 1)) - quarter
    result = _exp_between_minus_quarter_and_0(saturate_int32(fraction << 5))
    remainder = fraction - x
    for power, factor in _EXP_POWERS.items():
        bit = 1 << (_DIFF_FRACTION_BITS + power)
        result = np.where(remainder & bit, saturating_rounding_doubling_high_mul(result, factor), result)
    return np.where(x == 0, INT32_MAX, result)


def _exp_between_minus_quarter_and_0(x: IntArray) -> IntArray:
    """``exp(x)`` for Q0.31 numbers in [-1/4, 0)."""
    mul = saturating_rounding_doubling_high_mul
    y = x + (1 << 28)
    y2 = mul(y, y)
    y3, y4 = mul(y2, y), mul(y2, y2)
    tail = rounding_divide_by_pot(mul(rounding_divide_by_pot(y4, 2) + y3, _ONE_THIRD) + y2, 1)
    return _EXP_MINUS_EIGHTH + mul(y + tail, _EXP_MINUS_EIGHTH)


def one_over_one_plus_x(x: IntLike) -> IntArray:
    """``1 / (1 + x)`` for Q0.31 numbers in [0, 1), as Q0.31: three Newton-Raphson steps."""
    mul = saturating_rounding_doubling_high_mul
    half_denominator = (np.asarray(x, np.int64) + INT32_MAX + 1) >> 1
    estimate = _48_OVER_17 + mul(half_denominator, _NEG_32_OVER_17)
    for _ in range(3):
        error = (1 << 29) - mul(half_denominator, estimate)
        estimate = estimate + saturate_int32(mul(estimate, error) << 2)
    return saturate_int32(estimate << 1)


def reciprocal(x: IntLike, integer_bits: int) -> tuple[IntArray, IntArray]:
    """``1 / x`` for positive numbers with `integer_bits` integer bits.

    Returns
    -------
    scale : int64
        Q0.31, in (1/2, 1].
    bits_over_unit : int64
        ``1 / x = scale * 2**-bits_over_unit``.
    """
    x = np.asarray(x, np.int64)
    headroom = 32 - np.frexp(x.astype(np.float64))[1].astype(np.int64)  # leading zeros of 32 bits
    return one_over_one_plus_x((x << headroom) - (1 << 31)), integer_bits - headroom
