"""Rejection on the device: C on the host and in QEMU judges as NumPy does, whatever the learner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from rejections import random_rejection
from tiny_graphs import LEARNERS, identity, taught_by, tiny_embedding

from firmware_gen.build import build
from firmware_gen.emit import generate
from firmware_gen.emulate import Emulator
from firmware_gen.emulation_script import (
    ClassifyEmbedding,
    EnrollAddEmbedding,
    EnrollBegin,
    EnrollCommit,
    EnrollQuality,
    MeasureStack,
    Nearest,
    NegativeAddEmbedding,
    NegativesForget,
    Quality,
    ScriptError,
    SetFalseAccepts,
    StackUse,
)
from firmware_gen.host import DeviceError, HostLibrary
from firmware_gen.rejection_view import rejection_view
from firmware_gen.targets import TARGETS
from quantize import learners
from quantize.artifact import Int8Embedding
from quantize.reject import Verdict, answer, far_distance, rate_of, thresholds, typical_distance, unit_bits
from quantize.rejection import Rejection

Int8Array = npt.NDArray[np.int8]
each_learner = pytest.mark.parametrize("name", LEARNERS)

LENGTH = 5
STATUS_ARGUMENT, STATUS_FULL = -1, -3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all builds: what is common to the projects is compiled once."""
    return tmp_path_factory.mktemp("rejection")


def embedding_of(name: str, seed: int, *, length: int = LENGTH) -> Int8Embedding:
    """An embedding that is its input, with tables that are made up."""
    plain = taught_by(tiny_embedding(identity(length, zero_point=3, scale=0.02), examples=0), name)
    unit = 1 << unit_bits(learners.of(plain))
    return replace(plain, rejection=random_rejection(np.random.default_rng(seed), length, unit=unit))


def tables_of(embedding: Int8Embedding) -> Rejection:
    assert embedding.rejection is not None
    return embedding.rejection


def episodes(rng: np.random.Generator, length: int, count: int) -> Iterator[dict[str, Any]]:
    """Classes, queries near them and far away, negatives in some; everything far apart, close together or equal."""
    for index in range(count):
        width = (256, 40, 6, 1)[index % 4]
        low = int(rng.integers(-128, 129 - width))
        support = rng.integers(low, low + width, (rng.integers(1, 8), rng.integers(1, 6), length)).astype(np.int8)
        near = support[rng.integers(len(support), size=12), 0].astype(np.int64) + rng.integers(-9, 10, (12, length))
        queries = np.concatenate([near, rng.integers(-128, 128, (12, length))])
        negatives = rng.integers(-128, 128, (rng.integers(0, 4), length)).astype(np.int8)
        yield {
            "support": support,
            "queries": np.clip(queries, -128, 127).astype(np.int8),
            "per_mille": int(rng.integers(1, 251)),
            "negatives": negatives if index % 2 else None,
        }


@pytest.mark.needs("gcc")
@each_learner
@pytest.mark.parametrize(("length", "seed"), [(1, 0), (LENGTH, 1), (LENGTH, 2), (64, 3), (256, 4)])
def test_compiled_c_judges_as_numpy(name: str, length: int, seed: int, folder: Path) -> None:
    """Class, distance, margin and verdict are equal, and every verdict occurs."""
    embedding = embedding_of(name, seed, length=length)
    library, learner = HostLibrary(generate(embedding, name="judge"), folder), learners.of(embedding)
    seen: set[int] = set()
    for episode in episodes(np.random.default_rng([seed, length]), length, 24):
        found, verdicts = library.judge_episode(**episode)
        rate = rate_of(episode.pop("per_mille") / 1000)
        wanted, expected = answer(learner, tables_of(embedding), **episode, rate=rate)
        assert found.differing(wanted) == 0
        np.testing.assert_array_equal(verdicts, expected)
        seen |= set(verdicts.tolist())
    assert seen == {0, 1, 2} or length == 1


