"""Batch normalisation for the training step: Keras' layer, computed by one fused kernel.

Keras 3 writes the layer out as a dozen element-wise operations, which takes more than half of a step on a processor.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from trainer.backend import load_keras, load_tensorflow


@cache
def fused_batch_normalization() -> Any:
    """The layer class; its weights and their order are those of ``keras.layers.BatchNormalization``."""
    tf, keras = load_tensorflow(), load_keras()

    class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc, name-defined]
        """Normalises the last axis of images; in training by the statistics of the batch."""

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            """Inputs and result: float32 [n, height, width, channels]."""
            if not training:
                return super().call(inputs, training=training, mask=mask)
            outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                inputs,
                tf.convert_to_tensor(self.gamma),
                tf.convert_to_tensor(self.beta),
                epsilon=self.epsilon,
                is_training=True,
            )
            # The kernel returns the variance of the population; the layer keeps that of the batch.
            count = tf.cast(tf.size(inputs) / inputs.shape[-1], tf.float32)
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance * (count - 1) / count)):
                moving.assign(moving * self.momentum + tf.stop_gradient(value) * (1 - self.momentum))
            return outputs

    return FusedBatchNormalization
