"""Siamese networks: pairs of the same class are drawn together, others pushed apart; the nearest example wins.

Bromley et al., *Signature Verification using a "Siamese" Time Delay Neural Network*, NeurIPS 1993; Hadsell, Chopra,
LeCun, *Dimensionality Reduction by Learning an Invariant Mapping*, CVPR 2006; Schroff, Kalenichenko, Philbin,
*FaceNet*, CVPR 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from trainer.backend import load_tensorflow
from trainer.evaluate import Classifier
from trainer.learners.base import EpisodeLoss, Learned, Learner

NEGATIVES = ("violating", "hardest")
_SMALLEST_SQUARE = 1e-8  # below it a distance counts as zero and has no gradient


@dataclass(frozen=True)
class Siamese(Learner):
    """A loss over all pairs of an episode, D being the Euclidean distance of two embeddings.

    The pairs are balanced, and those of different classes hard: the loss is the mean over all pairs of the same class,
    plus the mean over pairs of different classes that `negatives` chooses, so that both sides weigh the same however
    many there are.

    Attributes
    ----------
    loss_form : str
        ``"contrastive"``: ``y * D + (1 - y) * max(0, margin - D)``, y = 1 for the same class.
        ``"squared"``: Hadsell's ``(1 - Y) * D**2 / 2 + Y * max(0, margin - D)**2 / 2``, where Y = 1 for *different*
        classes.
        ``"triplet"``: FaceNet's ``max(0, D_ap**2 - D_an**2 + margin)`` with the semi-hard negative: the nearest one
        that is farther than the positive, the farthest where there is none.
    margin : float
        In units of the embedding (squared ones for triplets).
    negatives : str
        Pairs of different classes that count; triplets choose theirs by themselves. ``"violating"``: all within the
        margin. Others have no gradient and would only dilute the mean. ``"hardest"``: the nearest ones, as many as
        there are pairs of the same class.

    Raises
    ------
    ValueError
        If the form or the choice is unknown, or the margin not positive.
    """

    name: ClassVar[str] = "siamese"
    takes_turns: ClassVar[bool] = False
    loss_form: str = "contrastive"
    margin: float = 4.0
    negatives: str = "violating"

    def __post_init__(self) -> None:
        if self.loss_form not in _LOSSES:
            raise ValueError(f"loss_form is {self.loss_form!r}, it must be one of {', '.join(_LOSSES)}")
        if self.negatives not in NEGATIVES:
            raise ValueError(f"negatives is {self.negatives!r}, it must be one of {', '.join(NEGATIVES)}")
        if not self.margin > 0:
            raise ValueError(f"margin is {self.margin}, it must be positive")

    def loss(self, support: Any, query: Any) -> EpisodeLoss:
        """Loss over all pairs; accuracy of the nearest support example.

        Parameters
        ----------
        support : float32 tensor [n_way, k_shot, d]
        query : float32 tensor [n_way, n_query, d]
        """
        tf = load_tensorflow()
        samples = tf.concat([support, query], axis=1)
        n_way, per_class, length = samples.shape
        k_shot = support.shape[1]
        rows = tf.reshape(samples, (n_way * per_class, length))
        squares = tf.reduce_sum(tf.square(rows), axis=1)
        squared = squares[:, None] - 2 * tf.matmul(rows, rows, transpose_b=True) + squares
        squared = tf.maximum(squared, _SMALLEST_SQUARE)
        ways = np.repeat(np.arange(n_way), per_class)
        same = ways[:, None] == ways
        positive = tf.constant(same & ~np.eye(len(ways), dtype=bool))
        negative = tf.constant(~same)
        if self.negatives == "hardest" and self.loss_form != "triplet":
            negative = _nearest(tf, squared, negative, n_way * per_class * (per_class - 1))
        loss = _LOSSES[self.loss_form](tf, squared, positive, negative, self.margin)

        position = np.tile(np.arange(per_class), n_way)
        shown, asked = np.flatnonzero(position < k_shot), np.flatnonzero(position >= k_shot)
        table = tf.gather(tf.gather(squared, asked), shown, axis=1)
        answers = tf.gather(tf.constant(ways[shown]), tf.argmin(table, axis=1))
        hits = tf.cast(tf.equal(answers, tf.constant(ways[asked])), tf.float32)
        return EpisodeLoss(loss, tf.reduce_mean(hits))

    def classifier(self, learned: Learned) -> Classifier:
        """Class of the nearest example; of equally near ones the first class."""
        return nearest_example


def nearest_example(support: npt.NDArray[Any], queries: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The row of the support that holds the example nearest to each query; a `Classifier`."""
    examples = support.reshape(-1, support.shape[-1]).astype(np.float64)
    distances = np.square(examples).sum(axis=1) - 2 * queries.astype(np.float64) @ examples.T
    nearest: npt.NDArray[np.int64] = np.argmin(distances, axis=1) // support.shape[1]
    return nearest


def _mean_where(tf: Any, values: Any, chosen: Any) -> Any:
    """Mean of the chosen elements, 0 where there is none."""
    weights = tf.cast(chosen, tf.float32)
    return tf.reduce_sum(values * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)


def _nearest(tf: Any, squared: Any, negative: Any, count: int) -> Any:
    """Of the negative pairs the nearest `count`; more where some are equally near."""
    distances = tf.reshape(tf.where(negative, squared, np.inf), (-1,))
    farthest = -tf.math.top_k(-distances, count, sorted=True).values[-1]
    return negative & (squared <= farthest)


def _contrastive(tf: Any, squared: Any, positive: Any, negative: Any, margin: float) -> Any:
    distances = tf.sqrt(squared)
    hard = negative & (distances < margin)
    return _mean_where(tf, distances, positive) + _mean_where(tf, margin - distances, hard)


def _squared(tf: Any, squared: Any, positive: Any, negative: Any, margin: float) -> Any:
    distances = tf.sqrt(squared)
    hard = negative & (distances < margin)
    return (_mean_where(tf, squared, positive) + _mean_where(tf, tf.square(margin - distances), hard)) / 2


def _triplet(tf: Any, squared: Any, positive: Any, negative: Any, margin: float) -> Any:
    pairs = tf.where(positive)
    anchors = pairs[:, 0]
    to_positive = tf.gather_nd(squared, pairs)
    to_all = tf.gather(squared, anchors)
    different = tf.gather(negative, anchors)
    farther = different & (to_all > to_positive[:, None])
    nearest = tf.reduce_min(tf.where(farther, to_all, np.inf), axis=1)
    farthest = tf.reduce_max(tf.where(different, to_all, 0.0), axis=1)
    to_negative = tf.where(tf.reduce_any(farther, axis=1), nearest, farthest)
    losses = tf.maximum(to_positive - to_negative + margin, 0.0)
    return _mean_where(tf, losses, losses > 0)


_LOSSES: Mapping[str, Callable[..., Any]] = {"contrastive": _contrastive, "squared": _squared, "triplet": _triplet}
