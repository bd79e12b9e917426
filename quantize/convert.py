"""From a trained Keras network to int8: TensorFlow Lite's post-training quantization, on a batch of one.

The only module that runs the converter; TensorFlow is imported when it is called. Two conversions of the same network
with the same samples give the same bytes.
"""

from __future__ import annotations

import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from quantize import reference, thresholds
from quantize.artifact import Examples, Int8Embedding
from quantize.errors import UnsupportedModelError
from quantize.from_tflite import read_tflite
from trainer import learners
from trainer.artifact import TrainedEmbedding
from trainer.backend import load_keras, load_tensorflow
from trainer.datasets.dataset import Dataset
from trainer.episodes import sample_episodes

log = logging.getLogger(__name__)

_STDERR = 2


class ConversionError(RuntimeError):
    """The converter failed; the message ends with what it said."""


def quantize(
    trained: TrainedEmbedding,
    representative: npt.NDArray[np.uint8],
    *,
    labels: npt.NDArray[np.int64] | None = None,
    examples: Examples | None = None,
) -> Int8Embedding:
    """Convert a trained network to full-integer int8.

    Parameters
    ----------
    trained : TrainedEmbedding
    representative : uint8 [n, height, width, channels]
        Raw samples such as the device will see, from training classes: they set the range of each activation. 200 to
        500 are enough.
    labels : int64 [n], optional
        Their classes. With them, the Siamese learner is calibrated to verify.
    examples : Examples, optional
        Samples of unseen classes to travel with the result.

    Returns
    -------
    Int8Embedding

    Raises
    ------
    ConversionError
        If TensorFlow cannot convert the network.
    UnsupportedModelError
        If a layer has no int8 kernel here, or the method was trained in a form that the device does not have.
    ValueError
        If there are no samples, or they have another shape than the network reads.
    """
    if not len(representative):
        raise ValueError("no representative samples; 200 to 500 of the training classes work")
    if reason := learners.get(trained.learner, trained.learner_options).host_only:
        raise UnsupportedModelError(f"{trained.folder}: {reason}")
    content = convert(trained.keras_model(), trained.input.normalise(representative))
    graph = read_tflite(content)
    if graph.output_tensor.size != trained.embedding_len:
        raise ConversionError(f"{graph.output_tensor.size} values came out where {trained.embedding_len} were trained")
    embedding = Int8Embedding(
        graph=graph,
        input=trained.input,
        learner=trained.learner,
        learner_options=trained.learner_options,
        learned=trained.learned,
        source={
            "model_sha256": trained.model_sha256,
            "dataset_sha256": trained.dataset_sha256,
            "backbone": trained.backbone,
            "seed": trained.seed,
            "tensorflow": str(load_tensorflow().__version__),
        },
        examples=examples,
        tflite=content,
    )
    if trained.learner == "siamese" and labels is not None:
        return _calibrated(embedding, representative, labels)
    return embedding


def _calibrated(
    embedding: Int8Embedding, samples: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]
) -> Int8Embedding:
    """Add the distance up to which two samples are of one class (`quantize.thresholds`)."""
    _, first = np.unique(samples.reshape(len(samples), -1), axis=0, return_index=True)  # episodes draw some twice
    embeddings = reference.run(embedding.graph, embedding.quantize_input(samples[first])).reshape(len(first), -1)
    try:
        found = thresholds.same_distance(embeddings, labels[first])
    except ValueError as error:
        log.warning("verification is not calibrated: %s; more representative images would help", error)
        return embedding
    log.info("verification up to distance %d: equal error rate %.3f", found.distance, found.false_rejects)
    return replace(embedding, learned={**embedding.learned, "same_distance": found.distance})


def convert(model: Any, representative: npt.NDArray[np.float32]) -> bytes:
    """Run the converter on any Keras model with one input and one output.

    Parameters
    ----------
    model : keras.Model
        Maps ``float32 [n, ...]`` to ``float32 [n, ...]``.
    representative : float32 [n, ...]
        What the network reads; sets the range of each activation.

    Returns
    -------
    bytes
        A .tflite file with int8 input and output.

    Raises
    ------
    ConversionError
        If TensorFlow cannot convert the network.
    """
    tf = load_tensorflow()
    try:
        with _quiet(), redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # a fixed batch, or the file gains operators that compute shapes
            source = load_keras().Input(representative.shape[1:], batch_size=1, name="input")
            fixed = load_keras().models.clone_model(model, input_tensors=source)
            fixed.set_weights(model.get_weights())
            converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([sample[np.newaxis]] for sample in representative)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
            return bytes(converter.convert())
    except Exception as error:  # the converter raises many types, bare Exception among them
        raise ConversionError(f"TensorFlow cannot convert this network to int8: {error}") from error


def representative_images(
    dataset: Dataset, *, rng: np.random.Generator, images: int = 400, n_way: int = 20, k_shot: int = 5
) -> npt.NDArray[np.uint8]:
    """The samples of `representative_rows`, uint8 [n, height, width, channels]."""
    rows = representative_rows(dataset, rng=rng, images=images, n_way=n_way, k_shot=k_shot)
    drawn: npt.NDArray[np.uint8] = dataset.images[rows]
    return drawn


def representative_rows(
    dataset: Dataset, *, rng: np.random.Generator, images: int = 400, n_way: int = 20, k_shot: int = 5
) -> npt.NDArray[np.int64]:
    """Draw samples for `quantize` from the training classes, in episodes as training saw them.

    Parameters
    ----------
    dataset : Dataset
        Of training classes only.
    rng : numpy.random.Generator
    images : int
        How many, rounded up to whole episodes; fewer where the data have fewer.
    n_way, k_shot : int
        Shape of an episode, lowered to what the data allow.

    Returns
    -------
    int64 [n]
        Indices into the data set's images; some may come twice.
    """
    n_way = min(n_way, len(dataset.class_names))
    k_shot = max(1, min(k_shot, int(dataset.counts.min()) - 1))
    count = -(-min(images, len(dataset.images)) // (n_way * k_shot))
    episodes = sample_episodes(dataset, n_way=n_way, k_shot=k_shot, n_query=1, episodes=count, rng=rng)
    return np.concatenate([episode.support.ravel() for episode in episodes])


def draw_examples(dataset: Dataset, *, rng: np.random.Generator, classes: int = 10, each: int = 20) -> Examples:
    """Choose a few samples of a few classes that training never saw.

    Parameters
    ----------
    dataset : Dataset
        Of test classes.
    rng : numpy.random.Generator
    classes, each : int
        At most so many classes, and samples of each.

    Returns
    -------
    quantize.artifact.Examples
        Class by class, as the data set orders them.
    """
    chosen = np.sort(rng.permutation(len(dataset.class_names))[:classes])
    rows = [rng.permutation(np.flatnonzero(dataset.labels == label))[:each] for label in chosen]
    labels = np.repeat(np.arange(len(chosen)), [len(r) for r in rows]).astype(np.int64)
    return Examples(dataset.images[np.concatenate(rows)], labels, tuple(dataset.class_names[i] for i in chosen))


@contextmanager
def _quiet() -> Iterator[None]:
    """Send what C++ writes to standard error to the debug log instead; it bypasses every setting of TensorFlow."""
    with tempfile.TemporaryFile() as said:
        original = os.dup(_STDERR)
        os.dup2(said.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(original, _STDERR)
            os.close(original)
            said.seek(0)
            for line in said.read().decode(errors="replace").splitlines():
                log.debug("converter: %s", line)
