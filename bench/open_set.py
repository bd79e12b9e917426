"""`make open-set`: rejection of unknown classes on Omniglot's held-out alphabets, by compiled C, for each learner.

Five classes are enrolled from five shots or one, five others are asked about as well, and false accepts of 1 and 5 %
are requested; thresholds are set at enrollment, and nothing of what is measured has touched them: rejection is
calibrated on training alphabets. An artifact that was calibrated on a class that is measured here is calibrated anew.
Every answer is compared with NumPy's; some are asked of firmware on emulated Cortex-M0 and Cortex-M4 as well, which
also say what rejection adds to an enrollment. Beside the figures lies open_set.png, the scores of known and unknown.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from elftools.elf.elffile import ELFFile

from firmware_gen import emit, targets
from firmware_gen.build import Firmware, build
from firmware_gen.emulate import Emulator
from firmware_gen.emulation_script import Embed, EnrollAddEmbedding, EnrollBegin, EnrollCommit, Request
from firmware_gen.host import HostLibrary
from firmware_gen.rejection_view import rejection_view
from kshot.evaluation import Task
from kshot.open_set import draw_open_set_episodes, judge, results_of
from kshot.report.figures import FIGURES_FOLDER, write_figures
from kshot.report.open_set import ScorePanel, write_scores
from kshot.report.output import print_lines
from kshot.report.tables import ReportTable, open_set_tables
from quantize import learners, reject
from quantize.artifact import Int8Embedding
from quantize.reject_calibration import DEFAULT_IMPOSTORS, with_rejection
from quantize.rejection import Rejection
from trainer.artifact import TrainedEmbedding
from trainer.datasets import Dataset, DatasetError, load_dataset

log = logging.getLogger(__name__)

Int8Array = npt.NDArray[np.int8]
Row = dict[str, str | int | float]

FOLDER = Path("build/open_set")
CORES = ("m0", "m4")
TASKS = (Task(5, 5), Task(5, 1))
UNKNOWN, QUERIES, EMULATED_QUERIES = 5, 5, 3
OBJECTS = ("kshot_reject.o", "kshot_open_set.o")


@dataclass(frozen=True, eq=False)
class Subject:
    """What is measured: an embedding that rejects, and the held-out classes in its int8."""

    name: str
    embedding: Int8Embedding
    rejection: Rejection
    held_out: Dataset
    embeddings: Int8Array
    library: HostLibrary


def main() -> None:
    """Measure, compare, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.open_set", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="with trained/ and int8/, as examples/omniglot/train.sh")
    parser.add_argument("--episodes", type=int, default=1000, help="a task (default: %(default)s)")
    parser.add_argument("--impostors", type=int, default=DEFAULT_IMPOSTORS, help="if calibrated anew (%(default)s)")
    parser.add_argument("--emulated", type=int, default=20, help="episodes a task in QEMU (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        dataset = load_dataset("omniglot", rotations=True)
    except DatasetError as error:
        sys.exit(f"{error}")
    rows: list[Row] = []
    panels: list[ScorePanel] = []
    for folder in options.folders:
        subject = _subject(folder, dataset, options)
        found, drawn = _on_host(subject, options)
        rows += found
        panels += drawn
        rows += [_on_core(subject, core, options) for core in CORES]
        _print_cores(subject.name, rows[-len(CORES) :])
    print_lines(f"figures: {write_figures('open_set', rows)}")
    if picture := write_scores(panels, FIGURES_FOLDER):
        print_lines(f"picture: {picture}")
    if any(row["mismatches"] for row in rows):
        sys.exit("there are mismatches: the chain is broken")


def _subject(folder: Path, dataset: Dataset, options: argparse.Namespace) -> Subject:
    trained = TrainedEmbedding.load(folder / "trained")
    embedding = Int8Embedding.load(folder / "int8")
    held_out = dataset.subset(trained.split.validation)
    if embedding.rejection is None or set(embedding.rejection.classes) & set(held_out.class_names):
        log.warning("%s: its rejection was not calibrated on training classes alone; calibrated anew", folder / "int8")
        rng = np.random.default_rng(options.seed)
        embedding = with_rejection(
            embedding, dataset.subset(trained.split.train), None, impostors=options.impostors, rng=rng
        )
    assert embedding.rejection is not None
    library = HostLibrary(emit.generate(embedding, name="open_set"), FOLDER / "host")
    embedded = library.embed(embedding.quantize_input(held_out.images))
    return Subject(folder.name, embedding, embedding.rejection, held_out, embedded, library)


def _on_host(subject: Subject, options: argparse.Namespace) -> tuple[list[Row], list[ScorePanel]]:
    """Both tasks at both rates, in compiled C."""
    results, panels = [], []
    for task in TASKS:
        drawing = {"n_unknown": UNKNOWN, "n_query": QUERIES, "episodes": options.episodes, "seed": options.seed}
        drawn = draw_open_set_episodes(subject.held_out, task, **drawing)
        learner = learners.of(subject.embedding)
        judged = judge(learner, subject.rejection, subject.embeddings, drawn, library=subject.library)
        found = results_of(subject.name, task, judged)
        results += found
        rates = {r.realised.requested: r.realised.false_accepts for r in found}
        scores = (np.concatenate(judged.known), np.concatenate(judged.unknown))
        panels.append(ScorePanel(f"{subject.name}, {task.n_way}-way {task.k_shot}-shot", *scores, rates))
    for table in open_set_tables(results):
        table.print()
    about: Row = {"learner": subject.embedding.learner, "calibrated_on": subject.rejection.calibrated_on}
    about |= {"where": "host", "impostors": len(subject.rejection.impostors)}
    return [about | result.row() for result in results], panels


def _on_core(subject: Subject, core: str, options: argparse.Namespace) -> Row:
    """Verdicts in QEMU, what an enrollment costs there, and what the code takes."""
    rejecting, plain = subject.embedding, replace(subject.embedding, rejection=None)
    with_it, without = (_built(embedding, core, name) for embedding, name in ((rejecting, "with"), (plain, "without")))
    emulator = Emulator(with_it)
    answers, mismatches = _verdicts(emulator, subject, options)
    added, committed = (_enrolling(Emulator(firmware), subject.embeddings) for firmware in (with_it, without))
    image = rejecting.quantize_input(subject.held_out.images[:1])[0]
    embed = emulator.ask([Embed(image)])[0].instructions
    tables = rejection_view(subject.rejection, learners.of(rejecting), name="x").flash_bytes
    return {
        "name": subject.name,
        "learner": rejecting.learner,
        "where": core,
        "qemu": emulator.version,
        "impostors": len(subject.rejection.impostors),
        "answers": answers,
        "mismatches": mismatches,
        "embed_instructions": embed,
        "enrolling_instructions": added - committed,
        "enrolling_share": (added - committed) / embed,
        "code_bytes": _code_bytes(with_it),
        "table_bytes": tables,
    }


def _built(embedding: Int8Embedding, core: str, name: str) -> Firmware:
    tree = emit.generate(embedding, name="open_set")
    return build(tree, targets.get(core), FOLDER / f"{core}-{name}", main="emulation")


def _verdicts(emulator: Emulator, subject: Subject, options: argparse.Namespace) -> tuple[int, int]:
    """Answers in the firmware, and how many differ from NumPy's."""
    learner, answers, mismatches = learners.of(subject.embedding), 0, 0
    for task in TASKS:
        drawing = {"n_unknown": UNKNOWN, "n_query": EMULATED_QUERIES, "episodes": options.emulated}
        drawn = draw_open_set_episodes(subject.held_out, task, **drawing, seed=options.seed)
        asked = [(subject.embeddings[e.known.support], subject.embeddings[e.queries]) for e in drawn]
        said = emulator.classify_episodes(asked, embedded=True, per_mille=50)
        for (support, queries), answer in zip(asked, said, strict=True):
            rate = reject.rate_of(0.05)
            wanted, verdicts = reject.answer(learner, subject.rejection, support, queries, rate=rate)
            mismatches += answer.answers.differing(wanted) + int((answer.verdicts != verdicts).sum())
            answers += len(queries)
    return answers, mismatches


def _enrolling(emulator: Emulator, images: Int8Array) -> int:
    """Instructions, beside the network's, of a fifth class of five shots: all adding, and the commit."""
    script: list[Request] = []
    for way in range(5):
        shots = images[way * 20 : way * 20 + 5]
        script += [EnrollBegin(f"way {way}"), *map(EnrollAddEmbedding, shots), EnrollCommit()]
    return sum(answer.instructions for answer in emulator.ask(script)[-6:])


def _code_bytes(firmware: Firmware) -> int:
    """Flash of rejection's own objects: all that they hold, whether this firmware calls it or not."""
    total = 0
    for name in OBJECTS:
        (path,) = firmware.elf.parent.rglob(name)
        with path.open("rb") as stream:
            sections = list(ELFFile(stream).iter_sections())
        total += sum(s["sh_size"] for s in sections if s.name.startswith((".text", ".rodata", ".data.rel.ro")))
    return total


def _print_cores(name: str, rows: Sequence[Row]) -> None:
    head = ("core", "answers", "mismatches", "an enrollment, for rejection", "of an embedding", "code", "tables")
    cells = [
        (
            str(row["where"]),
            f"{row['answers']:,}",
            f"{row['mismatches']:,}",
            f"{row['enrolling_instructions']:,} instructions",
            f"{100 * float(row['enrolling_share']):.2f} %",
            f"{row['code_bytes']:,} B",
            f"{row['table_bytes']:,} B",
        )
        for row in rows
    ]
    ReportTable(f"{name} in QEMU {rows[0]['qemu']}", head, cells).print()


if __name__ == "__main__":
    main()
