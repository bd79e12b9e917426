"""The head that takes gradient steps on the device (MAML and ANIL), in binary32.

Twin of ``kshot_gradient_head.c``: the same operations in the same order, so the same bits. Each class keeps its shots;
every change of the classes starts the head anew from its meta-learned start, so that no class is lost and the result
does not depend on history. docs/int8_semantics.md, "Gradient head", is the contract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.learners.base import NO_MARGIN, Answers, Int8Array, Int8Learner, check_episode
from quantize.learners.binary32 import Float32Array, exp32
from quantize.learners.exemplars import class_distances

MARGIN_BITS = 16
_LARGEST = 1e6
MAX_STEPS = 1000
WEIGHT_LIMIT = np.float32(2.0**64)  # beyond it, logits could leave binary32


@dataclass(frozen=True)
class GradientHead(Int8Learner):
    """Softmax regression on cached shots. Real numbers are rounded to binary32 here, once.

    Attributes
    ----------
    scale : float
        Of the embedding: ``x = float(q - zero_point) * scale``.
    zero_point : int
    steps : int
        Gradient steps after every change.
    weight_rates, bias_rates : tuple of float
        Of each step; the last repeats.
    init_scale : float or None
        a in ``w = 2 a p, b = -a |p|**2``, p the class mean; None where the start is learned.
    initial_weights, initial_bias : tuple of float, float
        The learned start of every class; empty where it is the prototype.

    Raises
    ------
    ValueError
        If a value is not finite, or the parts contradict each other.
    """

    scale: float
    zero_point: int
    steps: int
    weight_rates: tuple[float, ...]
    bias_rates: tuple[float, ...]
    init_scale: float | None = None
    initial_weights: tuple[float, ...] = ()
    initial_bias: float = 0.0

    def __post_init__(self) -> None:
        values = [self.scale, *self.weight_rates, *self.bias_rates, *self.initial_weights, self.initial_bias]
        values += [] if self.init_scale is None else [self.init_scale]
        if not all(abs(value) <= _LARGEST for value in values):  # NaN is refused, too
            raise ValueError(f"a gradient head's scale, rates and start must lie within {_LARGEST:g}")
        if not 0 <= self.steps <= MAX_STEPS:
            raise ValueError(f"{self.steps} steps; a device takes 0 to {MAX_STEPS}")
        if not self.weight_rates or len(self.weight_rates) != len(self.bias_rates):
            raise ValueError(f"{len(self.weight_rates)} rates of weights, {len(self.bias_rates)} of biases")
        if (self.init_scale is None) != bool(self.initial_weights):
            raise ValueError("a gradient head starts either from prototypes or from learned weights")

    def answer(self, support: Int8Array, queries: Int8Array) -> Answers:
        """As `Int8Learner.answer`.

        Distances are squared, to the nearest shot of the winner, in units of the embedding's scale; margins are the
        difference of the two largest logits in Q16, at most ``NO_MARGIN - 1``.
        """
        check_episode(support, queries)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            weights, biases = self.adapted(support)
            logits = _logits(self._features(queries), weights, biases)
            ways = logits.argmax(axis=1)
            margins = np.full(len(queries), NO_MARGIN, np.uint32)
            if len(support) > 1:
                margins = _margins(logits)
        distances = class_distances(support, queries)[np.arange(len(queries)), ways].astype(np.uint32)
        return Answers(ways, distances, margins)

    def adapted(self, support: Int8Array) -> tuple[Float32Array, Float32Array]:
        """Weights float32 [n_way, d] and biases float32 [n_way] after the steps on `support`, int8 [n_way, k_shot, d].

        Where rates diverge on these shots, so that a value leaves `WEIGHT_LIMIT`, the start is returned instead.
        """
        n_way, k_shot, length = support.shape
        start = self._start(support)
        weights, biases = start
        features = self._features(support.reshape(-1, length))
        shots = np.float32(n_way * k_shot)
        for step in range(self.steps):
            errors = _softmax(_logits(features, weights, biases))
            for row in range(len(features)):
                errors[row, row // k_shot] -= np.float32(1.0)
            by_weights, by_biases = np.zeros_like(weights), np.zeros_like(biases)
            for error, x in zip(errors, features, strict=True):
                by_weights += error[:, None] * x
                by_biases += error
            index = min(step, len(self.weight_rates) - 1)
            weights = weights - (np.float32(self.weight_rates[index]) / shots) * by_weights
            biases = biases - (np.float32(self.bias_rates[index]) / shots) * by_biases
            if not all((np.abs(values) <= WEIGHT_LIMIT).all() for values in (weights, biases)):
                return start
        return weights, biases

    def _features(self, rows: Int8Array) -> Float32Array:
        features: Float32Array = (rows.astype(np.int32) - self.zero_point).astype(np.float32) * np.float32(self.scale)
        return features

    def _start(self, support: Int8Array) -> tuple[Float32Array, Float32Array]:
        n_way, k_shot, length = support.shape
        if self.init_scale is None:
            if len(self.initial_weights) != length:
                raise ValueError(f"a start of {len(self.initial_weights)} weights for embeddings of {length} values")
            row = np.array(self.initial_weights, np.float32)
            return np.tile(row, (n_way, 1)), np.full(n_way, self.initial_bias, np.float32)
        a = np.float32(self.init_scale)
        sums = (support.astype(np.int32) - self.zero_point).sum(axis=1, dtype=np.int32)
        means = sums.astype(np.float32) * np.float32(self.scale) / np.float32(k_shot)
        squares = np.zeros(n_way, np.float32)
        for i in range(length):
            squares = squares + means[:, i] * means[:, i]
        return (np.float32(2.0) * a) * means, -(a * squares)


def _logits(features: Float32Array, weights: Float32Array, biases: Float32Array) -> Float32Array:
    """float32 [n, n_way]: the bias first, then the products in order."""
    logits = np.tile(biases, (len(features), 1))
    for i in range(features.shape[1]):
        logits = logits + weights[:, i] * features[:, i : i + 1]
    return logits


def _softmax(logits: Float32Array) -> Float32Array:
    """float32 of the same shape; sums in the order of the classes."""
    powers = exp32(logits - logits.max(axis=1, keepdims=True))
    sums = np.zeros(len(powers), np.float32)
    for column in powers.T:
        sums = sums + column
    shares: Float32Array = powers / sums[:, None]
    return shares


def _margins(logits: Float32Array) -> npt.NDArray[np.uint32]:
    ordered = np.partition(logits, -2, axis=1)
    gaps = (ordered[:, -1] - ordered[:, -2]) * np.float32(1 << MARGIN_BITS)
    # 2**32 - 256 is the largest binary32 below 2**32.
    capped = np.where(gaps < np.float32(2.0**32 - 256), gaps, np.float32(2.0**32 - 256))
    margins: npt.NDArray[np.uint32] = capped.astype(np.uint32)
    return margins