@pytest.mark.needs("gcc")
@each_learner
def test_thresholds_follow_every_change(name: str, folder: Path) -> None:
    """After any sequence of enrollments and forgetting they are what NumPy finds for the classes that are left."""
    embedding = embedding_of(name, 7)
    learner, tables = learners.of(embedding), tables_of(embedding)
    device = HostLibrary(generate(embedding, name="changes"), folder).learner(6, 12)
    rng = np.random.default_rng(8)
    classes: dict[int, list[Int8Array]] = {}
    labels: dict[int, str] = {}
    per_mille = 50
    for step in range(60):
        action = rng.integers(4)
        if action == 0 and classes:
            gone = int(rng.choice(list(classes)))
            device.forget(gone)
            del classes[gone], labels[gone]
        elif action == 1:
            per_mille = int(rng.integers(1, 251))
            device.set_false_accepts(per_mille)
        else:
            again = action == 2 and classes
            known = int(rng.choice(list(classes))) if again or len(classes) == 6 else 0
            if known and len(classes[known]) > 9:
                continue
            device.enroll_begin(labels[known] if known else f"class {step}")
            shots = list(rng.integers(-60, 60, (rng.integers(1, 4), LENGTH)).astype(np.int8))
            for shot in shots:
                device.enroll_add_embedding(shot)
            class_id = device.enroll_commit()
            classes[class_id] = classes.get(class_id, []) + shots
            labels.setdefault(class_id, f"class {step}")
        if classes:
            support = [np.stack(shots) for shots in classes.values()]
            expected = thresholds(learner, tables, support, rate=rate_of(per_mille / 1000))
            np.testing.assert_array_equal(device.thresholds().T, [expected.accept, expected.doubt])


@pytest.mark.needs("gcc")
@each_learner
def test_quality_is_judged_by_the_tables(name: str, folder: Path) -> None:
    """Far shots, the class that would accept one, and whether the threshold reaches what is typical, as NumPy says."""
    embedding = embedding_of(name, 11)
    learner = learners.of(embedding)
    unit = 1 << unit_bits(learner)
    distances = np.array([2000 * unit], np.uint32)
    tables = replace(tables_of(embedding), factors=np.full((1, 1, 9), 9000, np.uint16), priors=distances[None] * 3)
    tables = replace(tables, typical=distances * 4, far=distances)
    embedding = replace(embedding, rejection=tables)
    library = HostLibrary(generate(embedding, name="quality"), folder)
    rng = np.random.default_rng(12)
    seen = set()
    for _ in range(30):
        device = library.learner(4, 8)
        first, second = rng.integers(-90, 90, (2, 1, LENGTH)) + rng.integers(-30, 31, (2, 3, LENGTH))
        first, second = first.astype(np.int8), second.astype(np.int8)
        device.enroll_begin("first")
        device.enroll_add_embedding(first[0])
        near_id = device.enroll_commit()
        device.enroll_begin("second")
        for shot in second:
            device.enroll_add_embedding(shot)
        limit = thresholds(learner, tables, [first[:1]], rate=rate_of(0.05)).accept[0]
        near = (learner.answer([first[:1]], second).distances <= limit).any()
        far = sum(
            int(learner.answer([second[:n]], second[n : n + 1]).distances[0]) > far_distance(tables, n) for n in (1, 2)
        )
        found = device.enroll_quality()
        assert (found.far_shots, found.near_class_id, found.rate_is_met) == (far, near_id if near else 0, False)
        device.enroll_commit()
        met = device.thresholds()[1, 0] >= typical_distance(tables, 3)
        assert device.enroll_quality().rate_is_met == met
        seen |= {("far", far > 0), ("near", bool(near)), ("met", bool(met))}
    assert len(seen) >= 5


@pytest.mark.needs("gcc")
def test_without_rejection_everything_is_accepted(folder: Path) -> None:
    """Calls for rejection are refused, and no byte of it is generated."""
    embedding = replace(embedding_of("prototypical", 1), rejection=None)
    tree = generate(embedding, name="trusting")
    device = HostLibrary(tree, folder).learner()
    device.enroll_begin("a")
    device.enroll_add_embedding(np.zeros(LENGTH, np.int8))
    device.enroll_commit()
    assert device.classify_embedding(np.full(LENGTH, 127, np.int8)).verdict is Verdict.ACCEPT
    for call in (lambda: device.set_false_accepts(50), device.negatives_forget, device.enroll_quality):
        with pytest.raises(DeviceError, match="KSHOT_ERROR_MODEL"):
            call()
    assert not any("impostors" in text for path, text in tree.files.items() if path.startswith("model/"))


