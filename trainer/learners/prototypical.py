"""Prototypical networks: a class is the mean of its embedded examples, and the nearest mean wins.

Snell, Swersky, Zemel: *Prototypical Networks for Few-shot Learning*, NeurIPS 2017.
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
from trainer.learners.directions import unit, unit_rows

INITIAL_SCALE = 10.0


@dataclass(frozen=True)
class Prototypical(Learner):
    """Softmax over negative squared Euclidean distances to the class means (equations 1 and 2 of the paper).

    Train with more classes an episode than will be told apart later: the paper used 60 for tasks of 5 and 20.

    Attributes
    ----------
    normalize : bool
        Compare embeddings by their direction, seen from a centre: less a learned vector, then scaled to length 1
        (Wang et al.: *SimpleShot*, 2019, who take the mean of the training set for the centre). Distances get a
        learned factor, since between unit vectors they end at 4. On the host only.
    """

    name: ClassVar[str] = "prototypical"
    normalize: bool = False

    @property
    def host_only(self) -> str:
        """Normalised embeddings are."""
        if not self.normalize:
            return ""
        return "centred and normalised embeddings run on the host only: train with normalize = false to deploy"

    @cached_property
    def _extra(self) -> dict[str, Any]:
        """What is learned to normalise with, by name, once `variables` made it."""
        return {}

    def variables(self, model: Any, *, seed: int = 0) -> Sequence[Any]:
        """Nothing; to normalise the centre [d] and the logarithm of the distances' factor."""
        if self.normalize and not self._extra:
            variable = load_keras().Variable
            self._extra["centre"] = variable(np.zeros(model.output_shape[-1], np.float32), name="centre")
            self._extra["log_scale"] = variable(math.log(INITIAL_SCALE), dtype="float32", name="log_scale")
        return tuple(self._extra.values())

    def learned(self) -> Learned:
        """``centre``, where embeddings are normalised."""
        return {"centre": np.array(self._extra["centre"]).tolist()} if self.normalize else {}

    def loss(self, support: Any, query: Any) -> EpisodeLoss:
        """Mean negative log-probability of the right class over all queries.

        Parameters
        ----------
        support : float32 tensor [n_way, k_shot, d]
        query : float32 tensor [n_way, n_query, d]
        """
        tf = load_tensorflow()
        n_way, n_query, length = query.shape
        scale = 1.0
        if self.normalize:
            centre, scale = self._extra["centre"].value, tf.exp(self._extra["log_scale"].value)
            support, query = unit(support - centre), unit(query - centre)
        prototypes = tf.reduce_mean(support, axis=1)
        queries = tf.reshape(query, (n_way * n_query, length))
        # |q - p|^2 without |q|^2, which is the same for every class and cancels in softmax and arg max.
        products = tf.matmul(queries, prototypes, transpose_b=True)
        logits = scale * (2 * products - tf.reduce_sum(tf.square(prototypes), axis=1))
        ways = tf.repeat(tf.range(n_way, dtype=tf.int64), n_query)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=ways, logits=logits)
        hits = tf.cast(tf.equal(tf.argmax(logits, axis=1), ways), tf.float32)
        return EpisodeLoss(tf.reduce_mean(losses), tf.reduce_mean(hits))

    def classifier(self, learned: Learned) -> Classifier:
        """Nearest class mean; of equally near ones the first."""
        if not self.normalize:
            return _nearest_mean
        centre = np.asarray(learned["centre"], np.float64)
        return lambda support, queries: _nearest_mean(unit_rows(support - centre), unit_rows(queries - centre))


def _nearest_mean(support: npt.NDArray[Any], queries: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    prototypes = support.mean(axis=1, dtype=np.float64)
    distances = np.square(prototypes).sum(axis=1) - 2 * queries.astype(np.float64) @ prototypes.T
    ways: npt.NDArray[np.int64] = np.argmin(distances, axis=1).astype(np.int64)
    return ways
