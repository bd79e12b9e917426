"""Firmware in QEMU: bit for bit what NumPy computes, counted the same on every run, and clear about failures."""

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from firmware_gen.build import Firmware, build
from firmware_gen.emulate import EmulationError, Emulator
from firmware_gen.emulation_script import (
    ClassifyEmbedding,
    Embed,
    EnrollAbort,
    EnrollAdd,
    EnrollAddEmbedding,
    EnrollBegin,
    EnrollCommit,
    Forget,
    ListClasses,
    ScriptError,
)
from firmware_gen.source_tree import SourceTree
from firmware_gen.targets import TARGETS
from quantize import reference
from quantize.artifact import Int8Embedding
from quantize.learners import prototypes

pytestmark = pytest.mark.needs("arm-gcc", "qemu")
M0_AND_M4 = pytest.mark.parametrize("target", ["m0", "m4"])
EVERY_CORE = pytest.mark.parametrize("target", [name for name, target in TARGETS.items() if target.emulated])
Int8Array = npt.NDArray[np.int8]

STATUS_ARGUMENT, STATUS_STATE, STATUS_FULL, STATUS_NOT_FOUND, STATUS_EMPTY = -1, -2, -3, -4, -5

COUNTING_MAIN = """
#include "boards/board.h"

static void spin(uint32_t rounds) /* two instructions a round */
{
    __asm volatile(".syntax unified \\n 1: subs %0, #1 \\n bne 1b" : "+l"(rounds) : : "cc");
}

static void send(uint64_t value)
{
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
    board_write((const char *)bytes, sizeof bytes);
}

int main(void)
{
    static const uint32_t rounds[] = {1000, 1000000, LONG_ROUNDS};
    uint64_t before, after;

    board_start();
    for (int i = 0; i < 3; i++) {
        before = board_tick();
        spin(rounds[i]);
        after = board_tick();
        send(after - before);
    }
    after = board_tick();
    for (int i = 0; i < 2000; i++) {
        before = after;
        after = board_tick();
        if (after < before || after - before > 200) {
            return 1;
        }
    }
    send(after);
    return 0;
}
"""


def emulator_of(tree: SourceTree, main: str, target: str, folder: Path, *, timeout_seconds: float = 60.0) -> Emulator:
    """A project around another program, in QEMU."""
    changed = dataclasses.replace(tree, files={**tree.files, "main.c": main})
    return Emulator(build(changed, TARGETS[target], folder), timeout_seconds=timeout_seconds)


@EVERY_CORE
def test_embeddings_equal_the_reference(
    emulation: dict[str, Firmware], tiny_embedding: Int8Embedding, tiny_inputs: Int8Array, target: str
) -> None:
    """Every operator, on each processor, over random inputs: no value differs."""
    embeddings, instructions = Emulator(emulation[target]).embed(tiny_inputs)
    np.testing.assert_array_equal(embeddings, reference.run(tiny_embedding.graph, tiny_inputs))
    assert (instructions > 0).all()


@M0_AND_M4
def test_enrollment_and_classification_equal_the_reference(
    emulation: dict[str, Firmware], tiny_embedding: Int8Embedding, tiny_inputs: Int8Array, target: str
) -> None:
    """Class, distance and margin of each query, the network running inside the firmware for every shot and query."""
    support, queries = tiny_inputs[:12].reshape(4, 3, *tiny_inputs.shape[1:]), tiny_inputs[12:]
    (episode,) = Emulator(emulation[target]).classify_episodes([(support, queries)])
    embedded = reference.run(tiny_embedding.graph, tiny_inputs)
    expected = prototypes.Prototypes().answer(embedded[:12].reshape(4, 3, -1), embedded[12:])
    assert episode.answers.differing(expected) == 0


