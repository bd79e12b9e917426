"""What a learner is: a loss for an episode in training, a classifier for one afterwards.

`trainer.fit` hands every step's episode to `Learner.episode_loss` together with the network. A method that judges
embeddings (prototypical, Siamese, matching) only writes `loss`; a method that adapts the network itself (MAML)
overrides `episode_loss`. What a method learns besides the network, a temperature or an initial head, it returns from
`variables`, and training treats it like weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from trainer.artifact import InputSpec
from trainer.backend import load_tensorflow
from trainer.evaluate import Classifier

Learned = Mapping[str, float | list[float]]
"""What a method learned besides the network, by name, as JSON can hold it."""


@dataclass(frozen=True)
class EpisodeTensors:
    """The images of one episode, normalised, on their way through TensorFlow.

    Attributes
    ----------
    support : float32 tensor [n_way, k_shot, height, width, channels]
    query : float32 tensor [n_way, n_query, height, width, channels]
        Row i holds the class of row i of the support.
    """

    support: Any
    query: Any


@dataclass(frozen=True)
class EpisodeLoss:
    """What one episode costs and how well it was solved; float32 scalar tensors.

    Attributes
    ----------
    loss : tensor
        What training lowers.
    accuracy : tensor
        Share of the queries that were recognised, as a fraction of 1.
    embeddings : float32 tensor [n_way, k_shot + n_query, d], or None
        What was judged, support first; None where a method has no one embedding of an image.
    """

    loss: Any
    accuracy: Any
    embeddings: Any = None


@dataclass(frozen=True)
class Learner(ABC):
    """A method of few-shot learning; the fields of a subclass are its options."""

    name: ClassVar[str]
    """The name in project files and artifacts."""

    adapts_body: ClassVar[bool] = False
    """Whether an episode changes the network itself, so that its samples have no one embedding."""

    takes_turns: ClassVar[bool] = True
    """Whether the loss differs by which samples are the support, so that taking turns teaches more."""

    @property
    def host_only(self) -> str:
        """Why the trained method cannot be deployed; empty where it can."""
        return ""

    @property
    def options(self) -> Mapping[str, Any]:
        """The options that rebuild this learner."""
        return asdict(self)

    def variables(self, model: Any, *, seed: int = 0) -> Sequence[Any]:
        """Trainable Keras variables besides the weights of `model`, always the same objects; some methods have none.

        Parameters
        ----------
        model : keras.Model
        seed : int
            Decides those that start at random.
        """
        return ()

    def learned(self) -> Learned:
        """Values of what was learned besides the network, for `classifier` and for the device."""
        return {}

    @abstractmethod
    def loss(self, support: Any, query: Any) -> EpisodeLoss:
        """Judge the embeddings of one episode.

        Parameters
        ----------
        support : float32 tensor [n_way, k_shot, d]
        query : float32 tensor [n_way, n_query, d]
        """

    def loss_during(self, support: Any, query: Any, progress: Any) -> EpisodeLoss:
        """`loss` at a point of the training, for methods whose loss changes on the way.

        Parameters
        ----------
        support, query : float32 tensor
            As for `loss`.
        progress : float32 scalar tensor
            Share of the training that is done, from 0 to 1.
        """
        return self.loss(support, query)

    def episode_loss(self, model: Any, episode: EpisodeTensors, *, turns: int = 1, progress: Any = 1.0) -> EpisodeLoss:
        """Judge one episode in training: one pass through the network for support and query together, then `loss`.

        Batch normalisation sees the whole batch here, as in every training; inference uses the running statistics.

        Parameters
        ----------
        model : keras.Model
        episode : EpisodeTensors
        turns : int
            How many sets of `k_shot` samples take their turn as the support, the others being the query; the result is
            the mean. A turn costs no pass through the network.
        progress : float32 scalar tensor
            Share of the training that is done, from 0 to 1.
        """
        tf = load_tensorflow()
        k_shot = episode.support.shape[1]
        images = tf.concat([episode.support, episode.query], axis=1)
        n_way, samples = images.shape[:2]
        embeddings = model(tf.reshape(images, (n_way * samples, *images.shape[2:])), training=True)
        embeddings = tf.reshape(embeddings, (n_way, samples, embeddings.shape[-1]))
        rolled = [tf.roll(embeddings, -turn * k_shot, axis=1) for turn in range(turns)]
        results = [self.loss_during(rows[:, :k_shot], rows[:, k_shot:], progress) for rows in rolled]
        return EpisodeLoss(
            tf.add_n([result.loss for result in results]) / turns,
            tf.add_n([result.accuracy for result in results]) / turns,
            embeddings,
        )

    @abstractmethod
    def classifier(self, learned: Learned) -> Classifier:
        """Return the trained method's classifier over NumPy embeddings, as the device would decide in real numbers.

        Parameters
        ----------
        learned : mapping
            From `learned`, after the training.
        """

    def host_only_classifier(self, model: Any, spec: InputSpec, learned: Learned) -> Classifier | None:
        """Return what the method does on the host beyond `classifier` and no device can do, or None where nothing is.

        Parameters
        ----------
        model : keras.Model
            The trained network.
        spec : InputSpec
        learned : mapping
            From `learned`, after the training.

        Returns
        -------
        Classifier or None
            Takes raw images, uint8 [..., height, width, channels], where others take embeddings.
        """
        return None
