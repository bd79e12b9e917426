"""`make bench-training`: steps a second of the prototypical training step, beside the same step in PyTorch.

conv4-64, 60-way 5-shot with 5 queries: 600 images of 28 x 28 a step. PyTorch runs it through easyfsl, as it comes and
with its tensors in channels-last order, in an environment of its own (`setup/pytorch.sh`). They take turns, each
in a fresh process, and each counts with the best of its rounds; the machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kshot.report.figures import write_figures
from kshot.report.output import print_lines
from kshot.report.tables import ReportTable
from trainer import learners
from trainer.artifact import InputSpec
from trainer.datasets import Dataset
from trainer.options import TrainOptions
from trainer.stepper import Stepper

PYTORCH = Path(".venv-pytorch/bin/python")
WIDTH, N_WAY, K_SHOT, N_QUERY = 64, 60, 5, 5
VARIANTS = (
    ("tensorflow", "kshot"),
    ("pytorch", "easyfsl"),
    ("pytorch", "easyfsl, channels last"),
)


def main() -> None:
    """Measure every variant in turns, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.training", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="a measurement (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements a variant (default: %(default)s)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_measure(options.seconds)))
        return
    best = dict.fromkeys(VARIANTS, 0.0)
    for _ in range(options.rounds):
        for framework, variant in VARIANTS:
            rate = _run(_command(framework, variant, options.seconds))
            best[framework, variant] = max(best[framework, variant], rate)
    ours = best[VARIANTS[0]]
    rows: list[dict[str, str | float]] = [
        {"framework": framework, "variant": variant, "steps_per_second": round(rate, 4), "ratio": round(ours / rate, 4)}
        for (framework, variant), rate in best.items()
    ]
    cells = [[f, v, f"{rate:.2f}", f"{ours / rate:.2f}"] for (f, v), rate in best.items()]
    head = ("", "", "steps a second", "kshot is so many times as fast")
    ReportTable(f"conv4-64, 60-way 5-shot with 5 queries, best of {options.rounds} rounds", head, cells).print()
    print_lines(f"figures: {write_figures('training', rows)}")


def _command(framework: str, variant: str, seconds: float) -> Sequence[str]:
    if framework == "tensorflow":
        return [sys.executable, "-m", "bench.training", "--child", "--seconds", str(seconds)]
    sizes = [f"--width={WIDTH}", f"--n-way={N_WAY}", f"--k-shot={K_SHOT}", f"--n-query={N_QUERY}"]
    layout = ["--channels-last"] if "channels last" in variant else []
    return [str(PYTORCH), "bench/pytorch_step.py", *sizes, *layout, "--seconds", str(seconds)]


def _run(command: Sequence[str]) -> float:
    """Steps a second that a measuring process printed last."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return float(json.loads(done.stdout.splitlines()[-1])["steps_per_second"])


def _measure(seconds: float) -> dict[str, float]:
    """Train as `trainer.fit` does, on random images, and count."""
    rng = np.random.default_rng(0)
    classes, each = 2 * N_WAY, 20
    images = rng.integers(0, 256, (classes * each, 28, 28, 1)).astype(np.uint8)
    names = tuple(f"class {i}" for i in range(classes))
    dataset = Dataset("random", images, np.repeat(np.arange(classes), each), names)
    options = TrainOptions(
        backbone_options={"width": WIDTH}, n_way=N_WAY, k_shot=K_SHOT, n_query=N_QUERY, steps=1_000_000
    )
    stepper = Stepper(dataset, learners.get("prototypical"), options, InputSpec(dataset.input_shape))
    batches = stepper.batches()
    for _ in range(3):
        stepper.step(next(batches), learning_rate=1e-3, progress=0.5)
    first, begun = stepper.done, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        stepper.step(next(batches), learning_rate=1e-3, progress=0.5)
    return {"steps_per_second": (stepper.done - first) / (time.perf_counter() - begun)}


if __name__ == "__main__":
    main()