@M0_AND_M4
def test_episodes_of_embeddings_equal_the_reference(emulation: dict[str, Firmware], target: str) -> None:
    """Fifty episodes in one run, extreme values and ties among them; one episode leaves nothing for the next."""
    rng = np.random.default_rng(3)
    limits = [(-128, 128), (-2, 2), (127, 128)]
    episodes = []
    for index in range(50):
        low, high = limits[index % 3]
        ways, shots = rng.integers(1, 5), rng.integers(1, 6)
        support = rng.integers(low, high, (ways, shots, 4)).astype(np.int8)
        episodes.append((support, rng.integers(-128, 128, (5, 4)).astype(np.int8)))
    runs = Emulator(emulation[target]).classify_episodes(episodes, embedded=True)
    for (support, queries), run in zip(episodes, runs, strict=True):
        expected = prototypes.Prototypes().answer(support, queries)
        assert run.answers.differing(expected) == 0


def test_a_session_of_enrolling_and_forgetting(emulation: dict[str, Firmware], tiny_inputs: Int8Array) -> None:
    """The whole life of classes on the device, refusals included, through the real API."""
    here, there = np.full(4, 10, np.int8), np.full(4, -10, np.int8)
    answers = Emulator(emulation["m0"]).ask(
        [
            ClassifyEmbedding(here),
            EnrollAdd(tiny_inputs[0]),
            EnrollBegin("here"),
            EnrollCommit(),
            EnrollAddEmbedding(here),
            EnrollCommit(),
            EnrollBegin("there"),
            EnrollAddEmbedding(there),
            EnrollAbort(),
            ClassifyEmbedding(there),
            EnrollBegin("there"),
            EnrollAddEmbedding(there),
            EnrollCommit(),
            ClassifyEmbedding(there),
            ListClasses(),
            Forget(1),
            Forget(1),
            ListClasses(),
            EnrollBegin("x" * 24),
            EnrollBegin(b"\xff\xfe"),
        ]
    )
    statuses = [answer.status for answer in answers]
    ok = 0
    assert statuses[:4] == [STATUS_EMPTY, STATUS_STATE, ok, STATUS_EMPTY]
    assert statuses[4:16] == [ok] * 12
    assert statuses[16:] == [STATUS_NOT_FOUND, ok, STATUS_ARGUMENT, STATUS_ARGUMENT]
    alone, both = answers[9], answers[13]
    assert (alone.class_id, alone.distance, alone.margin) == (1, 4 * 320**2, 0xFFFFFFFF)
    assert (both.class_id, both.distance, both.margin) == (2, 0, 4 * 320**2)
    assert [(c.class_id, c.shots, c.label) for c in answers[14].classes] == [(1, 1, "here"), (2, 1, "there")]
    assert [c.label for c in answers[17].classes] == ["there"]


def test_a_full_device_says_so(emulation: dict[str, Firmware]) -> None:
    """More classes than there is room for: the firmware refuses, and the error names the status."""
    support = np.zeros((6, 1, 4), np.int8)
    with pytest.raises(EmulationError, match=f"status {STATUS_FULL}"):
        Emulator(emulation["m4"]).classify_episodes([(support, support[:, 0])], embedded=True)


def test_instructions_are_the_same_on_every_run(emulation: dict[str, Firmware], tiny_inputs: Int8Array) -> None:
    """A count that varied could not be compared with another."""
    emulator = Emulator(emulation["m4"])
    np.testing.assert_array_equal(emulator.embed(tiny_inputs[:8])[1], emulator.embed(tiny_inputs[:8])[1])


@pytest.mark.parametrize(
    ("target", "tick"),
    [("m0", 62.5), ("m3", 40.0), ("m4", 40.0), ("m7", 40.0), ("m33", 50.0), ("m55", 31.25)],
)
def test_a_tick_counts_instructions(tiny_tree: SourceTree, programs: Path, target: str, tick: float) -> None:
    """Loops of a known length; then, around the end of the timer's 24 bits, no reading jumps back or far ahead."""
    period = int(2**24 * tick)
    long_rounds = (period - 2_050_000) // 2
    main = COUNTING_MAIN.replace("LONG_ROUNDS", str(long_rounds))
    run = emulator_of(tiny_tree, main, target, programs).run()
    assert run.exit_status == 0
    *counted, passed = np.frombuffer(run.serial, "<u8").astype(np.int64)
    known = np.array([2000, 2_000_000, 2 * long_rounds])
    assert (np.abs(np.array(counted) - known) <= tick + 40).all(), counted  # 40: reading the timer itself
    assert passed > period


