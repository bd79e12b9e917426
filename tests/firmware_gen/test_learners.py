"""The learners' halves on the device: C on the host and in QEMU answer as NumPy does, through whole episodes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from runtime_compilers import RUNTIME
from tiny_graphs import LEARNERS, identity, reshape_only, taught_by, tiny_conv, tiny_embedding

from firmware_gen.build import build
from firmware_gen.emit import generate
from firmware_gen.emulate import Emulator
from firmware_gen.emulation_script import (
    Classify,
    ClassifyEmbedding,
    EnrollAbort,
    EnrollAdd,
    EnrollAddEmbedding,
    EnrollBegin,
    EnrollCommit,
    Forget,
    MeasureStack,
    TakeBackEmbedding,
    Verify,
    VerifyEmbedding,
)
from firmware_gen.host import DeviceError, HostLearner, HostLibrary, Verification
from firmware_gen.learner_view import CLASS_BYTES, learner_view
from firmware_gen.source_tree import SourceTree
from firmware_gen.targets import TARGETS
from quantize import learners, reference
from quantize.artifact import Int8Embedding
from quantize.learners import MAX_SHOTS, Int8Learner
from quantize.learners.attention import power_table

Int8Array = npt.NDArray[np.int8]
each_learner = pytest.mark.parametrize("name", LEARNERS)

STATUS_ARGUMENT, STATUS_NOT_FOUND = -1, -4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all builds: what is common to the projects is compiled once."""
    return tmp_path_factory.mktemp("learners")


def embedding_of(name: str, length: int = 4, *, zero_point: int = 7, steps: int = 4) -> Int8Embedding:
    """An embedding of `length` values that are its input."""
    graph = identity(length, zero_point=zero_point, scale=0.01)
    return taught_by(tiny_embedding(graph, examples=0), name, steps=steps)


def episodes(
    rng: np.random.Generator, length: int, count: int, *, max_way: int = 5
) -> Iterator[tuple[Int8Array, Int8Array]]:
    """Classes with shots of every kind: all of int8, ones that meet often, both ends alone, all equal."""
    limits = [(-128, 127), (5, 9), (-128, -128), (127, 127)]
    for index in range(count):
        low, high = limits[index % len(limits)]
        n_way, k_shot = rng.integers(1, max_way + 1), rng.integers(1, 6)
        support = rng.integers(low, high, (n_way, k_shot, length), endpoint=True).astype(np.int8)
        if index % 5 == 4:  # ends only, which are as far from each other as can be
            support = rng.choice(np.array([-128, 127], np.int8), support.shape)
        low, high = limits[rng.integers(2)]
        queries = rng.integers(low, high, (8, length), endpoint=True).astype(np.int8)
        queries[0], queries[1] = support[0, 0], rng.choice(np.array([-128, 127], np.int8))
        yield support, queries


@pytest.mark.needs("gcc")
@each_learner
@pytest.mark.parametrize(("length", "zero_point"), [(1, 0), (4, 7), (33, -128), (256, 127)])
def test_host_c_answers_as_numpy(name: str, length: int, zero_point: int, folder: Path) -> None:
    """Class, distance and margin of random episodes, with ties and extremes, at both ends of the zero point."""
    embedding = embedding_of(name, length, zero_point=zero_point)
    library, learner = HostLibrary(generate(embedding, name="host"), folder), learners.of(embedding)
    rng = np.random.default_rng(length)
    ways = set()
    for support, queries in episodes(rng, length, 40, max_way=20):
        expected = learner.answer(support, queries)
        assert library.run_episode(support, queries).differing(expected) == 0
        ways |= set(expected.ways)
    assert len(ways) > 3


@pytest.mark.needs("gcc")
@each_learner
@pytest.mark.parametrize("steps", [0, 1, 60])
def test_any_number_of_steps(name: str, steps: int, folder: Path) -> None:
    """No step at all, fewer than there are rates, and many more."""
    embedding = embedding_of(name, 8, steps=steps)
    library, learner = HostLibrary(generate(embedding, name="steps"), folder), learners.of(embedding)
    rng = np.random.default_rng(steps)
    for support, queries in episodes(rng, 8, 12):
        assert library.run_episode(support, queries).differing(learner.answer(support, queries)) == 0


@pytest.mark.needs("clang")
@each_learner
def test_another_compiler_answers_alike(name: str, folder: Path) -> None:
    """The bits are the source's, not a compiler's."""
    embedding = embedding_of(name, 16)
    library, learner = HostLibrary(generate(embedding, name="clang"), folder, compiler="clang"), learners.of(embedding)
    for support, queries in episodes(np.random.default_rng(5), 16, 20, max_way=10):
        assert library.run_episode(support, queries).differing(learner.answer(support, queries)) == 0


