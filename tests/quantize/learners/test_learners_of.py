"""From what an artifact learned to the learner that a device runs; what is missing or impossible is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quantize import learners
from quantize.artifact import Int8Embedding
from quantize.errors import UnsupportedModelError
from quantize.graph import Int8Graph, QuantParams, Reshape, Tensor
from trainer.artifact import InputSpec

SCALE, ZERO_POINT = 0.25, -7
HEAD: dict[str, Any] = {"learner_options": {"head": "prototypes", "adapt_steps": 6}}
RATES: dict[str, Any] = {"weight_rates": [0.5, 0.25], "bias_rates": [1.0, 2.0]}


def embedding(learner: str, **changes: Any) -> Int8Embedding:
    """A network that returns its three values, for `learner`."""
    quant = QuantParams((SCALE,), (ZERO_POINT,))
    tensors = (Tensor("in", (1, 1, 1, 3), "int8", quant), Tensor("out", (1, 3), "int8", quant))
    graph = Int8Graph(tensors, (Reshape(name="flatten", inputs=(0,), output=1),), 0, 1)
    return replace(Int8Embedding(graph=graph, input=InputSpec((1, 1, 3)), learner=learner), **changes)


def test_prototypes_need_nothing() -> None:
    """The prototypical learner has no constants."""
    assert learners.of(embedding("prototypical")) == learners.Prototypes()


def test_siamese_takes_its_distance_where_it_was_calibrated() -> None:
    """Without one it still classifies."""
    assert learners.of(embedding("siamese")) == learners.Nearest()
    assert learners.of(embedding("siamese", learned={"same_distance": 1234})) == learners.Nearest(same_distance=1234)


def test_matching_takes_its_temperature() -> None:
    """In binary logarithms, Q9, and the zero point of the embedding."""
    found = learners.of(embedding("matching", learned={"temperature": 10.0}))
    assert found == learners.Attention(ZERO_POINT, round(10 * math.log2(math.e) * 512))


@pytest.mark.parametrize("name", ["maml", "anil"])
def test_a_head_takes_rates_and_start(name: str) -> None:
    """Of either start; the embedding's scale goes into the constants."""
    found = learners.of(embedding(name, **HEAD, learned={**RATES, "init_scale": 2.0}))
    assert found == learners.GradientHead(ZERO_POINT, 6, (0.5 / 16, 0.25 / 16), (1.0, 2.0), init_scale=2 / 16)
    options = {"head": "learned", "adapt_steps": 0}
    learned = {**RATES, "initial_weights": [1.0, 2.0, 3.0], "initial_bias": 0.5}
    found = learners.of(embedding(name, learner_options=options, learned=learned))
    assert isinstance(found, learners.GradientHead)
    assert (found.steps, found.init_scale) == (0, None)
    assert (found.initial_weights, found.initial_bias) == ((0.25, 0.5, 0.75), 0.5)


def test_every_learner_of_the_device_is_built() -> None:
    """Whatever `LEARNERS` names can be had, and answers."""
    learned: dict[str, Any] = {**RATES, "init_scale": 1.0, "temperature": 5.0}
    shots = np.zeros((2, 1, 3), np.int8)
    for name in learners.LEARNERS:
        learner = learners.of(embedding(name, **HEAD, learned=learned))
        assert learner.classify(shots, shots[:, 0]).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("learner", "changes", "message"),
    [
        ("other", {}, " has no part in the runtime"),
        ("siamese", {"learned": {"same_distance": -1}}, "same_distance is -1"),
        ("siamese", {"learned": {"same_distance": 2.5}}, "same_distance is 2.5, not a whole number"),
        ("siamese", {"learned": {"same_distance": math.nan}}, "not a whole number"),
        ("siamese", {"learned": {"same_distance": 2**32}}, "same_distance is 4294967296"),
        ("siamese", {"learned": {"same_distance": [1, 2]}}, "2 values instead of one"),
        ("siamese", {"learned": {"same_distance": "far"}}, "far"),
        ("matching", {}, "there is no temperature; train and quantize again"),
        ("matching", {"learned": {"temperature": math.inf}}, "temperature is inf"),
        ("matching", {"learned": {"temperature": None}}, "temperature"),
        ("anil", {"learned": RATES}, "there is no head"),
        ("anil", {**HEAD, "learned": RATES}, "there is no init_scale"),
        ("anil", {**HEAD, "learned": {"init_scale": 1.0}}, "there is no weight_rates"),
        ("anil", {**HEAD, "learned": {**RATES, "init_scale": math.nan}}, "lie within"),
        ("anil", {**HEAD, "learned": {**RATES, "init_scale": 1.0, "bias_rates": []}}, "0 of biases"),
        ("anil", {"learner_options": {"head": "other"}, "learned": RATES}, "head is 'other'"),
        (
            "maml",
            {"learner_options": {"head": "prototypes", "adapt_steps": 1.5}, "learned": {**RATES, "init_scale": 1.0}},
            "adapt_steps is 1.5",
        ),
        (
            "maml",
            {
                "learner_options": {"head": "learned", "adapt_steps": 1},
                "learned": {**RATES, "initial_weights": [1.0, 2.0], "initial_bias": 0.0},
            },
            "initial_weights has 2 values, the embedding 3",
        ),
    ],
)
def test_missing_or_impossible_values_are_refused(learner: str, changes: dict[str, Any], message: str) -> None:
    """The error names the learner and the value, and says what would help."""
    with pytest.raises(UnsupportedModelError, match=rf"learner .?{learner}.*{message}"):
        learners.of(embedding(learner, **changes))
