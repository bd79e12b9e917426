"""The learners as the device computes them, one module a method, each the twin of a file of the C runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from quantize.artifact import Int8Embedding
from quantize.errors import UnsupportedModelError
from quantize.learners.attention import Attention
from quantize.learners.base import MAX_SHOTS, NO_MARGIN, Answers, Int8Learner, Support
from quantize.learners.exemplars import Nearest
from quantize.learners.gradient_head import GradientHead
from quantize.learners.prototypes import Prototypes

__all__ = [
    "LEARNERS",
    "MAX_SHOTS",
    "NO_MARGIN",
    "Answers",
    "Attention",
    "GradientHead",
    "Int8Learner",
    "Nearest",
    "Prototypes",
    "Support",
    "of",
]


def of(embedding: Int8Embedding) -> Int8Learner:
    """The learner of an embedding, with what it learned.

    Raises
    ------
    UnsupportedModelError
        If the device has no such learner, or what it learned is missing or out of range.
    """
    if embedding.learner not in LEARNERS:
        raise UnsupportedModelError(
            f"learner {embedding.learner!r} has no part in the runtime; train for one that has: {', '.join(LEARNERS)}"
        )
    try:
        return LEARNERS[embedding.learner](embedding)
    except (TypeError, ValueError) as error:
        raise UnsupportedModelError(f"learner {embedding.learner}: {error}") from error


def _nearest(embedding: Int8Embedding) -> Nearest:
    distance = _number(embedding.learned, "same_distance") if "same_distance" in embedding.learned else 0.0
    return Nearest(same_distance=_whole(distance, "same_distance"))


def _attention(embedding: Int8Embedding) -> Attention:
    zero_point = embedding.graph.output_tensor.quant.zero_point
    return Attention.of_temperature(_number(embedding.learned, "temperature"), zero_point=zero_point)


def _gradient_head(embedding: Int8Embedding) -> GradientHead:
    learned, quant = embedding.learned, embedding.graph.output_tensor.quant
    start: dict[str, Any]
    match _present(embedding.learner_options, "head"):
        case "prototypes":
            start = {"init_scale": _number(learned, "init_scale")}
        case "learned":
            weights = _numbers(learned, "initial_weights")
            if len(weights) != embedding.embedding_len:
                raise ValueError(f"initial_weights has {len(weights)} values, the embedding {embedding.embedding_len}")
            start = {"initial_weights": weights, "initial_bias": _number(learned, "initial_bias")}
        case other:
            raise ValueError(f"head is {other!r}; the device starts from prototypes or learned")
    return GradientHead.of_real(
        quant.scale,
        zero_point=quant.zero_point,
        steps=_whole(_number(embedding.learner_options, "adapt_steps"), "adapt_steps"),
        weight_rates=_numbers(learned, "weight_rates"),
        bias_rates=_numbers(learned, "bias_rates"),
        **start,
    )


def _present(values: Mapping[str, Any], name: str) -> Any:
    if name not in values:
        raise ValueError(f"there is no {name}; train and quantize again")
    return values[name]


def _numbers(values: Mapping[str, Any], name: str) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in np.asarray(_present(values, name), np.float64).reshape(-1))
    except TypeError as error:
        raise ValueError(f"{name} is no number: {error}") from error


def _number(values: Mapping[str, Any], name: str) -> float:
    numbers = _numbers(values, name)
    if len(numbers) != 1:
        raise ValueError(f"{name} has {len(numbers)} values instead of one")
    return numbers[0]


def _whole(number: float, name: str) -> int:
    if not number.is_integer():  # infinity and NaN are none, either
        raise ValueError(f"{name} is {number}, not a whole number")
    return int(number)


LEARNERS: Mapping[str, Callable[[Int8Embedding], Int8Learner]] = {
    "prototypical": lambda _: Prototypes(),
    "siamese": _nearest,
    "matching": _attention,
    "maml": _gradient_head,
    "anil": _gradient_head,
}
"""By name: the twin of each learner's half on the device; MAML adapts there as ANIL does, the head alone."""
