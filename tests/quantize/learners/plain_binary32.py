"""Binary32 with Python's floats: each operation rounded by itself."""

from __future__ import annotations

import struct


def rounded(value: float) -> float:
    """The nearest binary32; of a binary64 sum, difference, product or quotient of two that is the IEEE result."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def plain_exp(x: float) -> float:
    """Operation by operation, each rounded once."""
    if x < -17.0:
        return 0.0
    k = int(rounded(rounded(x * rounded(1.44269502)) - 0.5))
    r = rounded(rounded(x - rounded(k * rounded(0.693359375))) - rounded(k * rounded(-2.12194442e-4)))
    power = rounded(1 / 120)
    for coefficient in (1 / 24, 1 / 6, 0.5, 1.0, 1.0):
        power = rounded(rounded(power * r) + rounded(coefficient))
    return rounded(power * 2.0**k)
