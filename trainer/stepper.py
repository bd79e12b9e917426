"""One training step after another: the network, its running average, the optimizer, and nothing about when to stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.artifact import InputSpec
from trainer.augment import augment
from trainer.backbones import build_backbone
from trainer.backend import load_keras, load_tensorflow
from trainer.datasets.dataset import Dataset
from trainer.episodes import EpisodeSampler
from trainer.learners import EpisodeTensors, Learner
from trainer.options import TrainOptions


class Stepper:
    """Trains a network on the episodes of a data set.

    The images stay in memory as bytes. Episodes are index arrays, drawn ahead on a thread of their own; gathering,
    normalising and everything after run inside one compiled function, so that no core waits for Python.

    Parameters
    ----------
    dataset : Dataset
        The training classes.
    learner : Learner
    options : TrainOptions
    spec : InputSpec
    """

    def __init__(self, dataset: Dataset, learner: Learner, options: TrainOptions, spec: InputSpec) -> None:
        self._tf, keras = load_tensorflow(), load_keras()
        self._options, self._spec, self._learner = options, spec, learner
        self._images = self._tf.constant(dataset.images)
        self._sampler = EpisodeSampler(
            dataset.labels,
            n_way=min(options.n_way, len(dataset.class_names)),
            k_shot=options.k_shot,
            n_query=options.n_query,
        )
        shape, extra = spec.shape, options.backbone_options
        self._model = build_backbone(options.backbone, shape, extra, seed=options.seed, training=True)
        self.averaged = build_backbone(options.backbone, shape, extra, seed=options.seed)
        self._learned = list(learner.variables(self._model))
        self._trainable = [*self._model.trainable_variables, *self._learned]
        self._optimizer = keras.optimizers.Adam(options.learning_rate)
        self._optimizer.build(self._trainable)
        self._run = self._tf.function(self._step, autograph=False)

    @property
    def done(self) -> int:
        """Steps taken so far."""
        return int(self._optimizer.iterations)

    @property
    def variables(self) -> list[Any]:
        """Everything that a step changes."""
        return [
            *self._model.variables,
            *self.averaged.variables,
            *self._learned,
            *self._optimizer.variables,
        ]

    @property
    def kept(self) -> list[Any]:
        """What is left of a training: the averaged network, and what the learner learned besides."""
        return [*self.averaged.variables, *self._learned]

    def batches(self) -> Iterator[Any]:
        """Yield int64 tensors [n_way, k_shot + n_query] for the steps from `done` to the last, a few ahead of use."""
        tf, sampler, start = self._tf, self._sampler, self.done
        shape = (sampler.n_way, sampler.k_shot + sampler.n_query)

        def indices() -> Iterator[npt.NDArray[np.int64]]:
            for episode in sampler.stream(seed=self._options.seed, start=start, stop=self._options.steps):
                yield np.concatenate([episode.support, episode.query], axis=1)

        signature = tf.TensorSpec(shape, tf.int64)
        return iter(tf.data.Dataset.from_generator(indices, output_signature=signature).prefetch(8))

    def step(self, indices: Any, *, learning_rate: float) -> tuple[float, float]:
        """Train on one episode; afterwards `done` is one more, and never anything in between.

        Parameters
        ----------
        indices : int64 tensor [n_way, k_shot + n_query]
            Positions in the data set.
        learning_rate : float

        Returns
        -------
        loss, accuracy : float
            Of this episode, in training mode.
        """
        loss, accuracy = self._run(indices, self._tf.constant(learning_rate, self._tf.float32))
        return float(loss), float(accuracy)

    def _step(self, indices: Any, learning_rate: Any) -> tuple[Any, Any]:
        tf = self._tf
        step = tf.identity(self._optimizer.iterations.value)
        pixels = augment(tf.gather(self._images, indices), self._options, step)
        images = tf.cast(pixels, tf.float32) * self._spec.scale + self._spec.offset
        k_shot = self._options.k_shot
        episode = EpisodeTensors(images[:, :k_shot], images[:, k_shot:])
        with tf.GradientTape() as tape:
            result = self._learner.episode_loss(self._model, episode, turns=self._options.turns)
        gradients = tape.gradient(result.loss, self._trainable)
        self._optimizer.learning_rate.assign(learning_rate)
        self._optimizer.apply_gradients(zip(gradients, self._trainable, strict=True))
        self._average(tf.cast(step, tf.float32))
        return result.loss, result.accuracy

    def _average(self, steps: Any) -> None:
        """Move the average towards the weights; in the first steps faster, so that it forgets where it began."""
        decay = self._tf.minimum(self._options.averaging, (1 + steps) / (10 + steps))
        for average, current in zip(self.averaged.variables, self._model.variables, strict=True):
            average.assign_add((1 - decay) * (current - average))