@pytest.mark.needs("gcc")
@each_learner
def test_as_many_shots_as_there_may_be(name: str, folder: Path) -> None:
    """Every count and sum has room for 4095 of the farthest shots."""
    embedding = embedding_of(name, 3, zero_point=-128, steps=2)
    library, learner = HostLibrary(generate(embedding, name="shots"), folder), learners.of(embedding)
    rng = np.random.default_rng(6)
    support = np.stack([np.full((MAX_SHOTS, 3), 127), rng.integers(100, 128, (MAX_SHOTS, 3))]).astype(np.int8)
    queries = np.array([[127, 127, 127], [-128, -128, -128], [110, 120, 115]], np.int8)
    assert library.run_episode(support, queries).differing(learner.answer(support, queries)) == 0


@pytest.mark.needs("arm-gcc", "qemu")
@pytest.mark.parametrize("target", ["m0", "m4"])
@each_learner
def test_emulated_firmware_answers_as_numpy(name: str, target: str, folder: Path) -> None:
    """Whole episodes through enrollment, adaptation and classification, with and without a floating-point unit."""
    embedding = embedding_of(name, 6)
    emulator = Emulator(build(_tree(embedding), TARGETS[target], folder, main="emulation", extra_cflags=["-Werror"]))
    learner = learners.of(embedding)
    drawn = list(episodes(np.random.default_rng(8), 6, 12))
    ragged = [[shots[: 1 + way] for way, shots in enumerate(support)] for support, _ in drawn]
    drawn += [(support, queries) for support, (_, queries) in zip(ragged, drawn, strict=True)]
    runs = emulator.classify_episodes(drawn, embedded=True)
    assert (
        sum(
            run.answers.differing(learner.answer(support, queries))
            for run, (support, queries) in zip(runs, drawn, strict=True)
        )
        == 0
    )


def _tree(embedding: Int8Embedding) -> SourceTree:
    return generate(embedding, name="emulated", max_classes=5, max_shots=5)


@pytest.mark.needs("arm-gcc", "qemu")
@pytest.mark.parametrize("target", ["m0", "m4"])
@pytest.mark.parametrize("name", ["siamese", "anil"])
def test_emulated_inputs_answer_as_numpy(name: str, target: str, folder: Path) -> None:
    """The same from inputs, the network running inside the firmware for every shot and query."""
    embedding = taught_by(tiny_embedding(tiny_conv(), examples=0), name)
    emulator = Emulator(build(_tree(embedding), TARGETS[target], folder, main="emulation", extra_cflags=["-Werror"]))
    inputs = np.random.default_rng(9).integers(-128, 128, (22, 8, 8, 1)).astype(np.int8)
    support, queries = inputs[:12].reshape(4, 3, 8, 8, 1), inputs[12:]
    (run,) = emulator.classify_episodes([(support, queries)])
    known = reference.run(embedding.graph, inputs).reshape(22, 4)
    assert run.answers.differing(learners.of(embedding).answer(known[:12].reshape(4, 3, 4), known[12:])) == 0


@pytest.mark.needs("arm-gcc", "qemu")
@each_learner
def test_a_session_in_the_emulator(name: str, folder: Path) -> None:
    """More shots for a class, one taken back, a class forgotten: the answer is that of what remains."""
    embedding = embedding_of(name, 6)
    emulator = Emulator(build(_tree(embedding), TARGETS["m4"], folder, main="emulation", extra_cflags=["-Werror"]))
    rng = np.random.default_rng(12)
    shots, query = rng.integers(-128, 128, (5, 6)).astype(np.int8), rng.integers(-128, 128, 6).astype(np.int8)
    *_, foreign, aborted, forgotten, of_input, of_embedding = emulator.ask(
        [
            *(EnrollBegin("a"), EnrollAddEmbedding(shots[0]), EnrollAddEmbedding(shots[1]), EnrollCommit()),
            *(EnrollBegin("b"), EnrollAdd(shots[2]), EnrollCommit()),
            *(EnrollBegin("c"), EnrollAddEmbedding(shots[3]), EnrollCommit()),
            *(EnrollBegin("a"), EnrollAddEmbedding(shots[4]), TakeBackEmbedding(shots[0]), EnrollCommit()),
            *(EnrollBegin("d"), EnrollAddEmbedding(shots[0]), TakeBackEmbedding(~shots[0]), EnrollAbort()),
            Forget(2),
            Classify(query),
            ClassifyEmbedding(query),
        ]
    )
    assert (foreign.status, aborted.status, forgotten.status) == (STATUS_ARGUMENT, 0, 0)
    wanted = learners.of(embedding).answer([shots[[1, 4]], shots[[3]]], query[np.newaxis])
    for answer in (of_input, of_embedding):
        assert answer.class_id == (1, 3)[wanted.ways[0]]
        assert (answer.distance, answer.margin) == (wanted.distances[0], wanted.margins[0])


