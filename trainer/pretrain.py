"""Pre-training: tell all training classes apart at once, before the episodes.

A cosine softmax: the logit of a class is a scale times the cosine between the embedding and the class's weights, so
that what the classes agree on is the direction of an embedding, which new classes can use, and not its length. Gidaris,
Komodakis: *Dynamic Few-Shot Visual Learning without Forgetting*, CVPR 2018; Chen et al.: *A Closer Look at Few-shot
Classification* (Baseline++), ICLR 2019.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trainer.backend import load_keras, load_tensorflow
from trainer.learners import EpisodeLoss

INITIAL_SCALE = 10.0


class CosineSoftmax:
    """The classifier that stands behind the network in pre-training, and is thrown away after it.

    Parameters
    ----------
    classes : int
    embedding_len : int
    scale : float
        Factor of the cosines; 0 learns it, starting from `INITIAL_SCALE`.
    seed : int
        Decides the initial weights.
    """

    def __init__(self, classes: int, embedding_len: int, *, scale: float, seed: int) -> None:
        self.classes, self._tf, variable = classes, load_tensorflow(), load_keras().Variable
        rows = np.random.default_rng([seed, 2**33]).standard_normal((classes, embedding_len))
        self._weights = variable(rows.astype(np.float32) / math.sqrt(embedding_len), name="pretrain_classes")
        start = math.log(scale or INITIAL_SCALE)
        self._log_scale = variable(start, dtype="float32", trainable=not scale, name="pretrain_log_scale")

    @property
    def variables(self) -> list[Any]:
        """What is trained: the classes' weights [classes, d] and, where it is learned, the logarithm of the scale."""
        return [v for v in (self._weights, self._log_scale) if v.trainable]

    def loss(self, embeddings: Any, labels: Any) -> EpisodeLoss:
        """Mean cross entropy and accuracy over all training classes.

        Parameters
        ----------
        embeddings : float32 tensor [n, d]
        labels : int64 tensor [n]
        """
        tf = self._tf
        directions = tf.math.l2_normalize(embeddings, axis=1)
        classes = tf.math.l2_normalize(self._weights.value, axis=1)
        logits = tf.exp(self._log_scale.value) * tf.matmul(directions, classes, transpose_b=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        hits = tf.cast(tf.equal(tf.argmax(logits, axis=1), labels), tf.float32)
        return EpisodeLoss(tf.reduce_mean(losses), tf.reduce_mean(hits))
