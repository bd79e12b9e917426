"""ANIL: MAML with almost no inner loop.

Raghu, Raghu, Bengio, Vinyals: *Rapid Learning or Feature Reuse? Towards Understanding the Effectiveness of MAML*, ICLR
2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trainer.learners.gradient_head import GradientHead


@dataclass(frozen=True)
class Anil(GradientHead):
    """Only the head adapts, in training as on the device."""

    name: ClassVar[str] = "anil"