@pytest.mark.needs("gcc")
def test_negatives_fill_up_and_are_forgotten(folder: Path) -> None:
    """As an input or an embedding, into as much room as there is."""
    embedding = embedding_of("siamese", 1)
    device = HostLibrary(generate(embedding, name="negatives"), folder).learner(max_negatives=2)
    shot = np.zeros(LENGTH, np.int8)
    device.enroll_begin("a")
    device.enroll_add_embedding(shot)
    device.enroll_commit()
    query = np.full(LENGTH, 1, np.int8)
    device.negative_add(query)
    device.negative_add_embedding(query)
    with pytest.raises(DeviceError, match="KSHOT_ERROR_FULL"):
        device.negative_add_embedding(query)
    assert device.classify_embedding(query).verdict is Verdict.UNKNOWN
    before = device.thresholds()
    device.negatives_forget()
    device.negative_add_embedding(np.full(LENGTH, 100, np.int8))
    np.testing.assert_array_equal(device.thresholds(), before)


def test_the_model_publishes_what_rejection_takes() -> None:
    """Flash of the tables and RAM of impostors' distances, in the project's page and as macros."""
    embedding = embedding_of("prototypical", 5)
    view = rejection_view(tables_of(embedding), learners.of(embedding), name="shown")
    assert view.shared_bytes == 6 * 40
    tree = generate(embedding, name="shown", max_classes=3)
    assert "#define SHOWN_IMPOSTORS 40" in tree.files["model/shown.h"]
    assert f"| {view.flash_bytes:,} |" in tree.files["README.md"]
    assert f"| {3 * 8 + 6 * 40 + 4 * LENGTH:,} |" in tree.files["README.md"]
    plain = generate(replace(embedding, rejection=None), name="shown", max_classes=3)

    def class_bytes(text: str) -> int:
        return int(text.split("#define SHOWN_CLASS_BYTES ")[1].split(maxsplit=1)[0])

    # a threshold, and the sum of squares of the class's shots
    assert class_bytes(tree.files["model/shown.h"]) == class_bytes(plain.files["model/shown.h"]) + 8 + 4


@pytest.mark.needs("arm-gcc", "qemu")
@pytest.mark.parametrize("core", ["m0", "m4"])
@each_learner
def test_emulated_firmware_judges_as_numpy(name: str, core: str, tmp_path: Path) -> None:
    """Verdicts, rates, negatives and quality over the script's bytes; the stack stays within its bound."""
    embedding = embedding_of(name, 21)
    learner, tables = learners.of(embedding), tables_of(embedding)
    firmware = build(generate(embedding, name="judging", max_classes=7), TARGETS[core], tmp_path, main="emulation")
    emulator = Emulator(firmware)
    drawn = list(episodes(np.random.default_rng(22), LENGTH, 6))
    answered = emulator.classify_episodes([(e["support"], e["queries"]) for e in drawn], embedded=True, per_mille=100)
    for episode, found in zip(drawn, answered, strict=True):
        wanted, verdicts = answer(learner, tables, episode["support"], episode["queries"], rate=rate_of(0.1))
        assert found.answers.differing(wanted) == 0
        np.testing.assert_array_equal(found.verdicts, verdicts)

    shot, query = np.zeros(LENGTH, np.int8), np.full(LENGTH, 1, np.int8)
    enroll = [EnrollBegin("a"), EnrollAddEmbedding(shot), EnrollCommit()]
    against = [NegativeAddEmbedding(query), ClassifyEmbedding(query), *[NegativeAddEmbedding(query)] * 4]
    rest = [NegativesForget(), SetFalseAccepts(0), EnrollQuality(), MeasureStack()]
    answers = emulator.ask([*enroll, *against, *rest])
    vetoed, quality, stack = answers[4], answers[-2], answers[-1]
    assert isinstance(vetoed, Nearest)
    assert vetoed.verdict == Verdict.UNKNOWN
    assert [a.status for a in answers[5:-2]] == [0, 0, 0, STATUS_FULL, 0, STATUS_ARGUMENT]
    limit = thresholds(learner, tables, [shot[None]], rate=rate_of(0.05)).accept[0]
    assert isinstance(quality, Quality)
    assert (quality.far_shots, quality.near_class_id) == (0, 0)
    assert quality.rate_is_met == (limit >= typical_distance(tables, 1))
    assert isinstance(stack, StackUse)
    assert firmware.sizes is not None
    assert stack.used_bytes <= firmware.sizes.stack_bytes


def test_a_rate_that_cannot_be_sent_is_refused() -> None:
    """It must fit 16 bits; whether the firmware takes it is the firmware's answer."""
    with pytest.raises(ScriptError, match="70000"):
        SetFalseAccepts(70_000)