@M0_AND_M4
def test_the_example_program_runs(tiny_tree: SourceTree, programs: Path, target: str) -> None:
    """What a person sees first after `make BOARD=... run` ends well and says something."""
    run = Emulator(build(tiny_tree, TARGETS[target], programs)).run()
    assert run.exit_status == 0
    assert run.serial


@EVERY_CORE
def test_the_serial_line_carries_both_ways(tiny_tree: SourceTree, programs: Path, target: str) -> None:
    """Bytes that arrive can be read and sent back, all 256 of them; main's value is the exit status."""
    main = """
        #include "boards/board.h"
        int main(void)
        {
            char bytes[256];
            board_start();
            board_write(bytes, board_read(bytes, sizeof bytes));
            return 3;
        }
    """
    data = bytes(range(256))
    run = emulator_of(tiny_tree, main, target, programs).run(serial_input=data)
    assert (run.exit_status, run.serial) == (3, data)


@EVERY_CORE
def test_a_fault_is_reported(tiny_tree: SourceTree, programs: Path, target: str) -> None:
    """A jump to an undefined instruction ends the run with a status of its own, not with a hang."""
    main = """
        int main(void)
        {
            __asm volatile("udf #0");
            return 0;
        }
    """
    assert emulator_of(tiny_tree, main, target, programs).run().exit_status == 70


def test_a_program_that_hangs_is_stopped(tiny_tree: SourceTree, programs: Path) -> None:
    """The time limit ends it, and the message says so."""
    emulator = emulator_of(tiny_tree, "int main(void) { for (;;) { } }\n", "m4", programs, timeout_seconds=1.0)
    with pytest.raises(EmulationError, match="still running after 1 s"):
        emulator.run()


def test_a_lock_up_is_reported(tiny_tree: SourceTree, programs: Path) -> None:
    """A fault within the fault handler stops QEMU itself; its first words are passed on."""
    main = """
        int main(void)
        {
            __asm volatile("cpsid f \\n udf #0");
            return 0;
        }
    """
    with pytest.raises(EmulationError, match=r"QEMU stopped: .*[Ll]ockup"):
        emulator_of(tiny_tree, main, "m4", programs).run()


def test_an_example_does_not_answer_scripts(tiny_tree: SourceTree, tiny_inputs: Int8Array, programs: Path) -> None:
    """The wrong program is recognised by its silence."""
    emulator = emulator_of(tiny_tree, "int main(void) { return 0; }\n", "m4", programs)
    with pytest.raises(EmulationError, match="main='emulation'"):
        emulator.ask([Embed(tiny_inputs[0])])


def test_inputs_of_another_model_are_refused(emulation: dict[str, Firmware]) -> None:
    """The firmware itself says how long its inputs are."""
    with pytest.raises(ScriptError, match="7 values, the model takes 64"):
        Emulator(emulation["m4"]).embed(np.zeros((1, 7), np.int8))


def test_what_qemu_says_is_passed_on(emulation: dict[str, Firmware], tmp_path: Path) -> None:
    """A program that is not there is QEMU's error, not an exit status of the program."""
    missing = dataclasses.replace(emulation["m4"], elf=tmp_path / "none.elf")
    with pytest.raises(EmulationError, match=r"QEMU stopped: .*none\.elf"):
        Emulator(missing).run()


def test_a_missing_emulator_names_its_package(emulation: dict[str, Firmware]) -> None:
    """One clear message on a machine without QEMU."""
    with pytest.raises(EmulationError, match="apt install qemu-system-arm"):
        _ = Emulator(emulation["m4"], qemu="qemu-system-nowhere").version


@pytest.mark.needs("gcc")
def test_the_host_is_not_emulated(tiny_tree: SourceTree, programs: Path) -> None:
    """A host program cannot be put into QEMU."""
    with pytest.raises(EmulationError, match="host is not emulated"):
        Emulator(build(tiny_tree, TARGETS["host"], programs))
