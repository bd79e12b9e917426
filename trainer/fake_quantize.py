"""Quantization-aware training: a network that computes as int8 will, in float and with a gradient.

Jacob et al.: *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*, CVPR 2018:
weights and activations are rounded to the 256 values that eight bits would leave them, and the gradient passes through
the rounding as if it were not there. The network stays the one that is stored and converted: its float weights are
trained, and post-training quantization finds the same values again. A learner judges rounded embeddings, so that its
prototypes, too, are means of what int8 can hold.

- A weight has one scale an output channel, ``max|w| / 127``. Batch normalisation multiplies a whole channel, so that
  rounding before it is the same as rounding the product; it is frozen, its statistics being those of inference.
- An activation has one scale a tensor, from the least to the greatest value of the batch, as the converter takes them
  from its representative samples. Where the device computes layers as one (convolution, normalisation and ReLU; a sum
  and its ReLU) only the result is rounded; pooling by maximum and reshaping keep the values of what they read.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from trainer.backend import load_keras, load_tensorflow

_SMALLEST_RANGE = 1e-6


def fake_quantized(model: Any) -> Any:
    """Build the same network with every value that int8 will hold rounded to what it can be.

    Parameters
    ----------
    model : keras.Model
        Functional, of the layers that `trainer.backbones` uses.

    Returns
    -------
    keras.Model
        With weights of its own, equal now and in the same order. It computes in training as in inference.

    Raises
    ------
    ValueError
        If it has a layer that is not known here.
    """
    keras, kinds = load_keras(), _kinds()
    normalised_or_clipped = (keras.layers.BatchNormalization, keras.layers.ReLU)
    inside = {id(layer.input) for layer in model.layers if isinstance(layer, normalised_or_clipped)}

    def counterpart(layer: Any) -> Any:
        if type(layer) not in kinds:
            raise ValueError(
                f"layer {layer.name} is a {type(layer).__name__}, which quantization-aware training does not know: "
                "set qat_steps to 0"
            )
        made = kinds[type(layer)].from_config(layer.get_config())
        if type(made) is not type(layer):
            made.rounds_output = id(layer.output) not in inside
        return made

    made = keras.models.clone_model(model, clone_function=counterpart)
    made.set_weights(model.get_weights())
    return made


@cache
def _kinds() -> dict[Any, Any]:
    """For each class of layers the one that computes with rounded values, or itself where nothing is computed.

    `rounds_output` is set on each layer that is made.
    """
    tf, layers = load_tensorflow(), load_keras().layers

    class Rounding:
        rounds_output = True

        def call(self, inputs: Any, **options: Any) -> Any:
            results = super().call(inputs, **options)  # type: ignore[misc]
            return rounded(results) if self.rounds_output else results

    class Convolution(Rounding, layers.Conv2D):  # type: ignore[misc, name-defined]
        def convolution_op(self, inputs: Any, kernel: Any) -> Any:
            return super().convolution_op(inputs, rounded_kernel(kernel))

    class Depthwise(layers.DepthwiseConv2D):  # type: ignore[misc, name-defined]
        rounds_output = True

        def call(self, inputs: Any) -> Any:
            kernel = tf.convert_to_tensor(self.kernel)
            channels = rounded_kernel(tf.reshape(kernel, (*kernel.shape[:2], -1)))
            strides, padding = (1, *self.strides, 1), self.padding.upper()
            results = tf.nn.depthwise_conv2d(inputs, tf.reshape(channels, kernel.shape), strides, padding)
            return rounded(results) if self.rounds_output else results

    class Normalisation(Rounding, layers.BatchNormalization):  # type: ignore[misc, name-defined]
        def call(self, inputs: Any, **options: Any) -> Any:
            return super().call(inputs, **{**options, "training": False})

    class Clipping(Rounding, layers.ReLU):  # type: ignore[misc, name-defined]
        pass

    class Sum(Rounding, layers.Add):  # type: ignore[misc, name-defined]
        pass

    class Mean(Rounding, layers.GlobalAveragePooling2D):  # type: ignore[misc, name-defined]
        pass

    return {
        layers.Conv2D: Convolution,
        layers.DepthwiseConv2D: Depthwise,
        layers.BatchNormalization: Normalisation,
        layers.ReLU: Clipping,
        layers.Add: Sum,
        layers.GlobalAveragePooling2D: Mean,
        layers.MaxPooling2D: layers.MaxPooling2D,
        layers.Flatten: layers.Flatten,
    }


def rounded(values: Any) -> Any:
    """Round an activation to 256 steps between its least and its greatest value, zero being one of them."""
    tf = load_tensorflow()
    low = tf.stop_gradient(tf.minimum(tf.reduce_min(values), 0.0))
    high = tf.stop_gradient(tf.maximum(tf.reduce_max(values), low + _SMALLEST_RANGE))
    return tf.quantization.fake_quant_with_min_max_vars(values, low, high)


def rounded_kernel(kernel: Any) -> Any:
    """Round a kernel [..., channels] to -127 .. 127 steps a channel."""
    tf = load_tensorflow()
    values = tf.convert_to_tensor(kernel)
    reach = tf.reduce_max(tf.abs(values), axis=tuple(range(len(values.shape) - 1)))
    reach = tf.stop_gradient(tf.maximum(reach, _SMALLEST_RANGE))
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(values, -reach, reach, narrow_range=True)
