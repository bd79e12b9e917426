"""From the real scales of a model to the integers that its kernels use.

The one place where scales become multipliers and shifts: the NumPy reference runs with these numbers and the generated
C holds them. Field names and the direction of shifts are those of ``kshot_kernels_s8.h``: a positive shift is to the
right. Real arithmetic is binary64 throughout, as in TensorFlow Lite Micro: the last bit of a multiplier depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.arithmetic import quantize_multiplier
from quantize.errors import UnsupportedModelError
from quantize.graph import Add, Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, Mean, Op, Softmax

ADD_LEFT_SHIFT = 20
SOFTMAX_INTEGER_BITS = 5  # of a scaled difference of inputs: Q5.26
SOFTMAX_SUM_INTEGER_BITS = 12  # of the sum of exponentials: Q12.19
SOFTMAX_MAX_ROW_LEN = (1 << SOFTMAX_SUM_INTEGER_BITS) - 1


@dataclass(frozen=True, eq=False)
class Requantization:
    """From an accumulator to the output's scale, per output channel.

    Attributes
    ----------
    multiplier : int32 [channels]
        Q0.31, in [2**30, 2**31) or 0.
    shift : int8 [channels]
        Right shift in [-31, 31].
    """

    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.int8]

    def __post_init__(self) -> None:
        if self.multiplier.shape != self.shift.shape or self.multiplier.ndim != 1:
            raise ValueError(f"{self.multiplier.shape} multipliers beside {self.shift.shape} shifts")
        for array in (self.multiplier, self.shift):
            array.setflags(write=False)


@dataclass(frozen=True)
class MeanParams:
    """From the sum over an image, zero points removed, to the output's scale."""

    multiplier: int
    shift: int


@dataclass(frozen=True)
class AddParams:
    """Both inputs, shifted left, to a common scale; their sum to the output's scale."""

    left_shift: int
    input1_multiplier: int
    input1_shift: int
    input2_multiplier: int
    input2_shift: int
    output_multiplier: int
    output_shift: int


@dataclass(frozen=True)
class SoftmaxParams:
    """From a difference of inputs to Q5.26; differences below `diff_min` give probability 0."""

    multiplier: int
    left_shift: int
    diff_min: int


def requantization(graph: Int8Graph, op: Conv2D | DepthwiseConv2D | FullyConnected) -> Requantization:
    """Rescaling of a layer with weights: input scale * weight scale / output scale, one per output channel.

    The products are binary64. A layer with a single weight scale is expanded to its outputs. (tflite-runtime rounds the
    product of a fully connected layer's single scale to binary32; TensorFlow Lite Micro, which decides, does not.)

    Raises
    ------
    UnsupportedModelError
        If a multiplier is 2**31 or more.
    """
    tensors = graph.tensors
    input_scale = tensors[op.inputs[0]].quant.scale
    output = tensors[op.output]
    products = [input_scale * scale for scale in tensors[op.weights].quant.scales]
    pairs = [_quantized(op, product / output.quant.scale) for product in products]
    if len(pairs) == 1:
        pairs *= output.shape[-1]
    multiplier, shift = zip(*pairs, strict=True)
    return Requantization(np.array(multiplier, np.int32), np.array(shift, np.int8))


def mean_params(graph: Int8Graph, op: Mean) -> MeanParams:
    """Rescaling of a mean over height and width.

    The quantized ratio of the scales is divided by the number of pixels as an integer, after a shift to the left that
    keeps its precision; hence the multiplier lies anywhere in [0, 2**31).
    """
    tensor = graph.tensors[op.inputs[0]]
    multiplier, shift = _quantized(op, tensor.quant.scale / graph.tensors[op.output].quant.scale)
    pixels = tensor.shape[1] * tensor.shape[2]
    gain = min(pixels.bit_length() - 1, 32, 31 - shift)
    return MeanParams(multiplier=(multiplier << gain) // pixels, shift=shift + gain)


def add_params(graph: Int8Graph, op: Add) -> AddParams:
    """Rescaling of a sum: both inputs to twice the larger scale, the sum to the output's.

    Raises
    ------
    UnsupportedModelError
        If the output's scale is so small that the sum would have to be multiplied.
    """
    scale1, scale2 = (graph.tensors[i].quant.scale for i in op.inputs)
    twice_max = 2 * max(scale1, scale2)
    ratio = twice_max / ((1 << ADD_LEFT_SHIFT) * graph.tensors[op.output].quant.scale)
    if ratio >= 1:
        raise UnsupportedModelError.at(
            "ADD", op.name, "its output scale is a millionth of its inputs'", "convert the model with real samples"
        )
    multiplier1, shift1 = _quantized(op, scale1 / twice_max)
    multiplier2, shift2 = _quantized(op, scale2 / twice_max)
    multiplier, shift = _quantized(op, ratio)
    return AddParams(ADD_LEFT_SHIFT, multiplier1, shift1, multiplier2, shift2, multiplier, shift)


def softmax_params(graph: Int8Graph, op: Softmax) -> SoftmaxParams:
    """Scaling of the differences to the row's maximum.

    Raises
    ------
    UnsupportedModelError
        If beta times the input's scale is below 2**-26, or the row is longer than the sum of exponentials can hold.
    """
    tensor = graph.tensors[op.inputs[0]]
    fraction_bits = 31 - SOFTMAX_INTEGER_BITS
    real = min(op.beta * tensor.quant.scale * (1 << fraction_bits), 2.0**31 - 1)
    if not real > 1:
        raise UnsupportedModelError.at(
            "SOFTMAX", op.name, f"beta {op.beta:g} times input scale {tensor.quant.scale:g} vanishes", "rescale it"
        )
    if tensor.shape[-1] > SOFTMAX_MAX_ROW_LEN:
        raise UnsupportedModelError.at(
            "SOFTMAX", op.name, f"{tensor.shape[-1]} classes in a row", f"up to {SOFTMAX_MAX_ROW_LEN} work"
        )
    multiplier, shift = _quantized(op, real)
    radius = (((1 << SOFTMAX_INTEGER_BITS) - 1) << fraction_bits) >> -shift
    return SoftmaxParams(multiplier=multiplier, left_shift=-shift, diff_min=-radius)


def _quantized(op: Op, real: float) -> tuple[int, int]:
    try:
        return quantize_multiplier(real)
    except ValueError as error:
        raise UnsupportedModelError.at(
            type(op).__name__, op.name, str(error), "convert the model with real samples"
        ) from error