@pytest.mark.needs("gcc")
@each_learner
def test_what_is_forgotten_leaves_no_byte(name: str, folder: Path) -> None:
    """The memory is that of a device which never knew the class, and zero when no class is left."""
    embedding = embedding_of(name, 5)
    library = HostLibrary(generate(embedding, name="forgets"), folder)
    rng = np.random.default_rng(13)
    shots = rng.integers(-128, 128, (9, 5)).astype(np.int8)

    def taught(*classes: str) -> HostLearner:
        device = library.learner(max_classes=4, max_shots=3)
        for label in classes:
            device.enroll_begin(label)
            for shot in shots["abc".index(label) :: 3]:
                device.enroll_add(shot)
            device.enroll_commit()
        return device

    def memory(device: HostLearner) -> list[bytes]:
        classes = device._memory.arrays[2].copy()
        classes["id"] = 0  # ids are not used again
        return [a.tobytes() for a in (*device._memory.arrays[:2], classes, *device._memory.arrays[3:])]

    def alike(device: HostLearner, other: HostLearner) -> bool:
        for asked in (device, other):  # what a learner notes of a query is the last one's
            asked.classify(shots[5])
        return memory(device) == memory(other)

    device = taught("a", "b", "c")
    device.classify(shots[0])
    device.forget(2)
    assert alike(device, taught("a", "c"))
    device = taught("a")
    device.enroll_begin("b")
    device.enroll_add(shots[1])
    device.enroll_abort()
    assert not any(map(any, memory(device)[:2]))  # the activations and the embedding of the aborted shot
    assert alike(device, taught("a"))
    device.forget(1)
    assert not any(map(any, memory(device)))


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("name", ["anil", "maml"])
def test_adaptation_happens_when_classes_change(name: str, folder: Path) -> None:
    """The head is worked out on commit and on forget, not by shots that do not count yet, nor by questions."""
    library = HostLibrary(generate(embedding_of(name, 5), name="adapts"), folder)
    shots = np.random.default_rng(14).integers(-128, 128, (4, 5)).astype(np.int8)
    device = library.learner(max_classes=3, max_shots=3)
    head = device._memory.arrays[8]
    seen = [head.tobytes()]

    def changed() -> bool:
        seen.append(head.tobytes())
        return seen[-1] != seen[-2]

    for label, shot in (("a", shots[0]), ("b", shots[1])):
        device.enroll_begin(label)
        device.enroll_add(shot)
        assert not changed()
        device.enroll_commit()
        assert changed()
    device.classify(shots[2])
    assert not changed()
    device.enroll_begin("a")
    device.enroll_add(shots[3])
    device.enroll_abort()
    assert not changed()
    device.forget(1)
    assert changed()


@pytest.mark.needs("gcc")
def test_verification_on_the_host(folder: Path) -> None:
    """An input or embedding is of a class up to the calibrated distance from the class's nearest shot."""
    embedding = embedding_of("siamese", 4)
    learner, library = learners.of(embedding), HostLibrary(generate(embedding, name="verifies"), folder)
    rng = np.random.default_rng(15)
    shots, queries = (rng.integers(-128, 128, (n, 4)).astype(np.int8) for n in (3, 50))
    device = library.learner()
    device.enroll_begin("it")
    for shot in shots:
        device.enroll_add_embedding(shot)
    class_id = device.enroll_commit()
    same, distances = learner.verify(shots, queries)
    for query, is_same, distance in zip(queries, same, distances, strict=True):
        expected = Verification(bool(is_same), int(distance))
        assert device.verify(class_id, query) == device.verify_embedding(class_id, query) == expected
    assert 0 < same.sum() < len(same)
    with pytest.raises(DeviceError, match="KSHOT_ERROR_NOT_FOUND"):
        device.verify(class_id + 1, queries[0])


@pytest.mark.needs("gcc")
@each_learner
def test_without_a_calibrated_distance_nothing_is_verified(name: str, folder: Path) -> None:
    """Learners that have none, and a Siamese model that was not calibrated, refuse."""
    embedding = embedding_of(name, 4)
    learned = {key: value for key, value in embedding.learned.items() if key != "same_distance"}
    device = HostLibrary(generate(replace(embedding, learned=learned), name="refuses"), folder).learner()
    shot = np.zeros(4, np.int8)
    device.enroll_begin("it")
    device.enroll_add(shot)
    class_id = device.enroll_commit()
    for verify in (device.verify, device.verify_embedding):
        with pytest.raises(DeviceError, match="KSHOT_ERROR_MODEL"):
            verify(class_id, shot)


