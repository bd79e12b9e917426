"""Training: episodes in, a `TrainedEmbedding` out, with validation, early stop, checkpoints and resumption."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer import learners
from trainer.artifact import InputSpec, Split, TrainedEmbedding
from trainer.checkpoint import Checkpoint
from trainer.datasets.dataset import Dataset
from trainer.episodes import sample_episodes
from trainer.evaluate import Accuracy, embed_images, evaluate_episodes
from trainer.logs import EventLog
from trainer.options import TrainOptions
from trainer.stepper import Stepper

_LOG = logging.getLogger(__name__)
VALIDATION_QUERIES = 5


@dataclass(frozen=True)
class Progress:
    """Where a training stands, after each step and each validation.

    Attributes
    ----------
    step, steps : int
        Steps taken, and to take at most.
    loss, accuracy : float
        Of the training episodes, each step weighted about a twentieth; accuracy as a fraction of 1.
    validation, best_validation : Accuracy or None
        The latest and the best so far, if there was one.
    episodes_per_second : float
        Of this run, validations included.
    seconds_left : float
        Estimate.
    """

    step: int
    steps: int
    loss: float
    accuracy: float
    validation: Accuracy | None
    best_validation: Accuracy | None
    episodes_per_second: float
    seconds_left: float


def train(
    dataset: Dataset,
    split: Split,
    options: TrainOptions,
    folder: Path,
    *,
    source: Mapping[str, Any] | None = None,
    spec: InputSpec | None = None,
    progress: Callable[[Progress], None] | None = None,
    resume: bool = False,
) -> TrainedEmbedding:
    """Train an embedding and store it.

    On Ctrl-C a checkpoint is written into `folder` before `KeyboardInterrupt` goes on its way; with `resume` the
    training continues from it and ends where it would have ended without the interruption.

    Parameters
    ----------
    dataset : Dataset
        Holds at least the classes that `split` trains and validates on.
    split : Split
        Recorded with the result; its test classes are not touched and may belong to another data set.
    options : TrainOptions
    folder : Path
        Receives ``model.keras``, ``embedding.json``, and while training ``checkpoint.npz``.
    source : mapping, optional
        How to load the data again; recorded with the result.
    spec : InputSpec, optional
        By default the data's shape, with 0..255 as 0..1.
    progress : callable, optional
        Called after each step, on this thread.
    resume : bool
        Continue from the checkpoint in `folder`.

    Raises
    ------
    ValueError
        If an option, the split or the data do not fit each other.
    ArtifactError
        If the teacher cannot be loaded.
    CheckpointError
        If there is nothing to resume, or it belongs to another training.
    FloatingPointError
        If the loss is no longer a finite number.
    """
    spec = spec or InputSpec(dataset.input_shape)
    training = dataset.subset(split.train)
    learner = learners.get(options.learner, options.learner_options)
    stepper = Stepper(training, learner, options, spec)
    validator = _Validator(dataset.subset(split.validation), options, spec, learner) if split.validation else None
    teacher_sha256 = stepper.teacher.sha256 if stepper.teacher else ""
    identity = _identity(options, split, spec, dataset.sha256, teacher_sha256)
    loop = _Loop(stepper, validator, options, identity)
    if resume:
        loop.restore(Checkpoint.load(folder, identity=identity))
    with ExitStack() as stack:
        log = stack.enter_context(EventLog(folder / "logs")) if options.tensorboard else None
        try:
            loop.run(progress, log, folder)
        except KeyboardInterrupt:
            loop.checkpoint().save(folder)
            _LOG.info("interrupted after step %d; the checkpoint is in %s", stepper.done, folder)
            raise
    loop.restore_best()
    embedding = TrainedEmbedding(
        folder=folder,
        input=spec,
        embedding_len=int(stepper.averaged.output_shape[-1]),
        learner=learner.name,
        learner_options=learner.options,
        learned=learner.learned(),
        backbone=options.backbone,
        backbone_options=options.backbone_options,
        dataset=source or {"source": dataset.name},
        dataset_sha256=dataset.sha256,
        teacher_sha256=teacher_sha256,
        split=split,
        seed=options.seed,
        training=options.as_dict(),
        figures=loop.figures(),
    ).save(stepper.averaged)
    Checkpoint.remove(folder)
    return embedding


class _Validator:
    """Measures a network on a fixed list of tasks from the validation classes."""

    def __init__(self, dataset: Dataset, options: TrainOptions, spec: InputSpec, learner: learners.Learner) -> None:
        self._dataset, self._spec, self._learner = dataset, spec, learner
        self._episodes = sample_episodes(
            dataset,
            n_way=min(options.validation_way, len(dataset.class_names)),
            k_shot=options.validation_shot,
            n_query=VALIDATION_QUERIES,
            episodes=options.validation_episodes,
            rng=np.random.default_rng([options.seed, 2**32]),
        )

    def measure(self, model: Any) -> Accuracy:
        embeddings = embed_images(model, self._dataset.images, self._spec)
        return evaluate_episodes(embeddings, self._episodes, self._learner.classifier(self._learner.learned()))


@dataclass
class _State:
    """What the loop remembers besides the network; floats, so that a checkpoint holds it as it is."""

    seconds: float = 0.0
    validated_step: float = 0.0
    validation: float = -1.0
    validation_ci95: float = 0.0
    best: float = -1.0
    best_ci95: float = 0.0
    best_step: float = 0.0
    best_phase: float = 0.0
    phase: float = 0.0
    without_best: float = 0.0
    loss: float = math.nan
    accuracy: float = math.nan


@dataclass
class _Loop:
    """Steps, validations, and when to stop."""

    stepper: Stepper
    validator: _Validator | None
    options: TrainOptions
    identity: str
    state: _State = field(default_factory=_State)
    best: list[npt.NDArray[Any]] = field(default_factory=list)

    def run(self, progress: Callable[[Progress], None] | None, log: EventLog | None, folder: Path) -> None:
        """Train until the steps or the seconds are used up, or patience ends."""
        batches, stepper, state = self.stepper.batches(), self.stepper, self.state
        begun, first, seconds_before = time.monotonic(), stepper.done, state.seconds
        while True:
            finished = self._fraction() >= 1
            if self._validation_is_due(finished):
                self._validate(log)
                self.checkpoint().save(folder)
            if progress:
                progress(self._progress((stepper.done - first) / max(time.monotonic() - begun, 1e-9)))
            if finished or self._patience_is_over():
                return
            # Half a cosine: equation 5 of Loshchilov and Hutter, SGDR (2017), without restarts.
            learning_rate = self.options.learning_rate * (1 + math.cos(math.pi * self._fraction())) / 2
            state.phase = stepper.phase_at(self._fraction())
            self._note(*stepper.step(next(batches), learning_rate=learning_rate, progress=self._fraction()))
            state.seconds = seconds_before + time.monotonic() - begun

    def _fraction(self) -> float:
        """How much of the training is done: by steps, or by the clock where that is further."""
        by_steps = self.stepper.done / self.options.steps
        limit = self.options.max_seconds
        return by_steps if limit is None else max(by_steps, self.state.seconds / limit)

    def _validation_is_due(self, finished: bool) -> bool:
        done = self.stepper.done
        new = done > self.state.validated_step
        return self.validator is not None and new and (finished or done % self.options.validate_every == 0)

    def _patience_is_over(self) -> bool:
        patience, last = self.options.patience, self.state.best_phase == self.stepper.phases - 1
        return patience is not None and last and self.state.without_best >= patience

    def _note(self, loss: float, accuracy: float) -> None:
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} after step {self.stepper.done}: lower learning_rate "
                f"(it is {self.options.learning_rate})"
            )
        state = self.state
        weight = 1.0 if math.isnan(state.loss) else 0.05
        state.loss = loss if weight == 1.0 else state.loss + weight * (loss - state.loss)
        state.accuracy = accuracy if weight == 1.0 else state.accuracy + weight * (accuracy - state.accuracy)

    def _validate(self, log: EventLog | None) -> None:
        assert self.validator is not None
        measured = self.validator.measure(self.stepper.averaged)
        state = self.state
        state.validated_step = self.stepper.done
        state.validation, state.validation_ci95 = measured.mean, measured.ci95
        # What an earlier phase ended with is where this one began, not its rival.
        if measured.mean > state.best or state.phase > state.best_phase:
            state.best, state.best_ci95, state.best_step = measured.mean, measured.ci95, self.stepper.done
            state.best_phase = state.phase
            state.without_best = 0
            self.best = [np.array(v) for v in self.stepper.kept]
        else:
            state.without_best += 1
        if log:
            log.write(
                self.stepper.done,
                {"loss": state.loss, "accuracy": state.accuracy, "validation_accuracy": measured.mean},
            )

    def _progress(self, rate: float) -> Progress:
        state, fraction, limit = self.state, self._fraction(), self.options.max_seconds
        left = (self.options.steps - self.stepper.done) / rate if rate else math.inf
        if limit is not None:
            left = min(left, limit - state.seconds)
        episodes = self.options.validation_episodes
        return Progress(
            step=self.stepper.done,
            steps=self.options.steps,
            loss=state.loss,
            accuracy=state.accuracy,
            validation=_accuracy(state.validation, state.validation_ci95, episodes),
            best_validation=_accuracy(state.best, state.best_ci95, episodes),
            episodes_per_second=rate,
            seconds_left=0.0 if fraction >= 1 else max(left, 0.0),
        )

    def checkpoint(self) -> Checkpoint:
        """The state between two steps."""
        scalars = {f.name: float(getattr(self.state, f.name)) for f in fields(self.state)}
        return Checkpoint(self.identity, [np.array(v) for v in self.stepper.variables], self.best, scalars)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from `checkpoint`."""
        for variable, value in zip(self.stepper.variables, checkpoint.variables, strict=True):
            variable.assign(value)
        self.best = list(checkpoint.best)
        self.state = _State(**checkpoint.scalars)

    def restore_best(self) -> None:
        """Put back what the best validation measured: averaged network and learner."""
        for variable, value in zip(self.stepper.kept, self.best, strict=bool(self.best)):
            variable.assign(value)

    def figures(self) -> dict[str, float]:
        """Figures of the whole training, interruptions left out."""
        state = self.state
        figures = {
            "train_seconds": state.seconds,
            "train_episodes": float(self.stepper.done),
            "train_loss": state.loss,
            "train_accuracy": state.accuracy,
        }
        if state.best >= 0:
            figures |= {
                "validation_accuracy": state.best,
                "validation_accuracy_ci95": state.best_ci95,
                "best_step": state.best_step,
            }
        return figures


def _accuracy(mean: float, ci95: float, episodes: int) -> Accuracy | None:
    """An accuracy out of a state, where a negative mean stands for one that was not measured yet."""
    return Accuracy(mean, ci95, episodes) if mean >= 0 else None


def _identity(options: TrainOptions, split: Split, spec: InputSpec, dataset_sha256: str, teacher_sha256: str) -> str:
    """Digest of what decides a training; the teacher counts by what it is, not by where it lies."""
    chosen = {**options.as_dict(), "teacher": teacher_sha256}
    parts = [chosen, split.train, split.validation, spec.shape, spec.scale, spec.offset, dataset_sha256]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
