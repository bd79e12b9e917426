"""A linear softmax head that learns a task by gradient steps: what MAML and ANIL share, and what their device runs.

Finn, Abbeel, Levine: *Model-Agnostic Meta-Learning*, ICML 2017. Antoniou, Edwards, Storkey: *How to train your MAML*
(MAML++), ICLR 2019. Triantafillou et al.: *Meta-Dataset* (Proto-MAML), ICLR 2020.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.backend import load_keras, load_tensorflow
from trainer.evaluate import Classifier
from trainer.learners.base import EpisodeLoss, Learned, Learner

HEADS = ("prototypes", "learned")


@dataclass(frozen=True)
class GradientHead(Learner):
    """A linear softmax head ``z = x @ W.T + b`` that takes gradient steps on the support's mean cross entropy.

    Of MAML++ it has, always, rates of its own for the weights and the biases in each step, learned along with the
    network, and the cosine schedule of the outer learning rate, which is that of every training here
    (`trainer.fit`); its multi-step loss is an option.

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
    multi_step : float
        Share of the training in which the queries are judged after every inner step (MAML++'s multi-step loss). The
        steps count alike at first, and the weights move linearly to the last one, which alone counts afterwards; 0
        judges the last step from the beginning.

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
    multi_step: float = 0.0

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise ValueError(f"head is {self.head!r}, it must be one of {', '.join(HEADS)}")
        if self.inner_steps < 1 or self.adapt_steps < 0:
            raise ValueError(f"{self.inner_steps} inner and {self.adapt_steps} adapting steps; at least 1 and 0 work")
        if not (math.isfinite(self.inner_rate) and self.inner_rate > 0):
            raise ValueError(f"inner_rate is {self.inner_rate}, it must be positive")
        if not 0 <= self.multi_step <= 1:
            raise ValueError(f"multi_step is {self.multi_step}, it must be a share of the training, in [0, 1]")

    @cached_property
    def _variables(self) -> dict[str, Any]:
        """What `variables` made, by name."""
        return {}

    def variables(self, model: Any, *, seed: int = 0) -> Sequence[Any]:
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
        if self.head == "prototypes":
            return prototype_head(tf, support, tf.exp(self._variables["log_scale"].value))
        return repeated_head(tf, support, self._variables["initial_row"].value)

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
        return self.loss_during(support, query, 1.0)

    def loss_during(self, support: Any, query: Any, progress: Any) -> EpisodeLoss:
        """Cross entropy of the queries, weighted over the inner steps as `multi_step` asks."""
        tf = load_tensorflow()
        head, heads = self._start(tf, support), []
        for step in range(self.inner_steps):
            head = self._step(tf, support, *head, step)
            heads.append(head)
        last = judge(tf, query, *head)
        if not self.multi_step:
            return last
        importances = tf.unstack(step_importances(tf, self.inner_steps, self.multi_step, progress))
        losses = [judge(tf, query, *head).loss for head in heads[:-1]] + [last.loss]
        weighted = tf.add_n([w * loss for w, loss in zip(importances, losses, strict=True)])
        return EpisodeLoss(weighted, last.accuracy)

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


def prototype_head(tf: Any, support: Any, scale: Any) -> tuple[Any, Any]:
    """Weights [n_way, d] and biases [n_way] that rank as the distances to the class means do.

    Parameters
    ----------
    tf : module
    support : float32 tensor [n_way, k_shot, d]
    scale : float32 scalar
        Of the squared distances.
    """
    prototypes = tf.reduce_mean(support, axis=1)
    return 2 * scale * prototypes, -scale * tf.reduce_sum(tf.square(prototypes), axis=1)


def repeated_head(tf: Any, support: Any, row: Any) -> tuple[Any, Any]:
    """Weights and biases of as many classes as `support` has, all equal to `row` [d + 1], whose last is the bias."""
    n_way = support.shape[0]
    return tf.tile(row[None, :-1], (n_way, 1)), tf.fill((n_way,), row[-1])


def step_importances(tf: Any, steps: int, share: float, progress: Any) -> Any:
    """How much the queries' loss after each inner step counts: section 4 of Antoniou et al., annealed linearly.

    Parameters
    ----------
    tf : module
    steps : int
        Of the inner loop.
    share : float
        Of the training, after which the last step alone counts.
    progress : float32 scalar tensor
        Share of the training that is done.

    Returns
    -------
    float32 tensor [steps]
        Sums to 1.
    """
    early = tf.maximum(1.0 - tf.cast(progress, tf.float32) / share, 0.0) / steps
    return tf.concat([tf.fill((steps - 1,), early), [1.0 - (steps - 1) * early]], axis=0)


def judge(tf: Any, samples: Any, weights: Any, biases: Any) -> EpisodeLoss:
    """Mean cross entropy and accuracy of a head over samples [n_way, n, d]."""
    n_way, each, length = samples.shape
    logits = tf.matmul(tf.reshape(samples, (n_way * each, length)), weights, transpose_b=True) + biases
    ways = tf.repeat(tf.range(n_way, dtype=tf.int64), each)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=ways, logits=logits)
    hits = tf.cast(tf.equal(tf.argmax(logits, axis=1), ways), tf.float32)
    return EpisodeLoss(tf.reduce_mean(losses), tf.reduce_mean(hits))
