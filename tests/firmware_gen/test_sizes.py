"""The size report against what the linked program itself says and does."""

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tiny_graphs
from tiny_graphs import identity, taught_by

from firmware_gen import targets
from firmware_gen.build import Firmware, build
from firmware_gen.emit import generate
from firmware_gen.emulate import Emulator
from firmware_gen.emulation_script import Embed, EnrollAdd, EnrollBegin, EnrollCommit, ListClasses, MeasureStack
from firmware_gen.sizes import linked_model
from quantize.artifact import Int8Embedding

pytestmark = pytest.mark.needs("arm-gcc")
TARGETS = ["m0", "m4"]


@pytest.mark.parametrize("target", TARGETS)
def test_flash_and_variables_are_those_of_binutils(emulation: dict[str, Firmware], target: str) -> None:
    """`arm-none-eabi-size` adds up the same sections, the linker's stack reserve apart."""
    firmware = emulation[target]
    assert firmware.sizes is not None
    done = subprocess.run(["arm-none-eabi-size", "-A", firmware.elf], check=True, capture_output=True, text=True)
    sections = {
        row[0]: int(row[1]) for line in done.stdout.splitlines() if line.startswith(".") and (row := line.split())
    }
    assert firmware.sizes.flash_bytes == sections[".text"] + sections[".data"]
    assert firmware.sizes.static_ram_bytes == sections[".data"] + sections[".bss"]
    assert firmware.sizes.ram_bytes == firmware.sizes.static_ram_bytes + firmware.sizes.stack_bytes


def test_regions_are_those_of_the_linker_script(emulation: dict[str, Firmware]) -> None:
    """The micro:bit has 256 KB of flash and 16 KB of RAM."""
    sizes = emulation["m0"].sizes
    assert sizes is not None
    assert (sizes.flash_region_bytes, sizes.ram_region_bytes) == (256 * 1024, 16 * 1024)


def test_the_model_inside_is_read_back(emulation: dict[str, Firmware], tiny_embedding: Int8Embedding) -> None:
    """The program says which model it holds, and how much memory it works in."""
    firmware = emulation["m4"]
    model = linked_model(firmware.elf, name=firmware.name)
    graph = tiny_embedding.graph
    assert model.fingerprint == tiny_embedding.fingerprint
    assert (model.input_len, model.embedding_len) == (graph.input_tensor.size, graph.output_tensor.size)
    assert firmware.sizes is not None
    assert firmware.sizes.arena_bytes == model.arena_bytes


def test_constants_hold_the_weights_and_little_more(
    emulation: dict[str, Firmware], tiny_embedding: Int8Embedding
) -> None:
    """Weights and biases, 5 bytes a channel to requantize, and a parameter block a layer."""
    graph = tiny_embedding.graph
    needed = sum(tensor.data.nbytes for tensor in graph.tensors if tensor.data is not None)
    sizes = emulation["m4"].sizes
    assert sizes is not None
    assert needed < sizes.model_constant_bytes < needed + 100 * len(graph.ops)


@pytest.mark.parametrize("name", ["prototypical", "matching"])
def test_what_a_class_takes_is_reported(name: str, tmp_path: Path) -> None:
    """As the header says: with shots, and a sum where they are not kept; each class more takes as much."""
    embedding = taught_by(tiny_graphs.tiny_embedding(identity(6), examples=2), name)
    trees = [generate(embedding, name="tiny", max_classes=n, max_shots=5) for n in (3, 7)]
    few, many = (build(tree, targets.get("m0"), tmp_path).sizes for tree in trees)
    assert few is not None
    assert many is not None
    expected = {"prototypical": (28 + 6 * 6, 6 * 4), "matching": (28 + 5 * (6 + 4), 5 * 6)}[name]
    assert (few.class_bytes, few.class_store_bytes) == expected
    assert abs(many.static_ram_bytes - few.static_ram_bytes - 4 * few.class_bytes) < 8  # alignment


def test_a_network_alone_has_no_classes(tmp_path: Path) -> None:
    """Nothing is said of a learner that is not there."""
    embedding = tiny_graphs.tiny_embedding(identity(257), examples=0)
    firmware = build(generate(embedding, name="tiny"), targets.get("m0"), tmp_path)
    assert firmware.sizes is not None
    assert (firmware.sizes.class_bytes, firmware.sizes.class_store_bytes) == (0, 0)


@pytest.mark.needs("qemu")
@pytest.mark.parametrize("target", TARGETS)
def test_the_stack_stays_within_its_bound(
    emulation: dict[str, Firmware], tiny_inputs: npt.NDArray[np.int8], target: str
) -> None:
    """Painted and measured in the emulator, the stack is used nearly as deep as the bound says, and no deeper."""
    firmware = emulation[target]
    one = tiny_inputs[0]
    requests = [Embed(one), EnrollBegin("a"), EnrollAdd(one), EnrollCommit(), ListClasses(), MeasureStack()]
    used = Emulator(firmware).ask(requests)[-1].used_bytes
    assert firmware.sizes is not None
    assert used <= firmware.sizes.stack_bytes <= used + 320


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "x.elf").write_bytes(b"MZ")
    with pytest.raises(ValueError, match=r"x\.elf: not an ELF file"):
        linked_model(tmp_path / "x.elf", name="x")


def test_a_program_for_another_processor_is_refused(tmp_path: Path) -> None:
    """A host program has no Cortex-M sizes."""
    (tmp_path / "x.elf").write_bytes(Path("/proc/self/exe").read_bytes())
    with pytest.raises(ValueError, match="not for a Cortex-M"):
        linked_model(tmp_path / "x.elf", name="x")


def test_a_firmware_without_the_model_is_refused(emulation: dict[str, Firmware]) -> None:
    """A wrong name is an error, not a report of nothing."""
    with pytest.raises(ValueError, match="holds no other_model"):
        linked_model(emulation["m4"].elf, name="other")
