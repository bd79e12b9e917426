"""Augmentation: what training images go through inside the compiled step, drawn from the seed and the step alone."""

from __future__ import annotations

from typing import Any

from trainer.backend import load_tensorflow
from trainer.options import TrainOptions


def augment(pixels: Any, options: TrainOptions, step: Any) -> Any:
    """Mirror classes, distort and move images, each as far as the options ask for it.

    Parameters
    ----------
    pixels : uint8 tensor [n_way, samples, height, width, channels]
    options : TrainOptions
    step : int tensor
        Number of the step; decides the draws together with ``options.seed``.

    Returns
    -------
    uint8 or float32 tensor of the same shape
        Raw values still.
    """
    tf = load_tensorflow()
    seed = _seed(tf, options, step)
    if options.mirror_classes:
        chosen = mirrored_classes(pixels.shape[0], options, step)
        pixels = tf.where(tf.reshape(chosen, (-1, 1, 1, 1, 1)), tf.reverse(pixels, axis=[3]), pixels)
    flat = tf.reshape(pixels, (-1, *pixels.shape[2:]))
    if options.distortion:
        flat = _distorted(tf, flat, options.distortion, seed)
    if options.shift_pixels:
        flat = _shifted(tf, flat, options.shift_pixels, seed)
    return tf.reshape(flat, pixels.shape)


def mirrored_classes(n_way: int, options: TrainOptions, step: Any) -> Any:
    """Which classes of an episode are shown in the mirror: bool tensor [n_way], about half, drawn anew each step.

    All samples of a class are, so that it is another class.
    """
    tf = load_tensorflow()
    return tf.random.stateless_uniform((n_way,), tf.add(_seed(tf, options, step), (1, 0))) < 0.5


def _seed(tf: Any, options: TrainOptions, step: Any) -> Any:
    return tf.stack([tf.constant(options.seed, tf.int64), tf.cast(step, tf.int64)])


def _distorted(tf: Any, flat: Any, reach: float, seed: Any) -> Any:
    """Turn, scale and shear each image about its centre: a matrix within `reach` of the identity in every element."""
    count, height, width, _ = flat.shape
    noise = tf.random.stateless_uniform((count, 4), tf.add(seed, (2, 0)), -reach, reach)
    a, b, c, d = tf.unstack(noise + tf.constant([1.0, 0.0, 0.0, 1.0]), axis=1)
    x, y = (width - 1) / 2, (height - 1) / 2
    zero = tf.zeros_like(a)
    transforms = tf.stack([a, b, x - a * x - b * y, c, d, y - c * x - d * y, zero, zero], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(flat, tf.float32),
        transforms=transforms,
        output_shape=tf.constant([height, width]),
        fill_value=tf.constant(0.0),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _shifted(tf: Any, flat: Any, reach: int, seed: Any) -> Any:
    """Move each image by its own random offset of up to `reach` pixels each way."""
    height, width = flat.shape[1:3]
    padded = tf.pad(flat, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    offsets = tf.random.stateless_uniform((flat.shape[0], 2), seed, 0, 2 * reach + 1, tf.int32)
    rows = offsets[:, :1] + tf.range(height)
    columns = offsets[:, 1:] + tf.range(width)
    return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)
