"""The networks that embed an image: Keras models of layers that int8 on a microcontroller can hold.

Convolution, batch normalisation and ReLU become one int8 operator; pooling, mean and reshape cost nothing to quantize.
Normalisation of the result, swish, squeeze-and-excite and the like are left out: they would leave float operators
behind, or spread the values so that eight bits lose them. Layer names are fixed, so that a report can name them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from trainer.backend import load_keras
from trainer.batch_norm import fused_batch_normalization

INPUT_NAME = "input"
OUTPUT_NAME = "embedding"


def build_backbone(
    name: str, input_shape: tuple[int, int, int], options: Mapping[str, Any], *, seed: int, training: bool = False
) -> Any:
    """Build a registered backbone with fresh weights.

    Parameters
    ----------
    name : str
        One of `BACKBONES`.
    input_shape : tuple of int
        Height, width, channels.
    options : mapping
        Keyword arguments of the backbone's function.
    seed : int
        Decides the initial weights.
    training : bool
        Normalise batches by a fused kernel, several times as fast; the weights are the same and in the same order, but
        the model cannot be stored.

    Returns
    -------
    keras.Model
        Maps ``float32 [n, *input_shape]`` to ``float32 [n, d]``.

    Raises
    ------
    ValueError
        If the name or an option is unknown, or the images are too small for the network.
    """
    if name not in BACKBONES:
        raise ValueError(f"no backbone {name!r}; there are {', '.join(BACKBONES)}")
    keras = load_keras()
    images = keras.Input(input_shape, name=INPUT_NAME)
    try:
        features = BACKBONES[name](images, _Layers(seed, training=training), **options)
    except TypeError as error:
        raise ValueError(f"backbone {name}: {error}") from error
    return keras.Model(images, features, name=name)


def conv4(images: Any, layers: _Layers, *, width: int = 32, blocks: int = 4, signed: bool = False) -> Any:
    """Four blocks of 3x3 convolution, batch normalisation, ReLU and 2x2 max pooling, then flattened.

    The embedding network of Vinyals et al., *Matching Networks for One Shot Learning* (2016), and of Snell et al.
    (2017). From 28 x 28 pixels it returns `width` values, all non-negative: eight bits without a sign to spend.

    Parameters
    ----------
    images : keras tensor [n, height, width, channels]
    layers : _Layers
    width : int
        Filters of each convolution.
    blocks : int
        Each halves height and width.
    signed : bool
        Leave out the last ReLU: the embedding then uses both signs.
    """
    if min(images.shape[1:3]) < 2**blocks:
        raise ValueError(f"conv4: images of {images.shape[1]} x {images.shape[2]} are halved away by {blocks} blocks")
    x = images
    for i in range(1, blocks + 1):
        x = layers.convolution(x, f"block{i}", filters=width, kernel=3, relu=not (signed and i == blocks))
        x = layers.keras.MaxPooling2D(2, name=f"block{i}_pool")(x)
    return layers.keras.Flatten(name=OUTPUT_NAME)(x)


def separable(images: Any, layers: _Layers, *, width: int = 16, embedding_len: int = 64) -> Any:
    """A small MobileNet: a strided convolution, four depthwise-separable blocks, global mean.

    The blocks are those of Howard et al., *MobileNets* (2017): 3x3 depthwise and 1x1 convolution, each with batch
    normalisation and ReLU. From 28 x 28 pixels a third of the multiplications of conv4 at width 32.

    Parameters
    ----------
    images : keras tensor [n, height, width, channels]
    layers : _Layers
    width : int
        Filters of the first convolution; later blocks have two and four times as many.
    embedding_len : int
        Filters of the last block, and length of the result.
    """
    x = layers.convolution(images, "stem", filters=width, kernel=3, strides=2)
    blocks = ((2 * width, 1), (4 * width, 2), (4 * width, 1), (embedding_len, 2))
    for i, (filters, strides) in enumerate(blocks, start=1):
        x = layers.depthwise(x, f"block{i}_depthwise", strides=strides)
        x = layers.convolution(x, f"block{i}_pointwise", filters=filters, kernel=1)
    return layers.keras.GlobalAveragePooling2D(name=OUTPUT_NAME)(x)


BACKBONES: Mapping[str, Callable[..., Any]] = {"conv4": conv4, "separable": separable}


class _Layers:
    """Makes the named layers of one network; a layer's initial weights depend on the seed and on its place."""

    def __init__(self, seed: int, *, training: bool) -> None:
        self.keras = load_keras().layers
        self._norm = fused_batch_normalization() if training else self.keras.BatchNormalization
        self._rng = np.random.default_rng(seed)

    def convolution(self, x: Any, name: str, *, filters: int, kernel: int, strides: int = 1, relu: bool = True) -> Any:
        """Convolution with batch normalisation and, unless told otherwise, ReLU; pads to the size over `strides`."""
        layer = self.keras.Conv2D(
            filters, kernel, strides, "same", use_bias=False, kernel_initializer=self._fresh(), name=f"{name}_conv"
        )
        return self._normalised(layer(x), name, relu=relu)

    def depthwise(self, x: Any, name: str, *, strides: int = 1) -> Any:
        """3x3 depthwise convolution with batch normalisation and ReLU."""
        layer = self.keras.DepthwiseConv2D(
            3, strides, "same", use_bias=False, depthwise_initializer=self._fresh(), name=f"{name}_conv"
        )
        return self._normalised(layer(x), name)

    def _normalised(self, x: Any, name: str, *, relu: bool = True) -> Any:
        # Momentum 0.9: the statistics that inference uses must settle within some thousand steps.
        x = self._norm(momentum=0.9, name=f"{name}_norm")(x)
        return self.keras.ReLU(name=f"{name}_relu")(x) if relu else x

    def _fresh(self) -> Any:
        return load_keras().initializers.GlorotUniform(seed=int(self._rng.integers(2**31)))
