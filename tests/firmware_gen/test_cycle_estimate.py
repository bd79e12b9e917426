"""The estimate of cycles: kinds of instructions told apart, weights applied."""

from __future__ import annotations

from collections import Counter

import pytest

from firmware_gen.cycle_estimate import WEIGHTS, cycles_an_instruction, mixes
from firmware_gen.targets import TARGETS

_DISASSEMBLY = """
00000010 <kernel>:
  10:\tldr\tr0, [r1, #0]
  12:\tldmia.w\tr1!, {r2, r3}
  16:\tsmlad\tr0, r2, r3, r0
  1a:\tstrb.w\tr0, [r4]
  1e:\tbne.n\t10 <kernel>
  20:\tbic.w\tr0, r0, #1
  24:\tbl\t2c <divide>
  28:\tbx\tlr

0000002c <divide>:
  2c:\tsdiv\tr0, r0, r1
"""


def test_instructions_are_told_apart() -> None:
    """Loads, stores, branches and divisions by their mnemonics, those of called functions too; bic is no branch."""
    found = mixes(_DISASSEMBLY)
    assert found["kernel"] == Counter(load=2, store=1, branch=3, divide=1, other=2)
    assert found["divide"] == Counter(divide=1)


def test_targets_without_a_table_get_no_estimate(tmp_path) -> None:
    """Nothing is even read for a processor that overlaps instructions."""
    assert cycles_an_instruction(tmp_path / "no.elf", "m7", tool_prefix="arm-none-eabi-") == {}


@pytest.mark.parametrize("target", WEIGHTS)
def test_weights_are_of_targets_that_exist(target: str) -> None:
    """Each table has a weight for whatever is no kind of its own."""
    assert target in TARGETS
    assert WEIGHTS[target]["other"] == 1
