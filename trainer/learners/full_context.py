"""Full context embeddings of Matching networks: an example is embedded in the light of the others, a query in theirs.

Appendices A.1 and A.2 of Vinyals et al., *Matching Networks for One Shot Learning*, NeurIPS 2016. They run on the host
only: recurrent networks that read the whole support anew for each query have no part in the runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.backend import load_tensorflow

Weights = Mapping[str, Any]
"""Of the three cells; for each of `CELLS` a kernel [inputs + d, 4 * d] and a bias [4 * d], gates i, f, g, o."""

CELLS = ("forward", "backward", "attention")


def initial_weights(length: int, *, seed: int) -> dict[str, npt.NDArray[np.float32]]:
    """Small random weights for embeddings of `length`; gates of forgetting start open."""
    rng, made = np.random.default_rng([seed, 2**34]), {}
    for cell in CELLS:
        inputs = 3 * length if cell == "attention" else 2 * length
        reach = np.sqrt(6 / (inputs + 4 * length))
        made[f"{cell}_kernel"] = rng.uniform(-reach, reach, (inputs, 4 * length)).astype(np.float32)
        made[f"{cell}_bias"] = np.repeat(np.array([0, 1, 0, 0], np.float32), length)
    return made


def stored_weights(stored: Mapping[str, Any]) -> dict[str, npt.NDArray[np.float32]]:
    """The weights among learned values, where a kernel is a flat list."""
    found = {}
    for cell in CELLS:
        bias = np.asarray(stored[f"{cell}_bias"], np.float32)
        found[f"{cell}_bias"] = bias
        found[f"{cell}_kernel"] = np.asarray(stored[f"{cell}_kernel"], np.float32).reshape(-1, len(bias))
    return found


def embed_support(rows: Any, weights: Weights) -> Any:
    """The paper's g: each example plus what two LSTMs, one in each direction, made of the support up to it.

    Parameters
    ----------
    rows : float32 tensor [n, d]
        The support, class by class.
    weights : mapping

    Returns
    -------
    float32 tensor [n, d]
    """
    tf = load_tensorflow()
    sequence = rows[:, None]

    def run(cell: str, *, reverse: bool) -> Any:
        def advance(state: tuple[Any, Any], row: Any) -> tuple[Any, Any]:
            return _lstm(tf, tf.concat([row, state[0]], axis=1), state[1], weights, cell)

        blank = tf.zeros_like(sequence[0])
        return tf.scan(advance, sequence, (blank, blank), reverse=reverse)[0][:, 0]

    return rows + run("forward", reverse=False) + run("backward", reverse=True)


def embed_queries(queries: Any, examples: Any, weights: Weights, *, steps: int) -> Any:
    """The paper's f: each query, on its own, after `steps` steps of an LSTM that attends to the examples.

    Parameters
    ----------
    queries : float32 tensor [n, d]
    examples : float32 tensor [m, d]
        From `embed_support`.
    weights : mapping
    steps : int

    Returns
    -------
    float32 tensor [n, d]
    """
    tf = load_tensorflow()
    hidden, cell = tf.zeros_like(queries), tf.zeros_like(queries)
    for _ in range(steps):
        read = tf.matmul(tf.nn.softmax(tf.matmul(hidden, examples, transpose_b=True)), examples)
        output, cell = _lstm(tf, tf.concat([queries, hidden, read], axis=1), cell, weights, "attention")
        hidden = output + queries
    return hidden


def _lstm(tf: Any, inputs: Any, cell: Any, weights: Weights, name: str) -> tuple[Any, Any]:
    """Output and cell of one step, without peepholes: equations of Sutskever, Vinyals, Le (2014)."""
    gates = tf.matmul(inputs, weights[f"{name}_kernel"]) + weights[f"{name}_bias"]
    let_in, keep, new, let_out = tf.split(gates, 4, axis=1)
    cell = tf.sigmoid(keep) * cell + tf.sigmoid(let_in) * tf.tanh(new)
    return tf.sigmoid(let_out) * tf.tanh(cell), cell
