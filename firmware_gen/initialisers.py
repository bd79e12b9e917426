"""Shapes, windows and axes as initialisers of the runtime's structs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from firmware_gen.c_literals import CType, integer
from firmware_gen.lowering.lines import Axis
from quantize.graph import AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D, Tensor

WINDOW_OF_ONE = (
    "{.height = 1, .width = 1, .stride_height = 1, .stride_width = 1, .dilation_height = 1, .dilation_width = 1}"
)
_AXIS_TYPES: Mapping[str, CType] = MappingProxyType(
    {
        **dict.fromkeys(("input_len", "output_len"), "uint16_t"),
        **dict.fromkeys(("input_step", "output_step"), "uint32_t"),
        **dict.fromkeys(("stride", "pad"), "uint8_t"),
    }
)


def axis_of(axis: Axis) -> str:
    """``kshot_axis``."""
    items = [f".{name} = {integer(value, _AXIS_TYPES[name])}" for name, value in vars(axis).items()]
    return "{" + ", ".join(items[:4]) + ",\n              " + ", ".join(items[4:]) + "}"


def braced(values: Sequence[int]) -> str:
    """An array within a struct."""
    return "{" + ", ".join(integer(value) for value in values) + "}"


def image_shape(tensor: Tensor) -> str:
    """``kshot_shape`` of an NHWC tensor; a tensor without rows and columns is one pixel."""
    height, width, channels = (1, 1, *tensor.shape[1:])[-3:]
    return shape_of(height=height, width=width, channels=channels)


def shape_of(**fields: int) -> str:
    """``kshot_shape``."""
    return "{" + ", ".join(f".{name} = {integer(value, 'uint16_t')}" for name, value in fields.items()) + "}"


def window_of(
    op: Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D,
    height: int,
    width: int,
    dilation_height: int,
    dilation_width: int,
) -> str:
    """``kshot_window``."""
    narrow = {
        "stride_height": op.stride_height,
        "stride_width": op.stride_width,
        "dilation_height": dilation_height,
        "dilation_width": dilation_width,
        "pad_top": op.padding.top,
        "pad_left": op.padding.left,
    }
    wide = {"height": height, "width": width}
    items = [f".{name} = {integer(value, 'uint16_t')}" for name, value in wide.items()]
    items += [f".{name} = {integer(value, 'uint8_t')}" for name, value in narrow.items()]
    return "{" + ", ".join(items[:4]) + ",\n               " + ", ".join(items[4:]) + "}"
