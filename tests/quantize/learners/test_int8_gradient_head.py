"""The gradient head against a model that rounds every operation by itself, and what it promises of learning."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from plain_binary32 import plain_exp, rounded

from quantize.learners import GradientHead, base

Head = list[list[float]]
"""For each class its weights and, last, its bias."""


def plain_head(learner: GradientHead, support: list[np.ndarray]) -> Head:
    """The head after its steps: plain loops over Python floats, each operation rounded to binary32."""
    classes = [[[float(v - learner.zero_point) for v in shot] for shot in shots.tolist()] for shots in support]
    rows = [_plain_start(learner, shots) for shots in classes]
    count = rounded(float(sum(len(shots) for shots in classes)))
    for step in range(learner.steps):
        gradients = [[0.0] * len(row) for row in rows]
        for right, shots in enumerate(classes):
            for shot in shots:
                errors = _plain_shares([plain_logit(row, shot) for row in rows])
                errors[right] = rounded(errors[right] - 1.0)
                for gradient, error in zip(gradients, errors, strict=True):
                    for i, feature in enumerate([*shot, 1.0]):
                        gradient[i] = rounded(gradient[i] + rounded(error * feature))
        index = min(step, len(learner.weight_rates) - 1)
        weight_rate = rounded(rounded(learner.weight_rates[index]) / count)
        bias_rate = rounded(rounded(learner.bias_rates[index]) / count)
        for row, gradient in zip(rows, gradients, strict=True):
            for i in range(len(row)):
                rate = bias_rate if i == len(row) - 1 else weight_rate
                row[i] = rounded(row[i] - rounded(rate * gradient[i]))
    return rows


def plain_logit(row: list[float], features: list[float]) -> float:
    """The bias, then the products in their order."""
    logit = row[-1]
    for weight, feature in zip(row[:-1], features, strict=True):
        logit = rounded(logit + rounded(weight * feature))
    return logit


def _plain_start(learner: GradientHead, shots: list[list[float]]) -> list[float]:
    if learner.init_scale is None:
        return [rounded(weight) for weight in (*learner.initial_weights, learner.initial_bias)]
    a, square, row = rounded(learner.init_scale), 0.0, []
    for column in zip(*shots, strict=True):
        mean = rounded(sum(column) / len(shots))
        square = rounded(square + rounded(mean * mean))
        row.append(rounded(rounded(2.0 * a) * mean))
    return [*row, -rounded(a * square)]


def _plain_shares(logits: list[float]) -> list[float]:
    powers = [plain_exp(rounded(logit - max(logits))) for logit in logits]
    total = 0.0
    for power in powers:
        total = rounded(total + power)
    reciprocal = rounded(1.0 / total)
    return [rounded(power * reciprocal) for power in powers]


@st.composite
def heads(draw: st.DrawFn, length: int) -> GradientHead:
    """Heads of either start, with rates from harmless to far too large, and of either sign."""
    rates = st.floats(-1e-3, 1e-2) | st.sampled_from([0.0, 1e6, -1e6])
    steps = draw(st.integers(1, 3))
    weight_rates, bias_rates = (tuple(draw(st.lists(rates, min_size=2, max_size=2))) for _ in range(2))
    head = GradientHead(
        zero_point=draw(st.sampled_from([-128, 0, 5, 127])),
        steps=steps,
        weight_rates=weight_rates,
        bias_rates=bias_rates,
        init_scale=draw(st.floats(0.0, 1e-3) | st.just(1e6)),
    )
    if draw(st.booleans()):
        weights = tuple(draw(st.lists(st.floats(-1.0, 1.0), min_size=length, max_size=length)))
        return replace(head, init_scale=None, initial_weights=weights, initial_bias=draw(st.floats(-10.0, 10.0)))
    return head


@given(length=st.integers(1, 4), data=st.data())
def test_the_head_is_that_of_plain_loops(length: int, data: st.DataObject) -> None:
    """Weights, biases, answers and margins, every operation rounded once, in the order of the classes and shots."""
    learner = data.draw(heads(length))
    counts = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    support = [data.draw(hnp.arrays(np.int8, (count, length))) for count in counts]
    queries = data.draw(hnp.arrays(np.int8, (2, length)))
    rows = plain_head(learner, support)
    weights, biases = learner.adapted(support)
    assert weights.tolist() == [row[:-1] for row in rows]
    assert biases.tolist() == [row[-1] for row in rows]
    answers = learner.answer(support, queries)
    for i, query in enumerate(queries.tolist()):
        logits = [plain_logit(row, [float(q - learner.zero_point) for q in query]) for row in rows]
        ranked = sorted(logits, reverse=True)
        way = logits.index(ranked[0])
        assert answers.ways[i] == way
        assert answers.distances[i] == min(
            sum((q - s) ** 2 for q, s in zip(query, shot, strict=True)) for shot in support[way].tolist()
        )
        if len(logits) > 1:
            margin = min(rounded(rounded(ranked[0] - ranked[1]) * 65536.0), 2.0**32 - 256)
            assert answers.margins[i] == math.floor(margin)
        else:
            assert answers.margins[i] == base.NO_MARGIN


def test_no_value_leaves_binary32() -> None:
    """The largest constants, the farthest features and the most steps stay finite: nothing need be checked in C."""
    far = np.stack([np.full((1, 256), value, np.int8) for value in (-128, 127)])
    for rate in (1e6, -1e6):
        head = GradientHead(-128, 1000, (rate,), (rate,), init_scale=1e6)
        for values in head.adapted(far):
            assert np.isfinite(values).all()
        margins = head.answer(far, far[:, 0]).margins
        assert (margins == 2**32 - 256).all()


def test_steps_lower_the_loss() -> None:
    """The rates' sign and scale are those of gradient descent on the mean cross entropy."""
    rng = np.random.default_rng(2)
    centres = rng.integers(-60, 60, (4, 1, 8))
    support = (centres + rng.integers(-50, 50, (4, 5, 8))).astype(np.int8)
    losses = []
    for steps in (0, 1, 10):
        weights, biases = GradientHead(0, steps, (1e-4,), (0.1,), initial_weights=(0.0,) * 8).adapted(support)
        logits = support.reshape(-1, 8).astype(np.float64) @ weights.T + biases
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        losses.append(-np.log(shares[np.arange(20), np.repeat(np.arange(4), 5)]).mean())
    assert losses[0] == pytest.approx(math.log(4))
    assert losses[0] > losses[1] > losses[2]


