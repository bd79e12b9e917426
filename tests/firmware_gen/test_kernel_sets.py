"""The names that generator, runtime and targets share."""

import re
from pathlib import Path

import pytest
from runtime_compilers import RUNTIME, run

from firmware_gen.kernel_sets import KERNEL_SETS
from firmware_gen.targets import TARGETS

BOARDS = Path(__file__).parents[2] / "firmware_gen" / "boards"


def test_the_header_knows_every_set() -> None:
    """Each set has a number of its own in kshot_target.h, and there is no other."""
    defined = re.findall(r"#define KSHOT_KERNELS_(\w+) (\d+)", (RUNTIME / "kshot_target.h").read_text())
    assert {name.lower() for name, _ in defined} == set(KERNEL_SETS)
    assert len({number for _, number in defined}) == len(KERNEL_SETS)


@pytest.mark.needs("arm-gcc")
@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.tool_prefix])
def test_the_header_chooses_what_the_target_says(name: str) -> None:
    """For the flags of each board, the compiler takes the kernels that the table of targets names."""
    for board in TARGETS[name].boards:
        flags = re.search(r"^BOARD_CPU = (.+)$", (BOARDS / board.name / "board.mk").read_text(), re.MULTILINE)
        assert flags is not None
        macros = ("-dM", "-E", "-include", RUNTIME / "kshot_target.h", "-x", "c", "/dev/null")
        defined = run(f"{TARGETS[name].tool_prefix}gcc", *flags[1].split(), "-mthumb", *macros)
        assert f"#define KSHOT_KERNELS KSHOT_KERNELS_{TARGETS[name].kernels.upper()}\n" in defined
