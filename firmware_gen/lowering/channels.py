"""Constants of output channels, four at a time, and where the kernels' requantization is exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_gen.lowering.weighted import Weighted

GROUP = 4  # output channels whose constants stand together, and inputs in a quad
MAX_QUADS = 65535
SUM_LIMIT = 1 << 30  # a sum may be doubled before it is multiplied
MAX_SHIFT = 22  # the zero point shifted to the left stays below 2**30


@dataclass(frozen=True, eq=False)
class Channels:
    """What each four output channels need beside their weights; channels that do not exist are 0.

    ``kshot_dsp_channels``, ``kshot_scalar_channels`` or ``kshot_helium_channels``.

    Attributes
    ----------
    start, multiplier : int32 [groups, 4]
    shift : uint8 or int8 [groups, 4]
    """

    start: npt.NDArray[np.int32]
    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.uint8] | npt.NDArray[np.int8]


def rescales(layer: Weighted) -> bool:
    """Whether sums and shifts lie where the kernels' requantization is exact; a multiplier of 0 needs no shift."""
    shift = layer.shift[layer.multiplier != 0]
    return bool(layer.largest_sums().max() < SUM_LIMIT and np.all((shift >= 1) & (shift <= MAX_SHIFT)))


def grouped(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Rows of four, filled up with 0."""
    groups = np.zeros(-(-len(values) // GROUP) * GROUP, np.int64)
    groups[: len(values)] = values
    return groups.reshape(-1, GROUP)
