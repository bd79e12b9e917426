"""Matching networks: softmax attention over the support; a class is as likely as its examples are attended to.

Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra: *Matching Networks for One Shot Learning*, NeurIPS 2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from trainer.backend import load_keras, load_tensorflow
from trainer.evaluate import Classifier
from trainer.learners.base import EpisodeLoss, Learned, Learner
from trainer.learners.directions import unit, unit_rows
from trainer.learners.full_context import Weights, embed_queries, embed_support, initial_weights, stored_weights


@dataclass(frozen=True)
class Matching(Learner):
    """Attention ``softmax(temperature * cosine)`` over all examples, summed over those of a class (equation 1).

    The paper has no temperature; cosines lie in [-1, 1], and without one the softmax cannot become sharp enough to
    train with many classes. It is learned along with the network, as its logarithm.

    Attributes
    ----------
    initial_temperature : float
        Where learning begins.
    full_context : bool
        Embed examples and queries in the light of the whole support, as the paper's appendix does; see
        `trainer.learners.full_context`. On the host only: what is trained so cannot be quantized.
    processing_steps : int
        Steps that a query takes to read the support, with full context.

    Raises
    ------
    ValueError
        If the temperature or the number of steps is not positive.
    """

    name: ClassVar[str] = "matching"
    initial_temperature: float = 10.0
    full_context: bool = False
    processing_steps: int = 5

    def __post_init__(self) -> None:
        if not (math.isfinite(self.initial_temperature) and self.initial_temperature > 0):
            raise ValueError(f"initial_temperature is {self.initial_temperature}, it must be positive")
        if self.processing_steps < 1:
            raise ValueError(f"processing_steps is {self.processing_steps}, it must be at least 1")

    @property
    def host_only(self) -> str:
        """Full context is."""
        if not self.full_context:
            return ""
        return "full context embeddings run on the host only: train with full_context = false to deploy"

    @cached_property
    def _log_temperature(self) -> Any:
        start = math.log(self.initial_temperature)
        return load_keras().Variable(start, dtype="float32", name="log_temperature")

    @cached_property
    def _context(self) -> dict[str, Any]:
        """Weights of the full context, by name, once `variables` made them."""
        return {}

    def variables(self, model: Any, *, seed: int = 0) -> Sequence[Any]:
        """The logarithm of the temperature, and with full context the weights of its networks."""
        if self.full_context and not self._context:
            for name, value in initial_weights(model.output_shape[-1], seed=seed).items():
                self._context[name] = load_keras().Variable(value, name=name)
        return (self._log_temperature, *self._context.values())

    def learned(self) -> Learned:
        """``temperature``: factor of the cosines; with full context its weights, flat."""
        weights = {name: np.array(value).reshape(-1).tolist() for name, value in self._context.items()}
        return {"temperature": math.exp(float(self._log_temperature)), **weights}

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
        examples = tf.reshape(support, (n_way * k_shot, length))
        queries = tf.reshape(query, (n_way * n_query, length))
        if self.full_context:
            weights = {name: variable.value for name, variable in self._context.items()}
            examples, queries = self._in_context(examples, queries, weights)
        examples, queries = unit(examples), unit(queries)
        logits = tf.exp(self._log_temperature.value) * tf.matmul(queries, examples, transpose_b=True)
        by_class = tf.reduce_logsumexp(tf.reshape(logits, (-1, n_way, k_shot)), axis=2)
        ways = tf.repeat(tf.range(n_way, dtype=tf.int64), n_query)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=ways, logits=by_class)
        hits = tf.cast(tf.equal(tf.argmax(by_class, axis=1), ways), tf.float32)
        return EpisodeLoss(tf.reduce_mean(losses), tf.reduce_mean(hits))

    def classifier(self, learned: Learned) -> Classifier:
        """The class whose examples attract the most attention; of equal ones the first."""
        temperature = float(np.asarray(learned["temperature"]))

        in_context = self._compiled_context(learned) if self.full_context else None

        def classify(support: npt.NDArray[Any], queries: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
            n_way, k_shot, length = support.shape
            examples = support.reshape(-1, length)
            if in_context:
                examples, queries = (np.array(rows) for rows in in_context(examples, queries))
            cosines = unit_rows(queries) @ unit_rows(examples).T
            attention = np.exp(temperature * (cosines - cosines.max(axis=1, keepdims=True)))
            ways: npt.NDArray[np.int64] = attention.reshape(-1, n_way, k_shot).sum(axis=2).argmax(axis=1)
            return ways

        return classify

    def _compiled_context(self, learned: Learned) -> Callable[[Any, Any], tuple[Any, Any]]:
        """`_in_context` with learned weights, over NumPy arrays."""
        tf, weights = load_tensorflow(), stored_weights(learned)
        compiled = tf.function(partial(self._in_context, weights=weights), autograph=False)
        return lambda examples, queries: compiled(tf.constant(examples), tf.constant(queries))

    def _in_context(self, examples: Any, queries: Any, weights: Weights) -> tuple[Any, Any]:
        """Examples [m, d] and queries [n, d], float32, as the support lets them appear."""
        examples = embed_support(examples, weights)
        return examples, embed_queries(queries, examples, weights, steps=self.processing_steps)
