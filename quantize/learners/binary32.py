"""Arithmetic in IEEE binary32, one rounding an operation, in an order that C repeats.

Twin of ``kshot_exp32.h``. NumPy's own exp and its sums are not used: their bits depend on version and processor.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]

_LOWEST = np.float32(-17.0)
_LOG2_E = np.float32(1.44269502)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(-2.12194442e-4)
_HALF = np.float32(0.5)
# Taylor coefficients of exp, from the fifth order down.
_COEFFICIENTS = tuple(np.float32(c) for c in (1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0))


def exp32(x: Float32Array) -> Float32Array:
    """Exponential of values that are 0 or less, for a softmax; 0 below -17, where it is lost beside the largest, 1.

    Range reduction ``x = k ln 2 + r`` with ln 2 in two parts (Cody and Waite, 1980), a polynomial of fifth order in r
    by Horner's rule, the exponent k by its bits. Within 4e-6 of the exact value, relatively.

    Parameters
    ----------
    x : float32, any shape

    Returns
    -------
    float32 of the same shape
    """
    inside = np.maximum(x, _LOWEST)
    k = (inside * _LOG2_E - _HALF).astype(np.int32)
    whole = k.astype(np.float32)
    r = (inside - whole * _LN2_HIGH) - whole * _LN2_LOW
    p = np.full_like(r, _COEFFICIENTS[0])
    for coefficient in _COEFFICIENTS[1:]:
        p = p * r + coefficient
    scale = ((k + 127) << 23).astype(np.int32).view(np.float32)
    powers: Float32Array = np.where(x < _LOWEST, np.float32(0.0), p * scale)
    return powers
