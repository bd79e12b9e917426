"""Prototypical networks: a class is the mean of its embedded examples, and the nearest mean wins.

Snell, Swersky, Zemel: *Prototypical Networks for Few-shot Learning*, NeurIPS 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from trainer.backend import load_tensorflow
from trainer.evaluate import Classifier
from trainer.learners.base import EpisodeLoss, Learned, Learner


@dataclass(frozen=True)
class Prototypical(Learner):
    """Softmax over negative squared Euclidean distances to the class means (equations 1 and 2 of the paper).

    Train with more classes an episode than will be told apart later: the paper used 60 for tasks of 5 and 20.
    """

    name: ClassVar[str] = "prototypical"

    def loss(self, support: Any, query: Any) -> EpisodeLoss:
        """Mean negative log-probability of the right class over all queries.

        Parameters
        ----------
        support : float32 tensor [n_way, k_shot, d]
        query : float32 tensor [n_way, n_query, d]
        """
        tf = load_tensorflow()
        n_way, n_query, length = query.shape
        prototypes = tf.reduce_mean(support, axis=1)
        queries = tf.reshape(query, (n_way * n_query, length))
        # |q - p|^2 without |q|^2, which is the same for every class and cancels in softmax and arg max.
        products = tf.matmul(queries, prototypes, transpose_b=True)
        logits = 2 * products - tf.reduce_sum(tf.square(prototypes), axis=1)
        ways = tf.repeat(tf.range(n_way, dtype=tf.int64), n_query)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=ways, logits=logits)
        hits = tf.cast(tf.equal(tf.argmax(logits, axis=1), ways), tf.float32)
        return EpisodeLoss(tf.reduce_mean(losses), tf.reduce_mean(hits))

    def classifier(self, learned: Learned) -> Classifier:
        """Nearest class mean; of equally near ones the first."""
        return _nearest_mean


def _nearest_mean(support: npt.NDArray[Any], queries: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    prototypes = support.mean(axis=1, dtype=np.float64)
    distances = np.square(prototypes).sum(axis=1) - 2 * queries.astype(np.float64) @ prototypes.T
    ways: npt.NDArray[np.int64] = np.argmin(distances, axis=1).astype(np.int64)
    return ways
