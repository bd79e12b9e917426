"""One training step after another: the network, its running average, the optimizers, and nothing about when to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.artifact import InputSpec
from trainer.augment import augment, mirrored_classes
from trainer.backbones import build_backbone
from trainer.backend import load_keras, load_tensorflow
from trainer.datasets.dataset import Dataset
from trainer.distillation import Teacher, relational_loss
from trainer.episodes import EpisodeSampler
from trainer.fake_quantize import fake_quantized
from trainer.learners import EpisodeLoss, EpisodeTensors, Learner
from trainer.options import TrainOptions
from trainer.pretrain import CosineSoftmax


@dataclass(frozen=True, eq=False)
class _Batch:
    """What a step trains on.

    Attributes
    ----------
    indices : int64 tensor [n_way, samples]
    pixels : uint8 or float32 tensor [n_way, samples, height, width, channels]
        Raw values, augmented.
    step : int64 tensor
        Steps before this one.
    progress : float32 tensor
        Share of the training that is done.
    """

    indices: Any
    pixels: Any
    step: Any
    progress: Any


@dataclass(frozen=True, eq=False)
class _Phase:
    """A stretch of the training with its own loss, variables and optimizer.

    Attributes
    ----------
    begin : float
        Share of the training after which it begins.
    network : keras.Model
        What is trained.
    judge : callable
        The loss of a batch.
    extra : sequence of Keras variables
        What is trained besides the network.
    optimizer : keras.optimizers.Optimizer
    """

    begin: float
    network: Any
    judge: Callable[[Any, _Batch], EpisodeLoss]
    extra: Sequence[Any]
    optimizer: Any

    @property
    def trainable(self) -> list[Any]:
        """Keras variables that have a gradient."""
        return [*self.network.trainable_variables, *self.extra]


class Stepper:
    """Trains a network on the episodes of a data set.

    The images stay in memory as bytes. Episodes are index arrays, drawn ahead on a thread of their own; gathering,
    normalising and everything after run inside one compiled function, so that no core waits for Python.

    A training has up to three phases: pre-training, the episodes, and episodes of a network that computes as int8 will.
    Each has an optimizer of its own; the last one starts from the running average of the weights.

    Parameters
    ----------
    dataset : Dataset
        The training classes.
    learner : Learner
    options : TrainOptions
    spec : InputSpec

    Raises
    ------
    ValueError
        If the learner cannot be trained with an option.
    ArtifactError
        If the teacher cannot be loaded.
    """

    def __init__(self, dataset: Dataset, learner: Learner, options: TrainOptions, spec: InputSpec) -> None:
        _check(learner, options)
        self._tf, self._options, self._spec, self._learner = load_tensorflow(), options, spec, learner
        self._images, self._labels = self._tf.constant(dataset.images), self._tf.constant(dataset.labels)
        self._sampler = EpisodeSampler(
            dataset.labels,
            n_way=min(options.n_way, len(dataset.class_names)),
            k_shot=options.k_shot,
            n_query=options.n_query,
        )
        self.teacher = Teacher(Path(options.teacher), spec) if options.teacher else None
        shape, extra = spec.shape, options.backbone_options
        fused = not learner.adapts_body
        self._model = build_backbone(options.backbone, shape, extra, seed=options.seed, training=fused)
        self.averaged = build_backbone(options.backbone, shape, extra, seed=options.seed)
        self._learned = list(learner.variables(self._model, seed=options.seed))
        self._phases = self._plan(len(dataset.class_names))
        self._runs = [self._tf.function(partial(self._step, phase), autograph=False) for phase in self._phases]

    def _plan(self, classes: int) -> list[_Phase]:
        """The phases that the options ask for, in order; their borders are those of the steps, as shares of all."""
        options, model = self._options, self._model
        begin, end = options.pretrain_steps, options.steps - options.qat_steps
        phases = [_Phase(begin / options.steps, model, self._judge_episode, self._learned, self._adam())]
        if options.pretrain_steps:
            count = 2 * classes if options.mirror_classes else classes
            softmax = CosineSoftmax(count, model.output_shape[-1], scale=options.pretrain_scale, seed=options.seed)
            judge = partial(self._judge_classes, softmax)
            phases.insert(0, _Phase(0.0, model, judge, softmax.variables, self._adam()))
        if options.qat_steps:
            rounding = fake_quantized(self.averaged)
            phases.append(_Phase(end / options.steps, rounding, self._judge_episode, self._learned, self._adam()))
        for phase in phases:
            phase.optimizer.build(phase.trainable)
        return phases

    def _adam(self) -> Any:
        return load_keras().optimizers.Adam(self._options.learning_rate)

    @property
    def done(self) -> int:
        """Steps taken so far."""
        return sum(int(phase.optimizer.iterations) for phase in self._phases)

    @property
    def variables(self) -> list[Any]:
        """Everything that a step changes."""
        unique = {id(v): v for phase in self._phases for v in (*phase.network.variables, *phase.extra)}
        optimizers = [v for phase in self._phases for v in phase.optimizer.variables]
        return [*unique.values(), *self.averaged.variables, *optimizers]

    @property
    def kept(self) -> list[Any]:
        """What is left of a training: the averaged network, and what the learner learned besides."""
        return [*self.averaged.variables, *self._learned]

    @property
    def phases(self) -> int:
        """Number of phases."""
        return len(self._phases)

    def phase_at(self, progress: float) -> int:
        """Which phase trains once a share of the training is done, counted from 0."""
        return max(i for i, phase in enumerate(self._phases) if phase.begin <= progress)

    def batches(self) -> Iterator[Any]:
        """Yield int64 tensors [n_way, k_shot + n_query] for the steps from `done` to the last, a few ahead of use."""
        tf, sampler, start = self._tf, self._sampler, self.done
        shape = (sampler.n_way, sampler.k_shot + sampler.n_query)

        def indices() -> Iterator[npt.NDArray[np.int64]]:
            for episode in sampler.stream(seed=self._options.seed, start=start, stop=self._options.steps):
                yield np.concatenate([episode.support, episode.query], axis=1)

        signature = tf.TensorSpec(shape, tf.int64)
        return iter(tf.data.Dataset.from_generator(indices, output_signature=signature).prefetch(8))

    def step(self, indices: Any, *, learning_rate: float, progress: float) -> tuple[float, float]:
        """Train on one episode; afterwards `done` is one more, and never anything in between.

        Parameters
        ----------
        indices : int64 tensor [n_way, k_shot + n_query]
            Positions in the data set.
        learning_rate : float
        progress : float
            Share of the training that is done; decides the phase.

        Returns
        -------
        loss, accuracy : float
            Of this episode, in training mode.
        """
        number = self.phase_at(progress)
        phase, real = self._phases[number], self._tf.float32
        if phase.network is not self._model and not int(phase.optimizer.iterations):
            phase.network.set_weights(self.averaged.get_weights())
        loss, accuracy = self._runs[number](
            indices, self._tf.constant(learning_rate, real), self._tf.constant(progress, real)
        )
        return float(loss), float(accuracy)

    def _step(self, phase: _Phase, indices: Any, learning_rate: Any, progress: Any) -> tuple[Any, Any]:
        tf = self._tf
        step = tf.add_n([tf.identity(each.optimizer.iterations.value) for each in self._phases])
        pixels = augment(tf.gather(self._images, indices), self._options, step)
        with tf.GradientTape() as tape:
            result = phase.judge(phase.network, _Batch(indices, pixels, step, progress))
        gradients = tape.gradient(result.loss, phase.trainable)
        phase.optimizer.learning_rate.assign(learning_rate)
        phase.optimizer.apply_gradients(zip(gradients, phase.trainable, strict=True))
        self._average(phase.network, tf.cast(step, tf.float32))
        return result.loss, result.accuracy

    def _judge_classes(self, softmax: CosineSoftmax, network: Any, batch: _Batch) -> EpisodeLoss:
        """Pre-training: tell the images of the episode apart by class, among all classes of the training."""
        tf = self._tf
        labels = tf.gather(self._labels, batch.indices)
        if self._options.mirror_classes:  # in the mirror a class is another one, the second half of the softmax
            mirrored = mirrored_classes(labels.shape[0], self._options, batch.step)
            labels += softmax.classes // 2 * tf.cast(mirrored, tf.int64)[:, None]
        images = self._normalised(tf.reshape(batch.pixels, (-1, *self._spec.shape)))
        return softmax.loss(network(images, training=True), tf.reshape(labels, (-1,)))

    def _judge_episode(self, network: Any, batch: _Batch) -> EpisodeLoss:
        """The learner's own loss and, where there is a teacher, how much the network sees otherwise than it does."""
        tf, options = self._tf, self._options
        images, begin = self._normalised(batch.pixels), options.pretrain_steps / options.steps
        result = self._learner.episode_loss(
            network,
            EpisodeTensors(images[:, : options.k_shot], images[:, options.k_shot :]),
            turns=turns_of(self._learner, options),
            progress=(batch.progress - begin) / (1 - begin),
        )
        if self.teacher is None:
            return result
        seen = tf.reshape(result.embeddings, (-1, result.embeddings.shape[-1]))
        taught = self.teacher.embed(tf.reshape(batch.pixels, (-1, *self._spec.shape)))
        apart = relational_loss(seen, taught, temperature=options.distillation_temperature)
        return replace(result, loss=result.loss + options.distillation * apart)

    def _normalised(self, pixels: Any) -> Any:
        return self._tf.cast(pixels, self._tf.float32) * self._spec.scale + self._spec.offset

    def _average(self, network: Any, steps: Any) -> None:
        """Move the average towards the weights; in the first steps faster, so that it forgets where it began."""
        decay = self._tf.minimum(self._options.averaging, (1 + steps) / (10 + steps))
        for average, current in zip(self.averaged.variables, network.variables, strict=True):
            average.assign_add((1 - decay) * (current - average))


def turns_of(learner: Learner, options: TrainOptions) -> int:
    """How often the roles change: as often as the samples allow, where nothing else was asked for."""
    if options.turns or not learner.takes_turns:
        return max(1, options.turns)
    return (options.k_shot + options.n_query) // options.k_shot


def _check(learner: Learner, options: TrainOptions) -> None:
    """Refuse what a method that changes the network in an episode cannot do."""
    if not learner.adapts_body:
        return
    for name, off in (("turns", (0, 1)), ("teacher", ("",)), ("qat_steps", (0,))):
        if getattr(options, name) not in off:
            raise ValueError(
                f"{name} needs one embedding of each sample, and {learner.name} changes the network in an episode: "
                f"leave {name} out, or train anil"
            )
