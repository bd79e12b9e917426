"""`make adaptation`: the learners on the device, their exactness in counts, their cost in instructions and bytes.

For each learner, whole episodes of pictures that training never saw go through enrollment, adaptation and
classification in NumPy, in C compiled for this computer and in firmware on emulated Cortex-M0 and Cortex-M4; a mismatch
is an answer that differs in class, distance or margin. Counted in the firmware: the instructions of one shot more for
a class, from opening the enrollment to its commit with all adaptation, and of one classification, each without the
embedding of the picture and in per cent of it. The networks are conv4 with 32 filters for 28 x 28 pixels: those trained
on Omniglot where there are any (build/omniglot/*/int8), else ones trained for a minute on glyphs, for neither count
depends on accuracy.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_gen import emit, targets
from firmware_gen.build import build
from firmware_gen.emulate import Emulator
from firmware_gen.emulation_script import (
    ClassifyEmbedding,
    EnrollAddEmbedding,
    EnrollBegin,
    EnrollCommit,
    Enrolled,
    Request,
)
from firmware_gen.host import HostLibrary
from firmware_gen.learner_view import learner_view
from kshot import pipeline
from kshot.evaluation import Task, draw_episodes
from kshot.project import Project
from kshot.report.figures import write_figures
from kshot.report.output import print_lines
from kshot.report.tables import ReportTable
from quantize import learners, reference
from quantize.artifact import Int8Embedding
from quantize.learners import Answers, Int8Learner
from trainer.artifact import ArtifactError
from trainer.datasets import Dataset, load_dataset, split_classes

Int8Array = npt.NDArray[np.int8]
Row = dict[str, str | int | float]

FOLDER = Path("build/adaptation")
CORES = ("m0", "m4")
TASKS = (Task(5, 1), Task(5, 5), Task(20, 1), Task(20, 5))
COSTS = (Task(5, 5), Task(20, 5))
MAX_CLASSES, MAX_SHOTS = 20, 8
SHORT: dict[str, dict[str, Any]] = {
    "prototypical": {},
    "siamese": {},
    "matching": {},
    "anil": {"maml": {"head": "prototypes"}},
    "maml": {"train": {"n_way": 5, "n_query": 3}, "maml": {"head": "learned"}},
}
"""What a short training of each learner asks of a project, beside the learner; both starts of the head take part."""


@dataclass(frozen=True, eq=False)
class Chain:
    """One learner in all its forms."""

    name: str
    embedding: Int8Embedding
    library: HostLibrary
    emulators: Mapping[str, Emulator]

    @property
    def numpy(self) -> Int8Learner:
        """The learner in NumPy."""
        return learners.of(self.embedding)


def main() -> None:
    """Compare, count, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.adaptation", description=__doc__)
    parser.add_argument("--episodes", type=int, default=60, help="from embeddings, a learner (default: %(default)s)")
    parser.add_argument("--pictures", type=int, default=2, help="from pictures, beside those (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    glyphs = load_dataset("glyphs")
    unseen = glyphs.subset(split_classes(glyphs).test)
    rows: list[Row] = []
    for name in SHORT:
        rows += _learner(name, _embedding(name), unseen, options)
    _print(rows)
    print_lines(f"figures: {write_figures('adaptation', rows)}")
    if any(int(row[key]) for row in rows if row["row"] == "answers" for key in row if key.endswith("mismatches")):
        raise SystemExit("there are mismatches: the chain is broken")


def _embedding(name: str) -> Int8Embedding:
    """A network for the learner: one that was trained on Omniglot, or one after a short training."""
    for folder in sorted(Path("build/omniglot").glob("*/int8")):
        embedding = Int8Embedding.load(folder)
        if embedding.learner == name and (embedding.embedding_len, embedding.input.shape) == (32, (28, 28, 1)):
            print_lines(f"{name}: {folder}")
            return embedding
    project = Project().with_values("project", {"name": f"adaptation-{name}"}).with_values("data", {"test_source": ""})
    short = SHORT[name]
    project = project.with_values("train", {"learner": name, "steps": 40, "n_way": 20, **short.get("train", {})})
    if "maml" in short:
        project = project.with_values("maml", short["maml"])
    try:
        return Int8Embedding.load(project.int8_folder)
    except ArtifactError:
        print_lines(f"{name}: a short training on glyphs")
        pipeline.train(project)
        return pipeline.quantize(project, project.trained_folder, project.int8_folder)


def _learner(name: str, embedding: Int8Embedding, dataset: Dataset, options: argparse.Namespace) -> list[Row]:
    """All rows of one learner."""
    tree = emit.generate(embedding, name="adaptation", max_classes=MAX_CLASSES, max_shots=MAX_SHOTS)
    with ThreadPoolExecutor(len(CORES)) as pool:
        emulators = pool.map(
            lambda core: Emulator(build(tree, targets.get(core), FOLDER / core, main="emulation")), CORES
        )
        chain = Chain(name, embedding, HostLibrary(tree, FOLDER / "host"), dict(zip(CORES, emulators, strict=True)))
    inputs = embedding.quantize_input(dataset.images)
    embeddings = chain.library.embed(inputs)
    count = -(-options.episodes // len(TASKS))
    drawn = [e for task in TASKS for e in draw_episodes(dataset, task, n_query=2, episodes=count, seed=options.seed)]
    pictures = draw_episodes(dataset, Task(5, 2), n_query=2, episodes=options.pictures, seed=options.seed)
    return [
        _of_embeddings(chain, [(embeddings[e.support], embeddings[e.query.reshape(-1)]) for e in drawn]),
        _of_pictures(chain, [(inputs[e.support], inputs[e.query.reshape(-1)]) for e in pictures]),
        *(_cost(chain, core, task, dataset, embeddings) for core in CORES for task in COSTS),
        _memory(chain),
    ]


def _of_embeddings(chain: Chain, episodes: Sequence[tuple[Int8Array, Int8Array]]) -> Row:
    """Episodes of embeddings through NumPy, host C and both processors."""
    expected = [chain.numpy.answer(*episode) for episode in episodes]
    found = {"host": [chain.library.run_episode(*episode) for episode in episodes]}
    return _compared(chain, "embeddings", expected, found | _emulated(chain, episodes, embedded=True))


def _of_pictures(chain: Chain, episodes: Sequence[tuple[Int8Array, Int8Array]]) -> Row:
    """The same from pictures: the network runs in each of the four, too."""
    expected: list[Answers] = []
    found: list[Answers] = []
    for support, queries in episodes:
        pictures = np.concatenate([support.reshape(-1, *support.shape[2:]), queries])
        cut = support.shape[0] * support.shape[1]
        for embed, answer, results in (
            (partial(reference.run, chain.embedding.graph), chain.numpy.answer, expected),
            (chain.library.embed, chain.library.run_episode, found),
        ):
            rows = embed(pictures).reshape(len(pictures), -1)
            results.append(answer(rows[:cut].reshape(*support.shape[:2], -1), rows[cut:]))
    return _compared(chain, "pictures", expected, {"host": found} | _emulated(chain, episodes, embedded=False))


def _emulated(
    chain: Chain, episodes: Sequence[tuple[Int8Array, Int8Array]], *, embedded: bool
) -> dict[str, list[Answers]]:
    with ThreadPoolExecutor(len(CORES)) as pool:
        runs = pool.map(lambda core: chain.emulators[core].classify_episodes(episodes, embedded=embedded), CORES)
        return {core: [run.answers for run in found] for core, found in zip(CORES, runs, strict=True)}


def _compared(chain: Chain, source: str, expected: list[Answers], found: Mapping[str, list[Answers]]) -> Row:
    mismatches = {
        f"{where}_mismatches": sum(one.differing(other) for one, other in zip(expected, answers, strict=True))
        for where, answers in found.items()
    }
    counts = {"episodes": len(expected), "answers": sum(len(answers.ways) for answers in expected)}
    qemu = chain.emulators["m4"].version
    return {"row": "answers", "learner": chain.name, "source": source, **counts, **mismatches, "qemu": qemu}


def _cost(chain: Chain, core: str, task: Task, dataset: Dataset, embeddings: Int8Array) -> Row:
    """Instructions of enrolling the classes of a task, of one shot more for the first, and of a classification."""
    emulator = chain.emulators[core]
    (episode,) = draw_episodes(dataset, Task(task.n_way, task.k_shot + 1), n_query=2, episodes=1, seed=1)
    shots = embeddings[episode.support]
    taught = [request for way, rows in enumerate(shots) for request in _enroll(way, rows[:-1])]
    asked = [ClassifyEmbedding(query) for query in embeddings[episode.query.reshape(-1)]]
    answers = emulator.ask([*taught, *asked, *_enroll(0, shots[0, -1:])])
    commits = [answer.instructions for answer in answers[: len(taught)] if isinstance(answer, Enrolled)]
    begin, add, commit = (answer.instructions for answer in answers[-3:])
    instructions = {
        "begin": begin,
        "add": add,
        "commit": commit,
        "one_shot": begin + add + commit,
        "last_commit": commits[-1],
        "all_commits": sum(commits),
        "classify": round(float(np.mean([a.instructions for a in answers[len(taught) : -3]]))),
    }
    picture = chain.embedding.quantize_input(dataset.images[:1])
    per_embedding = int(emulator.embed(picture)[1][0])
    return {
        "row": "cost",
        "learner": chain.name,
        "core": core,
        "classes": task.n_way,
        "shots": task.k_shot,
        "embedding_instructions": per_embedding,
        **{f"{key}_instructions": value for key, value in instructions.items()},
        **{f"{key}_embeddings": value / per_embedding for key, value in instructions.items()},
        "qemu": emulator.version,
    }


def _enroll(way: int, shots: Int8Array) -> list[Request]:
    return [EnrollBegin(f"way {way}"), *map(EnrollAddEmbedding, shots), EnrollCommit()]


def _memory(chain: Chain) -> Row:
    """Bytes of one class."""
    length = chain.embedding.embedding_len
    view = learner_view(chain.numpy, name="adaptation", embedding_len=length, max_shots=MAX_SHOTS)
    return {
        "row": "memory",
        "learner": chain.name,
        "embedding_len": length,
        "max_shots": MAX_SHOTS if view.keeps_shots else learners.MAX_SHOTS,
        "ram_bytes_class": view.class_bytes,
        "store_bytes_class": view.store_bytes,
    }


def _print(rows: Sequence[Row]) -> None:
    kinds = {kind: [row for row in rows if row["row"] == kind] for kind in ("answers", "cost", "memory")}
    keys = ("learner", "source", "episodes", "answers", "host_mismatches", "m0_mismatches", "m4_mismatches")
    ReportTable(
        "Answers that differ from NumPy's, in class, distance or margin",
        ("learner", "episodes of", "episodes", "answers", "host C", "Cortex-M0", "Cortex-M4"),
        [[_text(row[key]) for key in keys] for row in kinds["answers"]],
    ).print()
    print_lines("")
    ReportTable(
        f"Instructions, and in per cent of one embedding, QEMU {rows[0]['qemu']}",
        ("learner", "core", "task", "embedding", "one shot more", "last commit", "all commits", "classification"),
        [_cost_cells(row) for row in kinds["cost"]],
    ).print()
    print_lines("")
    ReportTable(
        "One class with room for so many shots; label, id and number of shots are part of the RAM alone",
        ("learner", "values", "shots", "RAM, bytes", "store, bytes"),
        [[_text(value) for key, value in row.items() if key != "row"] for row in kinds["memory"]],
    ).print()


def _cost_cells(row: Row) -> list[str]:
    task = f"{row['classes']}-way {row['shots']}-shot"
    counts = [
        f"{row[f'{key}_instructions']:,} ({100 * float(row[f'{key}_embeddings']):.2f} %)"
        for key in ("one_shot", "last_commit", "all_commits", "classify")
    ]
    return [str(row["learner"]), str(row["core"]), task, _text(row["embedding_instructions"]), *counts]


def _text(value: str | int | float) -> str:
    return value if isinstance(value, str) else f"{value:,}"


if __name__ == "__main__":
    main()
