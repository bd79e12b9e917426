"""From a linked image to a board: a plan that can be read before it is carried out.

`plan` chooses the way and refuses an image that the board would not start; `Plan.carry_out` does it and verifies.
"""

from __future__ import annotations

from firmware_gen.flashing.errors import FlashError
from firmware_gen.flashing.plans import METHOD_TITLES, Plan, plan

__all__ = ["METHOD_TITLES", "FlashError", "Plan", "plan"]
