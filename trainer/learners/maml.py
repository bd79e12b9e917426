"""MAML and ANIL: learn a start from which a few gradient steps on the support solve the task.

Finn, Abbeel, Levine: *Model-Agnostic Meta-Learning*, ICML 2017. Raghu et al.: *Rapid Learning or Feature Reuse?*
(ANIL), ICLR 2020. Antoniou, Edwards, Storkey: *How to train your MAML* (MAML++), ICLR 2019. Triantafillou et al.:
*Meta-Dataset* (Proto-MAML), ICLR 2020.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from trainer.backend import load_keras, load_tensorflow
from trainer.evaluate import Classifier
from trainer.learners.base import EpisodeLoss, EpisodeTensors, Learned, Learner

HEADS = ("prototypes", "learned")


@dataclass(frozen=True)
class _GradientLearner(Learner):
    """A linear softmax head ``z = x @ W.T + b`` that takes gradient steps on the support's mean cross entropy.

    The rates of the head, of its weights and its biases in each step, are learned along with the network, as in MAML++.

    Attributes
    ----------
    head : str
        Where the head starts. ``"prototypes"``: ``w = 2 a p, b = -a |p|**2`` for the class mean p, with a learned
        scale a (Proto-MAML). ``"learned"``: every class starts with the same learned row, so that the classes of a task
        need no fixed number.
    inner_steps : int
        Steps of the inner loop in training.
    inner_rate : float
        Where the learned rates begin.
    adapt_steps : int
        Steps after training, on the host and on the device; the last learned rate repeats.
    first_order : bool
        Take the inner gradients as constants (FOMAML); otherwise the outer gradient goes through them.

    Raises
    ------
    ValueError
        If an option is impossible.
    """

    head: str = "prototypes"
    inner_steps: int = 5
    inner_rate: float = 0.1
    adapt_steps: int = 10
    first_order: bool = False

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise ValueError(f"head is {self.head!r}, it must be one of {', '.join(HEADS)}")
        if self.inner_steps < 1 or self.adapt_steps < 0:
            raise ValueError(f"{self.inner_steps} inner and {self.adapt_steps} adapting steps; at least 1 and 0 work")
        if not (math.isfinite(self.inner_rate) and self.inner_rate > 0):
            raise ValueError(f"inner_rate is {self.inner_rate}, it must be positive")

    @cached_property
    def _variables(self) -> dict[str, Any]:
        """What `variables` made, by name."""
        return {}

    def variables(self, model: Any) -> Sequence[Any]:
        """Rates of the head, and its start."""
        if not self._variables:
            variable, rates = load_keras().Variable, np.full((self.inner_steps, 2), self.inner_rate, np.float32)
            self._variables["head_rates"] = variable(rates, name="head_rates")
            if self.head == "prototypes":
                self._variables["log_scale"] = variable(0.0, dtype="float32", name="log_init_scale")
            else:
                row = np.zeros(model.output_shape[-1] + 1, np.float32)
                self._variables["initial_row"] = variable(row, name="initial_row")
        return tuple(self._variables.values())

    def learned(self) -> Learned:
        """``weight_rates``, ``bias_rates`` [inner_steps]; ``init_scale``, or ``initial_weights`` [d] and a bias."""
        rates = np.array(self._variables["head_rates"])
        learned: dict[str, float | list[float]] = {
            "weight_rates": rates[:, 0].tolist(),
            "bias_rates": rates[:, 1].tolist(),
        }
        if self.head == "prototypes":
            return learned | {"init_scale": math.exp(float(self._variables["log_scale"]))}
        row = np.array(self._variables["initial_row"])
        return learned | {"initial_weights": row[:-1].tolist(), "initial_bias": float(row[-1])}

    def _start(self, tf: Any, support: Any) -> tuple[Any, Any]:
        """Weights [n_way, d] and biases [n_way] before the first step, for support [n_way, k_shot, d]."""
        n_way = support.shape[0]
        if self.head == "prototypes":
            prototypes = tf.reduce_mean(support, axis=1)
            scale = tf.exp(self._variables["log_scale"].value)
            return 2 * scale * prototypes, -scale * tf.reduce_sum(tf.square(prototypes), axis=1)
        row = self._variables["initial_row"].value
        return tf.tile(row[None, :-1], (n_way, 1)), tf.fill((n_way,), row[-1])

    def _step(self, tf: Any, support: Any, weights: Any, biases: Any, step: int) -> tuple[Any, Any]:
        """One step of the head; its gradient in closed form, ``(softmax(z) - y) x``."""
        n_way, k_shot, length = support.shape
        rows = tf.reshape(support, (n_way * k_shot, length))
        targets = tf.repeat(tf.eye(n_way), k_shot, axis=0)
        errors = tf.nn.softmax(tf.matmul(rows, weights, transpose_b=True) + biases) - targets
        by_weights = tf.matmul(errors, rows, transpose_a=True) / (n_way * k_shot)
        by_biases = tf.reduce_mean(errors, axis=0)
        if self.first_order:
            by_weights, by_biases = tf.stop_gradient(by_weights), tf.stop_gradient(by_biases)
        rates = self._variables["head_rates"].value[step]
        return weights - rates[0] * by_weights, biases - rates[1] * by_biases

    def loss(self, support: Any, query: Any) -> EpisodeLoss:
        """Cross entropy of the queries after the inner steps of the head.

        Parameters
        ----------
        support : float32 tensor [n_way, k_shot, d]
        query : float32 tensor [n_way, n_query, d]
        """
        tf = load_tensorflow()
        weights, biases = self._start(tf, support)
        for step in range(self.inner_steps):
            weights, biases = self._step(tf, support, weights, biases, step)
        return _judge(tf, query, weights, biases)

    def classifier(self, learned: Learned) -> Classifier:
        """The head after `adapt_steps` steps on the support, the body as it was trained."""
        weight_rates, bias_rates = (np.asarray(learned[name], np.float64) for name in ("weight_rates", "bias_rates"))

        def classify(support: npt.NDArray[Any], queries: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
            n_way, k_shot, length = support.shape
            rows = support.reshape(-1, length).astype(np.float64)
            targets = np.repeat(np.eye(n_way), k_shot, axis=0)
            weights, biases = self._start_of(learned, support.astype(np.float64))
            for step in range(self.adapt_steps):
                rate = min(step, len(weight_rates) - 1)
                logits = rows @ weights.T + biases
                powers = np.exp(logits - logits.max(axis=1, keepdims=True))
                errors = powers / powers.sum(axis=1, keepdims=True) - targets
                weights = weights - weight_rates[rate] * (errors.T @ rows) / len(rows)
                biases = biases - bias_rates[rate] * errors.mean(axis=0)
            ways: npt.NDArray[np.int64] = (queries.astype(np.float64) @ weights.T + biases).argmax(axis=1)
            return ways

        return classify

    def _start_of(self, learned: Learned, support: npt.NDArray[np.float64]) -> tuple[Any, Any]:
        """As `_start`, from learned values."""
        if self.head == "prototypes":
            scale = float(np.asarray(learned["init_scale"]))
            prototypes = support.mean(axis=1)
            return 2 * scale * prototypes, -scale * np.square(prototypes).sum(axis=1)
        n_way = len(support)
        row, bias = np.asarray(learned["initial_weights"], np.float64), float(np.asarray(learned["initial_bias"]))
        return np.tile(row, (n_way, 1)), np.full(n_way, bias)


@dataclass(frozen=True)
class Anil(_GradientLearner):
    """Almost no inner loop: only the head adapts, in training as on the device."""

    name: ClassVar[str] = "anil"


@dataclass(frozen=True)
class Maml(_GradientLearner):
    """The inner loop goes through head and body, in training with gradients of second order.

    Each weight of the body has a learned rate of its own in each step (MAML++'s per-layer per-step rates). On the
    device, and in `classifier`, the head alone adapts: the steps through the body need the network's gradients and run
    on the host only. Batch normalisation uses the statistics of its batch in training and of the training afterwards:
    queries are never judged by one another.

    Attributes
    ----------
    body_rate : float
        Where the learned rates of the body begin.
    """

    name: ClassVar[str] = "maml"
    body_rate: float = 0.01

    def variables(self, model: Any) -> Sequence[Any]:
        """Rates of the head and of the body, and the head's start."""
        made = super().variables(model)
        if "body_rates" not in self._variables:
            rates = np.full((self.inner_steps, len(model.trainable_variables)), self.body_rate, np.float32)
            self._variables["body_rates"] = load_keras().Variable(rates, name="body_rates")
            made = (*made, self._variables["body_rates"])
        return made

    def episode_loss(self, model: Any, episode: EpisodeTensors, *, turns: int = 1) -> EpisodeLoss:
        """Cross entropy of the queries after the inner steps through head and body.

        Parameters
        ----------
        model : keras.Model
        episode : EpisodeTensors
        turns : int
            1; other turns would need inner loops of their own.

        Raises
        ------
        ValueError
            If `turns` is more than 1.
        """
        if turns != 1:
            raise ValueError("maml: the samples cannot take turns as support, leave turns at 1")
        tf = load_tensorflow()
        n_way, k_shot = episode.support.shape[:2]
        shots = tf.reshape(episode.support, (n_way * k_shot, *episode.support.shape[2:]))
        asked = tf.reshape(episode.query, (-1, *episode.query.shape[2:]))
        body = [variable.value for variable in model.trainable_variables]
        statistics = [variable.value for variable in model.non_trainable_variables]

        def embedded(weights: list[Any], images: Any) -> tuple[Any, list[Any]]:
            rows, updated = model.stateless_call(weights, statistics, images, training=True)
            return tf.reshape(rows, (n_way, -1, rows.shape[-1])), updated

        head = self._start(tf, embedded(body, shots)[0])
        for step in range(self.inner_steps):
            with tf.GradientTape() as tape:
                tape.watch(body)
                tape.watch(head)
                loss = _judge(tf, embedded(body, shots)[0], *head).loss
            gradients = tape.gradient(loss, [*body, *head])
            if self.first_order:
                gradients = [tf.stop_gradient(gradient) for gradient in gradients]
            rates = self._variables["body_rates"].value[step]
            body = [w - rates[i] * g for i, (w, g) in enumerate(zip(body, gradients[:-2], strict=True))]
            head_rates = self._variables["head_rates"].value[step]
            head = (head[0] - head_rates[0] * gradients[-2], head[1] - head_rates[1] * gradients[-1])
        queries, updated = embedded(body, asked)
        for variable, value in zip(model.non_trainable_variables, updated, strict=True):
            variable.assign(value)
        return _judge(tf, queries, *head)


def _judge(tf: Any, samples: Any, weights: Any, biases: Any) -> EpisodeLoss:
    """Mean cross entropy and accuracy of a head over samples [n_way, n, d]."""
    n_way, each, length = samples.shape
    logits = tf.matmul(tf.reshape(samples, (n_way * each, length)), weights, transpose_b=True) + biases
    ways = tf.repeat(tf.range(n_way, dtype=tf.int64), each)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=ways, logits=logits)
    hits = tf.cast(tf.equal(tf.argmax(logits, axis=1), ways), tf.float32)
    return EpisodeLoss(tf.reduce_mean(losses), tf.reduce_mean(hits))
