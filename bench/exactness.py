"""`make exactness`: the chain of equalities from TensorFlow Lite Micro to emulated Cortex-M, in counts.

Our own network: random inputs and the whole digits set through the `tflite-micro` package, the NumPy reference and the
compiled C; a part of them through firmware on emulated Cortex-M0 and Cortex-M4, which also enrolls and classifies.
MLPerf Tiny: the four models as they are, in the same way, on the Cortex-M4. A mismatch is an input whose embedding
differs in any value, or an answer that differs in class, distance or margin.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_gen import emit, targets
from firmware_gen.build import build
from firmware_gen.emulate import Emulator
from firmware_gen.host import HostLibrary
from firmware_gen.source_tree import SourceTree
from kshot import pipeline
from kshot.project import Project
from kshot.report.figures import write_figures
from kshot.report.output import print_lines
from kshot.report.tables import ReportTable
from quantize import learners, oracles, reference
from quantize.artifact import Int8Embedding
from trainer.artifact import ArtifactError
from trainer.datasets import Dataset, load_dataset
from trainer.datasets.omniglot import data_folder
from trainer.episodes import Episode, sample_episodes

Int8Array = npt.NDArray[np.int8]
FOLDER = Path("build/exactness")
CORES = ("m0", "m4")
_CHUNK = 500


@dataclass(frozen=True)
class Count:
    """One comparison."""

    model: str
    what: str
    compared: int
    mismatches: int


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.exactness", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="random inputs (default: %(default)s)")
    parser.add_argument("--emulated", type=int, default=200, help="of them in QEMU (default: %(default)s)")
    parser.add_argument("--mlperf-inputs", type=int, default=100, help="inputs a model (default: %(default)s)")
    parser.add_argument("--mlperf-emulated", type=int, default=4, help="of them in QEMU (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)

    counts, figures = _own(demo_embedding("exactness"), options, rng)
    models = sorted((data_folder() / "mlperf_tiny").glob("*.tflite"))
    for path in models:
        counts += _mlperf(path, options, rng)
    figures["mlperf_models"] = len(models)
    figures["mlperf_mismatches"] = sum(c.mismatches for c in counts if c.model in {path.stem for path in models})

    rows = [(c.model, c.what, f"{c.compared:,}", f"{c.mismatches:,}") for c in counts]
    ReportTable("Exactness", ("model", "compared", "count", "mismatches"), rows).print()
    if not models:
        print_lines(f"left out: no MLPerf Tiny models in {data_folder()}/mlperf_tiny (KSHOT_DATA names another folder)")
    print_lines(f"figures: {write_figures('exactness', figures)}")
    if any(count.mismatches for count in counts):
        raise SystemExit("there are mismatches: the chain is broken")


def demo_embedding(name: str) -> Int8Embedding:
    """The network of `make demo`, or the same after a short training, under a name of its own."""
    demo = Project().with_values("project", {"name": "demo"})
    try:
        return Int8Embedding.load(demo.int8_folder)
    except ArtifactError:
        short = Project().with_values("project", {"name": name}).with_values("train", {"steps": 60})
        pipeline.train(short)
        return pipeline.quantize(short, short.trained_folder, short.int8_folder)


def _own(
    embedding: Int8Embedding, options: argparse.Namespace, rng: np.random.Generator
) -> tuple[list[Count], dict[str, int]]:
    """Our own network, on the host and in QEMU."""
    digits = load_dataset("digits", input_shape=embedding.input.shape)
    random = _random_inputs(embedding, options.inputs, rng)
    inputs = np.concatenate([random, embedding.quantize_input(digits.images)])
    tree = emit.generate(embedding, name="exactness")
    library = HostLibrary(tree, FOLDER / "host")
    counts = _host("demo", embedding, library, inputs)
    figures = {"host_inputs": len(inputs), "host_mismatches": sum(count.mismatches for count in counts)}

    picked = np.concatenate([random[: options.emulated // 2], inputs[len(random) :][: -(-options.emulated // 2)]])
    episodes = sample_episodes(digits, n_way=10, k_shot=3, n_query=3, episodes=2, rng=rng)
    task: dict[str, Any] = {"digits": digits, "episodes": episodes}
    with ThreadPoolExecutor(len(CORES)) as pool:
        runs = list(pool.map(lambda core: _emulated(core, embedding, tree, picked, **task), CORES))
    for core, run in zip(CORES, runs, strict=True):
        counts += run
        figures[f"qemu_{core}_inputs"] = run[0].compared
        figures[f"qemu_{core}_answers"] = run[1].compared
        figures[f"qemu_{core}_mismatches"] = sum(count.mismatches for count in run)
    return counts, figures


def _host(name: str, embedding: Int8Embedding, library: HostLibrary, inputs: Int8Array) -> list[Count]:
    """TensorFlow Lite Micro, the NumPy reference and the compiled C over the same inputs."""
    expected = reference.run(embedding.graph, inputs).reshape(len(inputs), -1)
    oracle = _tflite_micro(embedding, inputs)
    compiled = library.embed(inputs)
    return [
        Count(name, "tflite-micro and NumPy", len(inputs), _differing(oracle, expected)),
        Count(name, "NumPy and compiled C", len(inputs), _differing(expected, compiled)),
    ]


def _tflite_micro(embedding: Int8Embedding, inputs: Int8Array) -> Int8Array:
    """The oracle, on every processor."""
    if embedding.tflite is None:
        raise ValueError("an embedding without its .tflite file has no oracle")
    parts = [inputs[i : i + _CHUNK] for i in range(0, len(inputs), _CHUNK)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        outputs = list(pool.map(oracles.tflite_micro_outputs, [embedding.tflite] * len(parts), parts))
    return np.concatenate(outputs).reshape(len(inputs), -1)


def _emulated(
    core: str,
    embedding: Int8Embedding,
    tree: SourceTree,
    inputs: Int8Array,
    *,
    digits: Dataset,
    episodes: list[Episode],
) -> list[Count]:
    """Embed `inputs` in firmware; then let it enroll and classify handwriting from pictures."""
    emulator = Emulator(build(tree, targets.get(core), FOLDER / core, main="emulation"))
    name = f"QEMU {emulator.version} {core}"
    embeddings, _ = emulator.embed(inputs)
    expected = reference.run(embedding.graph, inputs)
    images = embedding.quantize_input(digits.images)
    answered = emulator.classify_episodes([(images[e.support], images[e.query.reshape(-1)]) for e in episodes])
    known = reference.run(embedding.graph, images)
    wrong = 0
    for episode, found in zip(episodes, answered, strict=True):
        wanted = learners.of(embedding).answer(known[episode.support], known[episode.query.reshape(-1)])
        wrong += found.answers.differing(wanted)
    return [
        Count("demo", f"NumPy and {name}", len(inputs), _differing(expected, embeddings)),
        Count("demo", f"answers of {name}", sum(e.query.size for e in episodes), wrong),
    ]


def _mlperf(path: Path, options: argparse.Namespace, rng: np.random.Generator) -> list[Count]:
    """One MLPerf Tiny model as it is."""
    embedding = Int8Embedding.from_tflite(path)
    inputs = _random_inputs(embedding, options.mlperf_inputs, rng)
    tree = emit.generate(embedding, name="mlperf")
    counts = _host(path.stem, embedding, HostLibrary(tree, FOLDER / "host"), inputs)
    emulator = Emulator(build(tree, targets.get("m4"), FOLDER / path.stem, main="emulation"))
    some = inputs[: options.mlperf_emulated]
    embeddings, _ = emulator.embed(some)
    expected = reference.run(embedding.graph, some).reshape(len(some), -1)
    what = f"NumPy and QEMU {emulator.version} m4"
    return [*counts, Count(path.stem, what, len(some), _differing(expected, embeddings))]


def _random_inputs(embedding: Int8Embedding, count: int, rng: np.random.Generator) -> Int8Array:
    return rng.integers(-128, 128, (count, *embedding.graph.input_tensor.shape[1:])).astype(np.int8)


def _differing(first: Int8Array, second: Int8Array) -> int:
    """Rows that are not equal."""
    return int((first.reshape(len(first), -1) != second.reshape(len(second), -1)).any(axis=1).sum())


if __name__ == "__main__":
    main()