def test_adding_a_class_loses_none() -> None:
    """Every shot of every class is still recognised as further classes come."""
    rng = np.random.default_rng(3)
    support = (rng.integers(-90, 90, (8, 1, 16)) + rng.integers(-20, 20, (8, 5, 16))).astype(np.int8)
    head = GradientHead(0, 10, (2e-4,), (0.1,), init_scale=1e-3)
    for n_way in range(2, 9):
        ways = head.classify(support[:n_way], support[:n_way].reshape(-1, 16))
        np.testing.assert_array_equal(ways, np.repeat(np.arange(n_way), 5))


def test_the_scale_goes_into_the_constants() -> None:
    """A head learned on real embeddings decides as its whole-number form, up to rounding."""
    rng = np.random.default_rng(4)
    support = rng.integers(-128, 128, (3, 4, 8)).astype(np.int8)
    queries = rng.integers(-128, 128, (50, 8)).astype(np.int8)
    scale, weights = 0.03, tuple(rng.normal(size=8).tolist())
    real = {"weight_rates": (0.2, 0.1), "bias_rates": (0.3, 0.2)}
    for start in ({"init_scale": 0.7}, {"initial_weights": weights, "initial_bias": 0.4}):
        head = GradientHead.of_real(scale, zero_point=-9, steps=3, **real, **start)
        x = (support.reshape(-1, 8) + 9.0) * scale
        targets = np.repeat(np.eye(3), 4, axis=0)
        if "init_scale" in start:
            means = x.reshape(3, 4, 8).mean(axis=1)
            w, b = 2 * 0.7 * means, -0.7 * np.square(means).sum(axis=1)
        else:
            w, b = np.tile(weights, (3, 1)), np.full(3, 0.4)
        for step in range(3):
            logits = x @ w.T + b
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            errors = (powers / powers.sum(axis=1, keepdims=True) - targets) / 12
            index = min(step, 1)
            w = w - real["weight_rates"][index] * errors.T @ x
            b = b - real["bias_rates"][index] * errors.sum(axis=0)
        found_w, found_b = head.adapted(support)
        np.testing.assert_allclose(found_w, w * scale, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found_b, b, rtol=1e-4, atol=1e-5)
        exact = np.sort((queries + 9.0) * scale @ w.T + b, axis=1)
        margins = head.answer(support, queries).margins / 65536
        np.testing.assert_allclose(margins, exact[:, -1] - exact[:, -2], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight_rates": (math.nan,)}, "lie within"),
        ({"bias_rates": (1.1e6,)}, "lie within"),
        ({"init_scale": math.inf}, "lie within"),
        ({"weight_rates": (), "bias_rates": ()}, "0 rates"),
        ({"weight_rates": (0.1, 0.2)}, "2 rates of weights, 1 of biases"),
        ({"steps": -1}, "-1 steps"),
        ({"steps": 1001}, "1001 steps"),
        ({"zero_point": 128}, "zero point 128"),
        ({"init_scale": None}, "either from prototypes or from learned"),
        ({"initial_weights": (1.0,)}, "either from prototypes or from learned"),
    ],
)
def test_impossible_heads_are_refused(changes: dict[str, object], message: str) -> None:
    """Constants that C could not use, or that contradict each other."""
    head = GradientHead(0, 5, (0.1,), (0.1,), init_scale=1.0)
    with pytest.raises(ValueError, match=message):
        replace(head, **changes)


def test_a_start_of_another_length_is_refused() -> None:
    """A learned start belongs to embeddings of its length."""
    head = GradientHead(0, 5, (0.1,), (0.1,), initial_weights=(1.0, 2.0))
    with pytest.raises(ValueError, match="2 weights for embeddings of 3"):
        head.adapted(np.zeros((1, 1, 3), np.int8))
