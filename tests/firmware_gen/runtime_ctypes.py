"""The runtime's kernels as Python functions: the structs of its headers, filled by their fields' names."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from ctypes import POINTER, c_int8, c_int16, c_int32, c_uint8, c_uint16, c_uint32
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_Int8s = POINTER(c_int8)
_Int32s = POINTER(c_int32)
_ZERO_POINTS = (("input_zero_point", c_int16), ("output_zero_point", c_int16))
_LIMITS = (("activation_min", c_int8), ("activation_max", c_int8))


class Shape(ctypes.Structure):
    _fields_ = (("height", c_uint16), ("width", c_uint16), ("channels", c_uint16))


class Window(ctypes.Structure):
    _fields_ = (
        *((name, c_uint16) for name in ("height", "width")),
        *((name, c_uint8) for name in ("stride_height", "stride_width", "dilation_height", "dilation_width")),
        *((name, c_uint8) for name in ("pad_top", "pad_left")),
    )


class Requantization(ctypes.Structure):
    _fields_ = (("multiplier", _Int32s), ("shift", _Int8s))


_IMAGES = (("input", Shape), ("output", Shape))
_WEIGHTS = (("weights", _Int8s), ("bias", _Int32s), ("requantization", Requantization))


class Conv(ctypes.Structure):
    _fields_ = (*_IMAGES, ("window", Window), *_ZERO_POINTS, *_LIMITS, ("depth_multiplier", c_uint16), *_WEIGHTS)


class Dense(ctypes.Structure):
    _fields_ = (("input_len", c_uint32), ("output_len", c_uint32), *_ZERO_POINTS, *_LIMITS, *_WEIGHTS)


class Pool(ctypes.Structure):
    _fields_ = (*_IMAGES, ("window", Window), *_LIMITS)


class Mean(ctypes.Structure):
    _fields_ = (("input", Shape), *_ZERO_POINTS, ("multiplier", c_int32), ("shift", c_int8))


class Add(ctypes.Structure):
    _fields_ = (
        ("len", c_uint32),
        *((f"{name}_zero_point", c_int16) for name in ("input1", "input2", "output")),
        *((f"{name}_shift", c_int8) for name in ("input1", "input2", "output")),
        ("left_shift", c_int8),
        *((f"{name}_multiplier", c_int32) for name in ("input1", "input2", "output")),
        *_LIMITS,
    )


class Pad(ctypes.Structure):
    _fields_ = (*_IMAGES, ("pad_top", c_uint16), ("pad_left", c_uint16), ("zero_point", c_int8))


class Softmax(ctypes.Structure):
    _fields_ = (
        *(("rows", c_uint32), ("row_len", c_uint32)),
        *(("multiplier", c_int32), ("left_shift", c_int8), ("diff_min", c_int32)),
    )


class Channels(ctypes.Structure):
    _fields_ = (("start", c_int32 * 4), ("multiplier", c_int32 * 4), ("shift", c_uint8 * 4))


_LOWERED_LIMITS = (("input_zero_point", c_int8), *_LIMITS, ("rounding", c_int16))
_Channels = POINTER(Channels)


class DspConv(ctypes.Structure):
    _fields_ = (
        *(*_IMAGES, ("window", Window), ("quads", c_uint16), *_LOWERED_LIMITS),
        *(("weights", POINTER(c_uint32)), ("channels", _Channels)),
    )


class ScalarConv(ctypes.Structure):
    _fields_ = (
        *(*_IMAGES, ("window", Window), ("quads", c_uint16), *_LOWERED_LIMITS),
        *(("weights", POINTER(c_uint8)), ("channels", _Channels)),
    )


class DspDense(ctypes.Structure):
    _fields_ = (
        *(("input_len", c_uint32), ("output_len", c_uint32), *_LIMITS, ("rounding", c_int16)),
        *(("weights", POINTER(c_uint32)), ("channels", _Channels)),
    )


class Axis(ctypes.Structure):
    _fields_ = (
        *((name, c_uint16) for name in ("input_len", "output_len")),
        *((name, c_uint32) for name in ("input_step", "output_step")),
        *((name, c_uint8) for name in ("stride", "pad")),
    )


class Depthwise(ctypes.Structure):
    _fields_ = (
        *(("channels", c_uint16), ("outer", Axis), ("inner", Axis), *_LOWERED_LIMITS),
        *(("weights", _Int8s), ("groups", _Channels)),
    )


_HELIUM_LIMITS = (*((name, c_int8) for name in ("input_zero_point", "output_zero_point")), *_LIMITS)
_HELIUM_CONSTANTS = (("weights", _Int8s), ("channels", _Channels))


class HeliumConv(ctypes.Structure):
    _fields_ = (*_IMAGES, ("window", Window), *_HELIUM_LIMITS, *_HELIUM_CONSTANTS)


class HeliumDense(ctypes.Structure):
    _fields_ = (("input_len", c_uint32), ("output_len", c_uint32), *_HELIUM_LIMITS[1:], *_HELIUM_CONSTANTS)


class HeliumDepthwise(ctypes.Structure):
    _fields_ = (
        *(("channels", c_uint16), ("outer", Axis), ("inner", Axis), *_HELIUM_LIMITS),
        *(("weights", _Int8s), ("groups", _Channels)),
    )


STRUCTS: Mapping[str, type[ctypes.Structure]] = {
    "kshot_conv2d_s8": Conv,
    "kshot_depthwise_conv2d_s8": Conv,
    "kshot_fully_connected_s8": Dense,
    "kshot_average_pool2d_s8": Pool,
    "kshot_max_pool2d_s8": Pool,
    "kshot_mean_hw_s8": Mean,
    "kshot_elementwise_add_s8": Add,
    "kshot_pad_hw_s8": Pad,
    "kshot_softmax_rows_s8": Softmax,
}
LOWERED_STRUCTS: Mapping[str, type[ctypes.Structure]] = {
    "kshot_dsp_conv2d_s8": DspConv,
    "kshot_dsp_elementwise_add_s8": Add,
    "kshot_dsp_max_pool2d_s8": Pool,
    "kshot_dsp_fully_connected_s8": DspDense,
    "kshot_dsp_depthwise3x3_s8": Depthwise,
    "kshot_helium_average_pool2d_s8": Pool,
    "kshot_helium_conv2d_s8": HeliumConv,
    "kshot_helium_depthwise3x3_s8": HeliumDepthwise,
    "kshot_helium_depthwise_conv2d_s8": Conv,
    "kshot_helium_elementwise_add_s8": Add,
    "kshot_helium_fully_connected_s8": HeliumDense,
    "kshot_helium_max_pool2d_s8": Pool,
    "kshot_helium_mean_hw_s8": Mean,
    "kshot_helium_pointwise_conv2d_s8": HeliumConv,
    "kshot_scalar_conv2d_s8": ScalarConv,
    "kshot_scalar_depthwise3x3_s8": Depthwise,
}


class Runtime:
    """The runtime as a shared library."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))

    def run(
        self,
        kernel: str,
        fields: Mapping[str, Any],
        inputs: Sequence[npt.NDArray[np.int8]],
        output_len: int,
        *,
        scratch_bytes: int = 0,
        in_place: bool = False,
    ) -> npt.NDArray[np.int8]:
        """Call a kernel with a struct of these fields; bytes behind output and scratch must not change.

        With `in_place` the output is the first input.
        """
        guard = 64
        output = np.full(max(output_len, inputs[0].size if in_place else 0) + guard, 85, np.int8)
        if in_place:
            output[: inputs[0].size] = inputs[0].ravel()
        keep: list[Any] = []
        struct = _filled({**STRUCTS, **LOWERED_STRUCTS}[kernel], fields, keep)
        keep += [np.ascontiguousarray(array, np.int8) for array in inputs]
        operands = [output] if in_place else keep[-len(inputs) :]
        scratch = np.full(-(-scratch_bytes // 4) + guard, 0x55555555, np.uint32)
        pointers = [array.ctypes.data_as(_Int8s) for array in (*operands, output, scratch)]
        self._library[kernel](ctypes.byref(struct), *(pointers if scratch_bytes else pointers[:-1]))
        assert (output[-guard:] == 85).all(), "written behind the output"
        assert in_place or (output[output_len:] == 85).all(), "written behind the output"
        assert (scratch.view(np.uint8)[scratch_bytes:] == 0x55).all(), "written behind the scratch"
        return output[:output_len]

    def batch(self, name: str, *arguments: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Call a function of arithmetic_batch.c on arrays of one length."""
        arrays = [np.ascontiguousarray(array, np.int32) for array in arguments]
        output = np.empty_like(arrays[0])
        self._library[f"batch_{name}"](
            c_uint32(len(output)), *(array.ctypes.data_as(_Int32s) for array in (*arrays, output))
        )
        return output


def _filled(kind: type[ctypes.Structure], fields: Mapping[str, Any], keep: list[Any]) -> ctypes.Structure:
    """A struct with exactly these fields; `keep` holds what its pointers point to."""
    names = {name for name, _ in kind._fields_}
    assert set(fields) <= names, f"{kind.__name__} has no {set(fields) - names}"
    struct = kind()
    for name, ctype in kind._fields_:
        value = fields.get(name)
        if value is None:
            continue
        if isinstance(value, Mapping):
            setattr(struct, name, _filled(ctype, value, keep))
        elif ctype in (_Int8s, _Int32s):
            array = np.ascontiguousarray(value, np.int8 if ctype is _Int8s else np.int32)
            keep.append(array)
            setattr(struct, name, array.ctypes.data_as(ctype))
        elif isinstance(value, np.ndarray):  # already laid out as C reads it
            keep.append(value)
            setattr(struct, name, value.ctypes.data_as(ctype))
        else:
            assert ctype(value).value == value, f"{name} = {value} does not fit"
            setattr(struct, name, value)
    return struct
