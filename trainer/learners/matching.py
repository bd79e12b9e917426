"""Matching networks: softmax attention over the support; a class is as likely as its examples are attended to.

Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra: *Matching Networks for One Shot Learning*, NeurIPS 2016.
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
from trainer.learners.base import EpisodeLoss, Learned, Learner

_SMALLEST_SQUARE = 1e-12


@dataclass(frozen=True)
class Matching(Learner):
    """Attention ``softmax(temperature * cosine)`` over all examples, summed over those of a class (equation 1).

    The paper has no temperature; cosines lie in [-1, 1], and without one the softmax cannot become sharp enough to
    train with many classes. It is learned along with the network, as its logarithm.

    Attributes
    ----------
    initial_temperature : float
        Where learning begins.

    Raises
    ------
    ValueError
        If the temperature is not positive.
    """

    name: ClassVar[str] = "matching"
    initial_temperature: float = 10.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.initial_temperature) and self.initial_temperature > 0):
            raise ValueError(f"initial_temperature is {self.initial_temperature}, it must be positive")

    @cached_property
    def _log_temperature(self) -> Any:
        start = math.log(self.initial_temperature)
        return load_keras().Variable(start, dtype="float32", name="log_temperature")

    def variables(self, model: Any) -> Sequence[Any]:
        """The logarithm of the temperature."""
        return (self._log_temperature,)

    def learned(self) -> Learned:
        """``temperature``: factor of the cosines."""
        return {"temperature": math.exp(float(self._log_temperature))}

    def loss(self, support: Any, query: Any) -> EpisodeLoss:
        """Mean negative log-likelihood of the right class over all queries.

        Parameters
        ----------
        support : float32 tensor [n_way, k_shot, d]
        query : float32 tensor [n_way, n_query, d]
        """
        tf = load_tensorflow()
        n_way, n_query, length = query.shape
        k_shot = support.shape[1]
        examples = _unit(tf, tf.reshape(support, (n_way * k_shot, length)))
        queries = _unit(tf, tf.reshape(query, (n_way * n_query, length)))
        logits = tf.exp(self._log_temperature.value) * tf.matmul(queries, examples, transpose_b=True)
        by_class = tf.reduce_logsumexp(tf.reshape(logits, (-1, n_way, k_shot)), axis=2)
        ways = tf.repeat(tf.range(n_way, dtype=tf.int64), n_query)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=ways, logits=by_class)
        hits = tf.cast(tf.equal(tf.argmax(by_class, axis=1), ways), tf.float32)
        return EpisodeLoss(tf.reduce_mean(losses), tf.reduce_mean(hits))

    def classifier(self, learned: Learned) -> Classifier:
        """The class whose examples attract the most attention; of equal ones the first."""
        temperature = float(np.asarray(learned["temperature"]))

        def classify(support: npt.NDArray[Any], queries: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
            n_way, k_shot, length = support.shape
            cosines = _unit_rows(queries) @ _unit_rows(support.reshape(-1, length)).T
            attention = np.exp(temperature * (cosines - cosines.max(axis=1, keepdims=True)))
            ways: npt.NDArray[np.int64] = attention.reshape(-1, n_way, k_shot).sum(axis=2).argmax(axis=1)
            return ways

        return classify


def _unit(tf: Any, rows: Any) -> Any:
    """Rows of length 1; a row of zeros stays one."""
    return rows * tf.math.rsqrt(tf.maximum(tf.reduce_sum(tf.square(rows), axis=1, keepdims=True), _SMALLEST_SQUARE))


def _unit_rows(rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    exact = rows.astype(np.float64)
    lengths = np.sqrt(np.maximum(np.square(exact).sum(axis=1, keepdims=True), _SMALLEST_SQUARE))
    unit: npt.NDArray[np.float64] = exact / lengths
    return unit
