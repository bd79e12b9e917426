"""The sets of kernels among which ``runtime/kshot_target.h`` chooses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

KernelSet = Literal["portable", "dsp", "scalar", "helium"]

KERNEL_SETS: Mapping[KernelSet, str] = MappingProxyType(
    {
        "portable": "any processor",
        "dsp": "Cortex-M4, M7, M33 and others with DSP instructions",
        "scalar": "Cortex-M0, M0+, M3 and others without",
        "helium": "Cortex-M55, M85 and others with Helium",
    }
)
"""For whom each is; the names are those of ``KSHOT_KERNELS_*``."""
