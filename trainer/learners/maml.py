"""MAML: learn a start from which a few gradient steps of the whole network on the support solve the task.

Finn, Abbeel, Levine: *Model-Agnostic Meta-Learning*, ICML 2017. Antoniou, Edwards, Storkey: *How to train your MAML*
(MAML++), ICLR 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from trainer.artifact import InputSpec
from trainer.backend import load_keras, load_tensorflow
from trainer.evaluate import Classifier
from trainer.learners.base import EpisodeLoss, EpisodeTensors, Learned
from trainer.learners.gradient_head import GradientHead, judge, prototype_head, repeated_head, step_importances

Embed = Callable[[Sequence[Any]], Any]
"""Embeds the support with these weights of the body, as ``[n_way, k_shot, d]``."""


@dataclass(frozen=True)
class Maml(GradientHead):
    """The inner loop goes through head and body, in training with gradients of second order.

    Each weight of the body has a learned rate of its own in each step (MAML++'s per-layer per-step rates).

    What runs where: the device, and `classifier`, adapt the head alone, on the body as it was trained. The steps
    through the body need the network's gradients; `host_only_classifier` takes them, for comparison, and nothing of it
    can be deployed.

    Batch normalisation is never transductive after training: an inner loop, and the queries after it, use the
    statistics of the training. So that the inner loops of training are alike, theirs use one set of statistics each,
    those of the episode's images before the first step, and adapt what stands around them; the running statistics
    follow these, and thus fit the body where every inner loop starts, which is the one on the device.

    Attributes
    ----------
    body_rate : float
        Where the learned rates of the body begin.
    """

    name: ClassVar[str] = "maml"
    adapts_body: ClassVar[bool] = True
    takes_turns: ClassVar[bool] = False
    body_rate: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.body_rate) and self.body_rate > 0):
            raise ValueError(f"body_rate is {self.body_rate}, it must be positive")

    def variables(self, model: Any, *, seed: int = 0) -> Sequence[Any]:
        """Rates of the head and of the body, and the head's start."""
        made = super().variables(model, seed=seed)
        if "body_rates" not in self._variables:
            rates = np.full((self.inner_steps, len(model.trainable_variables)), self.body_rate, np.float32)
            self._variables["body_rates"] = load_keras().Variable(rates, name="body_rates")
            made = (*made, self._variables["body_rates"])
        return made

    def learned(self) -> Learned:
        """As ANIL's, and ``body_rates`` [inner_steps * weights], step by step, for `host_only_classifier`."""
        return {**super().learned(), "body_rates": np.array(self._variables["body_rates"]).reshape(-1).tolist()}

    def episode_loss(self, model: Any, episode: EpisodeTensors, *, turns: int = 1, progress: Any = 1.0) -> EpisodeLoss:
        """Cross entropy of the queries after the inner steps through head and body.

        Parameters
        ----------
        model : keras.Model
            With Keras' own normalisation: through the statistics of a fused kernel goes no gradient.
        episode : EpisodeTensors
        turns : int
            1; other turns would need inner loops of their own.
        progress : float32 scalar tensor
            Share of the training that is done, for `multi_step`.

        Raises
        ------
        ValueError
            If `turns` is more than 1.
        """
        if turns != 1:
            raise ValueError("maml: the samples cannot take turns as support, leave turns at 1")
        tf = load_tensorflow()
        body: Sequence[Any] = [variable.value for variable in model.trainable_variables]
        images = tf.concat([episode.support, episode.query], axis=1)
        statistics = _batch_statistics(tf, model, body, tf.reshape(images, (-1, *images.shape[2:])))

        def embedded(body: Sequence[Any], images: Any) -> Any:
            n_way, each = images.shape[:2]
            flat = tf.reshape(images, (n_way * each, *images.shape[2:]))
            rows = model.stateless_call(body, statistics, flat, training=False)[0]
            return tf.reshape(rows, (n_way, each, rows.shape[-1]))

        def shots(body: Sequence[Any]) -> Any:
            return embedded(body, episode.support)

        def asked(body: Sequence[Any], head: tuple[Any, Any]) -> tuple[Any, Any]:
            judged = judge(tf, embedded(body, episode.query), *head)
            return judged.loss, judged.accuracy

        head, losses = self._start(tf, shots(body)), []
        rates = self._variables["head_rates"].value, self._variables["body_rates"].value
        importances = step_importances(tf, self.inner_steps, self.multi_step or 1.0, progress)
        for step in range(self.inner_steps):
            body, head = self._whole_step(tf, shots, body, head, (rates[0][step], rates[1][step]))
            if self.multi_step and step < self.inner_steps - 1:
                # No pass through the network for a loss that no longer counts.
                asked_or_not = tf.cond(importances[step] > 0, partial(asked, body, head), lambda: (0.0, 0.0))
                losses.append(importances[step] * asked_or_not[0])
        loss, accuracy = asked(body, head)
        if not self.multi_step:
            return EpisodeLoss(loss, accuracy)
        return EpisodeLoss(tf.add_n([*losses, importances[-1] * loss]), accuracy)

    def _whole_step(
        self, tf: Any, shots: Embed, body: Sequence[Any], head: tuple[Any, Any], rates: tuple[Any, Any]
    ) -> tuple[list[Any], tuple[Any, Any]]:
        """One step of body and head on the support, with rates [2] of the head and [weights] of the body."""
        with tf.GradientTape() as tape:
            tape.watch([*body, *head])
            loss = judge(tf, shots(body), *head).loss
        gradients = tape.gradient(loss, [*body, *head])
        if self.first_order:
            gradients = [tf.stop_gradient(gradient) for gradient in gradients]
        moved = [w - rates[1][i] * g for i, (w, g) in enumerate(zip(body, gradients[:-2], strict=True))]
        return moved, (head[0] - rates[0][0] * gradients[-2], head[1] - rates[0][1] * gradients[-1])

    def host_only_classifier(self, model: Any, spec: InputSpec, learned: Learned) -> Classifier:
        """Return the whole method, inner steps through the body included. It runs on the host only.

        What the device does is `classifier`; this one takes `adapt_steps` steps of head and body, of which the last
        learned rates repeat. Each query is embedded on its own, by the adapted weights and the statistics of training.

        Parameters
        ----------
        model : keras.Model
            The trained network.
        spec : InputSpec
        learned : mapping
            From `learned`, after the training.

        Returns
        -------
        Classifier
            Takes raw images, uint8 [..., height, width, channels], where others take embeddings.
        """
        tf = load_tensorflow()
        head_rates = np.stack([learned["weight_rates"], learned["bias_rates"]], axis=1).astype(np.float32)
        body_rates = np.array(learned["body_rates"], np.float32).reshape(len(head_rates), -1)
        prototypes = self.head == "prototypes"
        start = prototype_head if prototypes else repeated_head
        first = learned["init_scale"] if prototypes else np.append(learned["initial_weights"], learned["initial_bias"])
        statistics = [variable.value for variable in model.non_trainable_variables]

        def embedded(body: Sequence[Any], images: Any) -> Any:
            real = tf.cast(images, tf.float32) * spec.scale + spec.offset
            return model.stateless_call(body, statistics, real, training=False)[0]

        @tf.function(autograph=False)  # type: ignore[untyped-decorator]
        def ways(support: Any, queries: Any) -> Any:
            n_way, k_shot = support.shape[:2]

            def shots(body: Sequence[Any]) -> Any:
                rows = embedded(body, tf.reshape(support, (n_way * k_shot, *support.shape[2:])))
                return tf.reshape(rows, (n_way, k_shot, rows.shape[-1]))

            body: Sequence[Any] = [variable.value for variable in model.trainable_variables]
            head = start(tf, shots(body), tf.constant(first, tf.float32))
            for step in range(self.adapt_steps):
                rate = min(step, len(head_rates) - 1)
                body, head = self._whole_step(tf, shots, body, head, (head_rates[rate], body_rates[rate]))
            return tf.argmax(tf.matmul(embedded(body, queries), head[0], transpose_b=True) + head[1], axis=1)

        def classify(support: npt.NDArray[Any], queries: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
            answers: npt.NDArray[np.int64] = ways(tf.constant(support), tf.constant(queries)).numpy()
            return answers

        return classify


def _batch_statistics(tf: Any, model: Any, body: Sequence[Any], images: Any) -> list[Any]:
    """Mean and variance of each normalisation for a batch, with their gradient; the model's own move towards them."""
    variables = model.non_trainable_variables
    momenta = [layer.momentum for layer in model.layers for _ in layer.non_trainable_variables]
    # Statistics that were zero before are afterwards those of the batch times what is left of the momentum.
    blank = [tf.zeros_like(variable.value) for variable in variables]
    moved = model.stateless_call(body, blank, images, training=True)[1]
    for variable, momentum, value in zip(variables, momenta, moved, strict=True):
        variable.assign(variable * momentum + value)
    return [value / (1 - momentum) for momentum, value in zip(momenta, moved, strict=True)]
