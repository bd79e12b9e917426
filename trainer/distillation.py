"""Distillation: a small network learns to see an episode as a wider one, already trained, sees it.

What is compared is relational, so that the embeddings may have different lengths: for each sample, a softmax over the
other samples of the episode by their nearness. Matching these conditional probabilities is the probabilistic knowledge
transfer of Passalis and Tefas, *Learning Deep Representations with Probabilistic Knowledge Transfer*, ECCV 2018, with a
Gaussian kernel; measuring distances in units of their mean, which makes the networks' scales comparable, is from Park
et al., *Relational Knowledge Distillation*, CVPR 2019.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainer.artifact import InputSpec, TrainedEmbedding
from trainer.backend import load_tensorflow
from trainer.folding import folded

_IMPOSSIBLE = -1e9  # as a logit; finite, or zero times its logarithm would be no number
_SMALLEST = 1e-12


class Teacher:
    """A trained network, frozen.

    Parameters
    ----------
    folder : Path
        Of a trained embedding.
    spec : InputSpec
        What the student reads; the teacher may scale the same samples otherwise.

    Raises
    ------
    ArtifactError
        If the folder holds no trained embedding, or a damaged one.
    ValueError
        If it reads samples of another shape.
    """

    def __init__(self, folder: Path, spec: InputSpec) -> None:
        trained = TrainedEmbedding.load(folder)
        if trained.input.shape != spec.shape:
            raise ValueError(
                f"teacher {folder} reads samples of shape {trained.input.shape}, these have {spec.shape}: "
                "name one that was trained on the same input"
            )
        self.sha256 = trained.model_sha256
        self._tf, self._spec, self._model = load_tensorflow(), trained.input, folded(trained.keras_model())

    def embed(self, pixels: Any) -> Any:
        """Embed augmented samples as they are, with the statistics of the teacher's own training.

        Parameters
        ----------
        pixels : uint8 or float32 tensor [n, height, width, channels]
            Raw values.

        Returns
        -------
        float32 tensor [n, d]
            Without gradient.
        """
        real = self._tf.cast(pixels, self._tf.float32) * self._spec.scale + self._spec.offset
        return self._tf.stop_gradient(self._model(real, training=False))


def relational_loss(student: Any, teacher: Any, *, temperature: float) -> Any:
    """Cross entropy between how teacher and student see the other samples of each sample.

    With ``d_ij`` the squared distance of samples i and j divided by the mean over all pairs, a network sees j from i
    with the probability ``softmax_j(-d_ij / temperature)``, j not being i. The result is the mean over i of the cross
    entropy of the student's probabilities under the teacher's.

    Parameters
    ----------
    student : float32 tensor [n, d]
    teacher : float32 tensor [n, e]
    temperature : float

    Returns
    -------
    float32 scalar tensor
    """
    tf = load_tensorflow()
    expected = tf.nn.softmax(_nearness(tf, teacher, temperature))
    logarithms = tf.nn.log_softmax(_nearness(tf, student, temperature))
    return -tf.reduce_mean(tf.reduce_sum(expected * logarithms, axis=1))


def _nearness(tf: Any, rows: Any, temperature: float) -> Any:
    """Logits [n, n] of the samples as seen from each sample; of the sample itself, one that leaves no probability."""
    squares = tf.reduce_sum(tf.square(rows), axis=1)
    distances = tf.maximum(squares[:, None] - 2 * tf.matmul(rows, rows, transpose_b=True) + squares, 0.0)
    pairs = tf.cast(tf.size(distances) - tf.size(squares), tf.float32)
    mean = tf.maximum(tf.reduce_sum(distances) / pairs, _SMALLEST)
    return tf.linalg.set_diag(-distances / (temperature * mean), tf.fill(squares.shape, _IMPOSSIBLE))
