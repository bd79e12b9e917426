"""`Rejection`: what a model carries so that a device can reject what belongs to no enrolled class."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

UInt32Array = npt.NDArray[np.uint32]

RATE_KNOTS = 9
LOWEST_RATE_BITS = 6
"""Knots of the rate are 2**6, 2**7, ... 2**14 of 2**16: from 0.1 to 25 %."""
MAX_KNOTS = 6
MAX_TAIL_BITS = 5
MIN_IMPOSTORS, MAX_IMPOSTORS = 8, 1024
CALIBRATED_ON = ("validation", "training groups", "training")


@dataclass(frozen=True, eq=False)
class Rejection:
    """What a device needs to reject, in int8 units.

    Attributes
    ----------
    impostors : int8 [m, d]
        Embeddings of samples of training classes.
    factors : uint16 [ways, shots, 9]
        Thresholds as multiples of a base, Q14: by number of classes and of shots, knots at 1, 2, 4, ..., and by rate.
    priors : uint32 [ways, shots]
        What the base usually is, in the learner's unit of distance.
    typical, far : uint32 [shots]
        Distance of a class's own samples: half of them lie within the first, 49 of 50 within the second.
    spread : int
        Mean squared distance of a shot from its class's mean (of one degree of freedom), in units of the scale.
    calibrated_on : str
        One of `CALIBRATED_ON`: ``validation`` where classes were held out; ``training groups`` where training classes
        served, few of their groups at a time; ``training`` where they had no groups, so that realised rates lie above
        the requested.
    classes : tuple of str
        Names of the classes that the tables were calibrated on.

    Raises
    ------
    ValueError
        If shapes, dtypes or ranges are others.
    """

    impostors: npt.NDArray[np.int8]
    factors: npt.NDArray[np.uint16]
    priors: UInt32Array
    typical: UInt32Array
    far: UInt32Array
    spread: int
    calibrated_on: str
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.impostors.dtype != np.int8 or self.impostors.ndim != 2 or not self.impostors.shape[1]:
            raise ValueError(f"impostors are {self.impostors.dtype}{list(self.impostors.shape)}, not int8[m, d]")
        if not MIN_IMPOSTORS <= len(self.impostors) <= MAX_IMPOSTORS:
            raise ValueError(f"{len(self.impostors)} impostors; {MIN_IMPOSTORS} to {MAX_IMPOSTORS} work")
        shape = self.factors.shape
        if self.factors.dtype != np.uint16 or len(shape) != 3 or shape[2] != RATE_KNOTS:
            raise ValueError(f"factors are {self.factors.dtype}{list(shape)}, not uint16[ways, shots, {RATE_KNOTS}]")
        if (np.diff(self.factors.astype(np.int64)) < 0).any():
            raise ValueError("factors fall where the rate rises")
        if not all(1 <= knots <= MAX_KNOTS for knots in shape[:2]):
            raise ValueError(f"factors for {shape[0]} and {shape[1]} knots; 1 to {MAX_KNOTS} work")
        for name, wanted in (("priors", shape[:2]), ("typical", shape[1:2]), ("far", shape[1:2])):
            table = getattr(self, name)
            if table.dtype != np.uint32 or table.shape != wanted:
                raise ValueError(f"{name} are {table.dtype}{list(table.shape)}, not uint32{list(wanted)}")
        if not 1 <= self.spread <= 256 * 255**2:
            raise ValueError(f"spread is {self.spread}; mean squares go from 1 to {256 * 255**2}")
        if self.calibrated_on not in CALIBRATED_ON:
            raise ValueError(f"calibrated on {self.calibrated_on!r}; there are {', '.join(CALIBRATED_ON)}")

    @property
    def tail_bits(self) -> int:
        """As `tail_bits_of` its impostors."""
        return tail_bits_of(len(self.impostors))

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that decides a verdict."""
        tables = (self.impostors, self.factors, self.priors, self.typical, self.far)
        found = hashlib.sha256(repr([table.shape for table in tables] + [self.spread]).encode())
        for table in tables:
            found.update(np.ascontiguousarray(table, table.dtype.newbyteorder("<")).tobytes())
        return found.hexdigest()


def tail_bits_of(impostors: int) -> int:
    """The base is a mean over the ``2**tail_bits`` nearest impostors: an eighth of them or less, at most 32."""
    return min((impostors // 8).bit_length() - 1, MAX_TAIL_BITS)
