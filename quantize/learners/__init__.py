"""The learners as the device computes them, one module a method, each the twin of a file of the C runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from quantize.artifact import Int8Embedding
from quantize.errors import UnsupportedModelError
from quantize.learners.attention import Attention
from quantize.learners.base import NO_MARGIN, Answers, Int8Learner
from quantize.learners.exemplars import Nearest
from quantize.learners.gradient_head import GradientHead
from quantize.learners.prototypes import Prototypes

__all__ = [
    "LEARNERS",
    "NO_MARGIN",
    "Answers",
    "Attention",
    "GradientHead",
    "Int8Learner",
    "Nearest",
    "Prototypes",
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
    except KeyError as error:
        raise UnsupportedModelError(
            f"learner {embedding.learner}: nothing was learned as {error}; train again"
        ) from error
    except (TypeError, ValueError) as error:
        raise UnsupportedModelError(f"learner {embedding.learner}: {error}") from error


def _attention(embedding: Int8Embedding) -> Attention:
    temperature = float(np.asarray(embedding.learned["temperature"]))
    return Attention.of_temperature(temperature, zero_point=embedding.graph.output_tensor.quant.zero_point)


def _gradient_head(embedding: Int8Embedding) -> GradientHead:
    learned, quant = embedding.learned, embedding.graph.output_tensor.quant
    if embedding.learner_options["head"] == "prototypes":
        start: dict[str, Any] = {"init_scale": _floats(learned["init_scale"])[0]}
    else:
        start = {
            "initial_weights": _floats(learned["initial_weights"]),
            "initial_bias": _floats(learned["initial_bias"])[0],
        }
    return GradientHead(
        scale=quant.scale,
        zero_point=quant.zero_point,
        steps=int(embedding.learner_options["adapt_steps"]),
        weight_rates=_floats(learned["weight_rates"]),
        bias_rates=_floats(learned["bias_rates"]),
        **start,
    )


def _floats(values: object) -> tuple[float, ...]:
    return tuple(float(value) for value in np.asarray(values, np.float64).reshape(-1))


LEARNERS: Mapping[str, Callable[[Int8Embedding], Int8Learner]] = {
    "prototypical": lambda _: Prototypes(),
    "siamese": lambda _: Nearest(),
    "matching": _attention,
    "maml": _gradient_head,
    "anil": _gradient_head,
}
"""By name: the twin of each learner's half on the device; MAML adapts there as ANIL does, the head alone."""