@pytest.mark.needs("arm-gcc", "qemu")
def test_verification_in_the_emulator(folder: Path) -> None:
    """The same answers as NumPy's, and refusals carry their status."""
    embedding = embedding_of("siamese", 4)
    emulator = Emulator(build(_tree(embedding), TARGETS["m0"], folder, main="emulation", extra_cflags=["-Werror"]))
    rng = np.random.default_rng(16)
    shots, queries = (rng.integers(-128, 128, (n, 4)).astype(np.int8) for n in (2, 20))
    same, distances = learners.of(embedding).verify(shots, queries)
    answers = emulator.ask(
        [
            *(EnrollBegin("it"), *map(EnrollAddEmbedding, shots), EnrollCommit()),
            *(Verify(query, 1) for query in queries),
            *(VerifyEmbedding(query, 1) for query in queries),
            Verify(queries[0], 2),
        ]
    )[4:]
    assert [(a.same, a.distance) for a in answers[:-1]] == 2 * list(zip(same, distances, strict=True))
    assert (answers[-1].status, answers[-1].same, answers[-1].distance) == (STATUS_NOT_FOUND, False, 0)


@pytest.mark.needs("gcc")
@each_learner
@pytest.mark.parametrize("shots", [3, 7])
def test_published_memory_is_what_the_compiler_takes(name: str, shots: int, tmp_path: Path) -> None:
    """Bytes of a class, and those that all classes share, add up to the caller's struct, also with room for others."""
    embedding = embedding_of(name, 5)
    view = learner_view(learners.of(embedding), name="m", embedding_len=5, max_shots=3)
    project = generate(embedding, name="m", max_classes=6, max_shots=3).write(tmp_path)
    program = tmp_path / "sizes.c"
    program.write_text(
        '#include <stdio.h>\n#include "m.h"\nint main(void)\n{\n'
        '    printf("%zu %zu ", sizeof(m_memory) - M_ARENA_BYTES, sizeof(kshot_class));\n'
        '    printf("%d %d", (int)M_CLASS_BYTES, (int)M_CLASS_STORE_BYTES);\n    return 0;\n}\n'
    )
    flags = ["-std=c99", f"-DM_MAX_SHOTS={shots}", f"-I{project}/kshot", f"-I{project}/model"]
    subprocess.run(["gcc", *flags, program, "-o", tmp_path / "sizes"], check=True)
    printed = subprocess.run([tmp_path / "sizes"], check=True, capture_output=True).stdout
    taken, class_struct, class_bytes, store_bytes = map(int, printed.split())
    published = 7 * class_bytes + view.shared_bytes + 5
    assert published <= taken < published + 4 + 8  # an array and the struct's end are aligned
    assert class_struct == CLASS_BYTES
    assert (class_bytes, store_bytes) == (
        view.class_bytes + (shots - 3) * view.shot_bytes,
        (shots * 5 if view.keeps_shots else 20),
    )


@pytest.mark.needs("arm-gcc", "qemu")
@pytest.mark.parametrize("target", ["m0", "m4"])
@each_learner
def test_the_stack_bound_covers_the_learner(name: str, target: str, folder: Path) -> None:
    """Where the network needs hardly any stack, the learner decides; its calls go through pointers."""
    embedding = taught_by(tiny_embedding(reshape_only(), examples=0), name)
    firmware = build(_tree(embedding), TARGETS[target], folder, main="emulation", extra_cflags=["-Werror"])
    shots = np.random.default_rng(17).integers(-128, 128, (4, 12)).astype(np.int8)
    requests = [
        *(EnrollBegin("a"), EnrollAdd(shots[0]), EnrollAdd(shots[1]), TakeBackEmbedding(shots[0]), EnrollCommit()),
        *(EnrollBegin("b"), EnrollAdd(shots[2]), EnrollCommit(), Classify(shots[3]), Forget(1), MeasureStack()),
    ]
    used = Emulator(firmware).ask(requests)[-1].used_bytes
    assert firmware.sizes is not None
    assert used <= firmware.sizes.stack_bytes <= used + 256


def test_the_power_table_of_the_runtime() -> None:
    """The 256 numbers in C are those that the contract defines."""
    text = re.search(r"power_table\[[^]]*\] = \{([^}]*)\}", (RUNTIME / "kshot_attention.c").read_text())
    assert text is not None
    assert [int(number) for number in text[1].split(",") if number.strip()] == power_table().tolist()


def test_other_learners_have_no_view() -> None:
    """A learner without a part in the runtime cannot be generated."""

    class Other(Int8Learner):
        def _answer(self, enrolled: object, queries: object) -> learners.Answers:
            raise AssertionError

    with pytest.raises(TypeError, match="Other has no part in the runtime"):
        learner_view(Other(), name="m", embedding_len=4, max_shots=1)
