"""The head that takes gradient steps on the device (MAML and ANIL), in binary32.

Twin of ``kshot_gradient_head.c``: the same operations in the same order, so the same bits. Each class keeps its shots;
every change of the classes starts the head anew from its meta-learned start, so that no class is lost and the result
does not depend on history. docs/int8_semantics.md, "Gradient head", is the contract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.learners.base import NO_MARGIN, Answers, Enrolled, Int8Array, Int8Learner, Support
from quantize.learners.binary32 import Float32Array, exp32
from quantize.learners.exemplars import class_distances

MARGIN_BITS = 16
MAX_STEPS = 1000
LARGEST = 1e6


@dataclass(frozen=True)
class GradientHead(Int8Learner):
    """Softmax regression on cached shots, whose features are the whole numbers ``q - zero_point``.

    Distances are squared, to the nearest shot of the winner, in units of the embedding's scale; margins are the
    difference of the two largest logits in Q16, at most ``NO_MARGIN - 255``. Real numbers are rounded to binary32 once.

    Attributes
    ----------
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
        If a value is not finite or too large, or the parts contradict each other.
    """

    zero_point: int
    steps: int
    weight_rates: tuple[float, ...]
    bias_rates: tuple[float, ...]
    init_scale: float | None = None
    initial_weights: tuple[float, ...] = ()
    initial_bias: float = 0.0

    def __post_init__(self) -> None:
        values = [*self.weight_rates, *self.bias_rates, *self.initial_weights, self.initial_bias]
        values += [] if self.init_scale is None else [self.init_scale]
        if not all(abs(value) <= LARGEST for value in values):  # NaN is refused, too
            raise ValueError(f"a gradient head's rates and start must lie within {LARGEST:g}")
        if not -128 <= self.zero_point <= 127:
            raise ValueError(f"zero point {self.zero_point}; an int8 embedding has one from -128 to 127")
        if not 0 <= self.steps <= MAX_STEPS:
            raise ValueError(f"{self.steps} steps; a device takes 0 to {MAX_STEPS}")
        if not self.weight_rates or len(self.weight_rates) != len(self.bias_rates):
            raise ValueError(f"{len(self.weight_rates)} rates of weights, {len(self.bias_rates)} of biases")
        if (self.init_scale is None) != bool(self.initial_weights):
            raise ValueError("a gradient head starts either from prototypes or from learned weights")

    @classmethod
    def of_real(
        cls,
        scale: float,
        *,
        zero_point: int,
        steps: int,
        weight_rates: tuple[float, ...],
        bias_rates: tuple[float, ...],
        init_scale: float | None = None,
        initial_weights: tuple[float, ...] = (),
        initial_bias: float = 0.0,
    ) -> GradientHead:
        """A head that was learned on real embeddings, ``scale * (q - zero_point)``: `scale` goes into its constants.

        With ``x = scale * n`` a logit is ``(w * scale) @ n + b``, and a step of w by ``rate * error * x`` one of
        ``w * scale`` by ``rate * scale**2 * error * n``.
        """
        return cls(
            zero_point=zero_point,
            steps=steps,
            weight_rates=tuple(rate * scale**2 for rate in weight_rates),
            bias_rates=bias_rates,
            init_scale=None if init_scale is None else init_scale * scale**2,
            initial_weights=tuple(weight * scale for weight in initial_weights),
            initial_bias=initial_bias,
        )

    def adapted(self, support: Support) -> tuple[Float32Array, Float32Array]:
        """The head after its steps on the shots of all classes.

        Parameters
        ----------
        support : int8 [n_way, k_shot, d], or for each class int8 [k, d]

        Returns
        -------
        weights : float32 [n_way, d]
        biases : float32 [n_way]

        Raises
        ------
        ValueError
            As `answer`.
        """
        return self._adapted(Enrolled.of(support))

    def _answer(self, enrolled: Enrolled, queries: Int8Array) -> Answers:
        logits = _logits(self._features(queries), *self._adapted(enrolled))
        ways = logits.argmax(axis=1)
        distances = class_distances(enrolled, queries)[np.arange(len(queries)), ways].astype(np.uint32)
        return Answers(ways, distances, _margins(logits))

    def _adapted(self, enrolled: Enrolled) -> tuple[Float32Array, Float32Array]:
        features = self._features(enrolled.shots)
        shots = np.float32(len(features))
        weights, biases = self._start(enrolled)
        for step in range(self.steps):
            errors = _softmax(_logits(features, weights, biases))
            errors[np.arange(len(errors)), enrolled.ways] -= np.float32(1.0)
            by_weights, by_biases = np.zeros_like(weights), np.zeros_like(biases)
            for error, x in zip(errors, features, strict=True):
                by_weights += error[:, None] * x
                by_biases += error
            index = min(step, len(self.weight_rates) - 1)
            weights = weights - (np.float32(self.weight_rates[index]) / shots) * by_weights
            biases = biases - (np.float32(self.bias_rates[index]) / shots) * by_biases
        return weights, biases

    def _features(self, rows: Int8Array) -> Float32Array:
        return (rows.astype(np.int32) - self.zero_point).astype(np.float32)

    def _start(self, enrolled: Enrolled) -> tuple[Float32Array, Float32Array]:
        n_way, length = len(enrolled.counts), enrolled.shots.shape[1]
        if self.init_scale is None:
            if len(self.initial_weights) != length:
                raise ValueError(f"a start of {len(self.initial_weights)} weights for embeddings of {length} values")
            row = np.array(self.initial_weights, np.float32)
            return np.tile(row, (n_way, 1)), np.full(n_way, self.initial_bias, np.float32)
        a = np.float32(self.init_scale)
        sums = np.add.reduceat(enrolled.shots.astype(np.int32) - self.zero_point, enrolled.starts, axis=0)
        means = sums.astype(np.float32) / enrolled.counts.astype(np.float32)[:, None]
        squares = np.zeros(n_way, np.float32)
        for column in means.T:
            squares = squares + column * column
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
    shares: Float32Array = powers * (np.float32(1.0) / sums)[:, None]
    return shares


def _margins(logits: Float32Array) -> npt.NDArray[np.uint32]:
    if logits.shape[1] == 1:
        return np.full(len(logits), NO_MARGIN, np.uint32)
    ordered = np.partition(logits, -2, axis=1)
    gaps = (ordered[:, -1] - ordered[:, -2]) * np.float32(1 << MARGIN_BITS)
    # 2**32 - 256 is the largest binary32 below 2**32
    margins: npt.NDArray[np.uint32] = np.minimum(gaps, np.float32(2.0**32 - 256)).astype(np.uint32)
    return margins
