"""The kernels of other sets, compiled for this machine, against the NumPy reference on shapes that nobody chose."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from runtime_compilers import C_WARNINGS, RUNTIME, run
from runtime_ctypes import Channels as CChannels
from runtime_ctypes import Runtime
from tiny_graphs import GraphBuilder
from vectors.make_kernels import KERNELS, params

from firmware_gen.kernel_sets import KernelSet
from firmware_gen.lowering import LoweredOp, lower
from firmware_gen.lowering.channels import Channels
from firmware_gen.lowering.dsp import DspAdd, DspConv, DspDense, DspDepthwise, DspMaxPool
from firmware_gen.lowering.helium import HeliumConv, HeliumDense, HeliumDepthwise, HeliumOp, HeliumPlain
from firmware_gen.lowering.scalar import ScalarConv, ScalarDepthwise
from quantize import reference
from quantize.graph import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Int8Graph,
    MaxPool2D,
    Mean,
    Op,
    Padding,
)

pytestmark = pytest.mark.needs("gcc")

_MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
_STEPS = ("stride_height", "stride_width", "dilation_height", "dilation_width")
_ZERO_POINT = st.integers(-128, 127)
_LIMITS = st.just((-128, 127)) | st.tuples(st.integers(-128, 0), st.integers(1, 127))
_SCALE = st.sampled_from([0.001, 0.05, 0.3])


@dataclass(frozen=True)
class Library:
    """The runtime with one set of kernels."""

    kernels: KernelSet
    runtime: Runtime


@pytest.fixture(
    scope="module",
    params=[("dsp", ()), ("scalar", ()), ("scalar", ("-DKSHOT_MULTIPLY_BY_HALVES",)), ("helium", ())],
    ids=["dsp", "scalar", "scalar-by-halves", "helium"],
)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Each set of kernels in C."""
    kernels, defines = request.param
    return _compiled(kernels, defines, tmp_path_factory.mktemp(kernels))


@pytest.fixture(scope="module", params=["dsp", "helium"])
def vectors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The sets that compute several values at once, in C."""
    return _compiled(request.param, (), tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def helium(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The Helium kernels in C."""
    return _compiled("helium", (), tmp_path_factory.mktemp("helium"))


def _compiled(kernels: KernelSet, defines: tuple[str, ...], folder: Path) -> Library:
    """Compile the files of the set for this machine; undefined behaviour stops the process."""
    path = folder / "kernels.so"
    files = sorted(RUNTIME.glob(f"kshot_{kernels}_*.c"))
    chosen = (f"-DKSHOT_KERNELS=KSHOT_KERNELS_{kernels.upper()}", *defines)
    checks = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error", "-O2")
    run("gcc", "-std=c99", *C_WARNINGS, *checks, *chosen, "-fPIC", "-shared", f"-I{RUNTIME}", *files, "-o", path)
    return Library(kernels, Runtime(path))


def _channels(channels: Channels) -> np.ndarray[Any, Any]:
    packed = np.zeros(len(channels.start), np.dtype(CChannels))
    for name, values in vars(channels).items():
        packed[name] = values.view(np.uint8) if values.dtype == np.int8 else values
    return packed


def _shared_fields(graph: Int8Graph, lowered: LoweredOp) -> dict[str, Any]:
    op: Any = graph.ops[0]
    zero_point = graph.output_tensor.quant.zero_point
    output = {"output_zero_point": zero_point} if isinstance(lowered, HeliumOp) else {"rounding": 2 * zero_point + 1}
    return {"activation_min": op.activation_min, "activation_max": op.activation_max, **output}


def _image(shape: tuple[int, ...]) -> dict[str, int]:
    return dict(zip(("height", "width", "channels"), (1, 1, *shape[1:])[-3:], strict=True))


def _conv_fields(graph: Int8Graph, conv: DspConv | ScalarConv | HeliumConv) -> dict[str, Any]:
    op: Any = graph.ops[0]
    window = dict.fromkeys(("height", "width", *_STEPS), 1)
    if isinstance(op, Conv2D):
        window |= {name: getattr(op, name) for name in _STEPS}
        window["height"], window["width"] = graph.tensors[op.weights].shape[1:3]
        window |= {"pad_top": op.padding.top, "pad_left": op.padding.left}
    return {
        "input": _image(graph.input_tensor.shape),
        "output": _image(graph.output_tensor.shape),
        "window": window,
        **({} if isinstance(conv, HeliumConv) else {"quads": conv.quads}),
        "input_zero_point": graph.input_tensor.quant.zero_point,
        "weights": conv.weights,
        "channels": _channels(conv.channels),
    }


def _dense_fields(graph: Int8Graph, dense: DspDense | HeliumDense) -> dict[str, Any]:
    return {
        "input_len": graph.input_tensor.size,
        "output_len": graph.output_tensor.size,
        "weights": dense.weights,
        "channels": _channels(dense.channels),
    }


def _depthwise_fields(graph: Int8Graph, depthwise: DspDepthwise | ScalarDepthwise | HeliumDepthwise) -> dict[str, Any]:
    return {
        "channels": len(depthwise.weights),
        "outer": asdict(depthwise.lines.outer),
        "inner": asdict(depthwise.lines.inner),
        "input_zero_point": graph.input_tensor.quant.zero_point,
        "weights": depthwise.weights,
        "groups": _channels(depthwise.channels),
    }


def _kernel(graph: Int8Graph, lowered: LoweredOp) -> tuple[str, dict[str, Any]]:
    shared = _shared_fields(graph, lowered)
    match lowered:
        case HeliumConv(is_pointwise=True):
            return "pointwise_conv2d", _conv_fields(graph, lowered) | shared
        case DspConv() | ScalarConv() | HeliumConv():
            return "conv2d", _conv_fields(graph, lowered) | shared
        case DspDense() | HeliumDense():
            return "fully_connected", _dense_fields(graph, lowered) | shared
        case DspDepthwise() | ScalarDepthwise() | HeliumDepthwise():
            return "depthwise3x3", _depthwise_fields(graph, lowered) | shared
        case DspAdd() | DspMaxPool() | HeliumPlain():
            raise TypeError("takes the constants of the portable kernel")


def _inputs(graph: Int8Graph, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    inputs = rng.integers(-128, 128, (4, *graph.input_tensor.shape[1:])).astype(np.int8)
    inputs[0], inputs[1] = -128, 127
    return inputs


def _check(library: Library, graph: Int8Graph, rng: np.random.Generator) -> None:
    """Random and extreme inputs: C equals NumPy, also where the output overwrites the input."""
    (lowered,) = lower(graph, library.kernels)
    assert lowered is not None
    if isinstance(lowered, DspAdd | DspMaxPool | HeliumPlain):
        function, fields = KERNELS[type(graph.ops[0])], params(graph, graph.ops[0])
    else:
        function, fields = _kernel(graph, lowered)
    kernel = f"kshot_{library.kernels}_{function}_s8"
    inputs = _inputs(graph, rng)
    expected = reference.run(graph, inputs).reshape(len(inputs), -1)
    for in_place in {False, lowered.in_place}:
        options = {"scratch_bytes": lowered.scratch_bytes, "in_place": in_place}
        actual = [library.runtime.run(kernel, fields, [image], expected.shape[1], **options) for image in inputs]
        np.testing.assert_array_equal(np.stack(actual), expected)


def _window(draw: st.DrawFn, taps: tuple[int, int], dilation: tuple[int, int], strides: int) -> dict[str, Any]:
    sizes, outputs, steps, pads = [], [], [], []
    for axis in (0, 1):
        reach = (taps[axis] - 1) * dilation[axis] + 1
        before, after = (draw(st.integers(0, min(reach - 1, 2))) for _ in range(2))
        size = draw(st.integers(max(reach - before - after, before + 1, after + 1, 1), reach + 9))
        step = draw(st.integers(1, strides))
        sizes.append(size)
        steps.append(step)
        pads += [before, after]
        outputs.append((size + before + after - reach) // step + 1)
    options = {"stride_height": steps[0], "stride_width": steps[1], "padding": Padding(*pads)}
    return {"input": sizes, "output": outputs, "options": options}


@st.composite
def _convolutions(draw: st.DrawFn) -> tuple[Int8Graph, np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    g = GraphBuilder(rng=rng)
    taps = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    image = _window(draw, taps, dilation, 3)
    inputs, outputs = draw(st.integers(1, 13)), draw(st.integers(1, 11))
    source = g.activation(*image["input"], inputs, zero_point=draw(_ZERO_POINT), scale=0.02)
    target = g.activation(*image["output"], outputs, zero_point=draw(_ZERO_POINT), scale=draw(_SCALE))
    low, high = draw(_LIMITS)
    options = {
        "bias": g.bias(outputs) if draw(st.booleans()) else None,
        "dilation_height": dilation[0],
        "dilation_width": dilation[1],
        "activation_min": low,
        "activation_max": high,
    }
    g.op(Conv2D, target, source, weights=g.weights(outputs, *taps, inputs), **options, **image["options"])
    return g.build(source, target), rng


@_MANY
@given(case=_convolutions())
def test_convolutions(library: Library, case: tuple[Int8Graph, np.random.Generator]) -> None:
    """Any window, stride, dilation, padding, zero point, scale, clamp and number of channels."""
    _check(library, *case)


@st.composite
def _depthwise(draw: st.DrawFn) -> tuple[Int8Graph, np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    g = GraphBuilder(rng=rng)
    image = _window(draw, (3, 3), (1, 1), 2)
    channels = 4 * draw(st.integers(1, 3))
    source = g.activation(*image["input"], channels, zero_point=draw(_ZERO_POINT), scale=0.02)
    target = g.activation(*image["output"], channels, zero_point=draw(_ZERO_POINT), scale=draw(_SCALE))
    low, high = draw(_LIMITS)
    limits = {"activation_min": low, "activation_max": high}
    weights, bias = g.weights(1, 3, 3, channels, axis=3), g.bias(channels)
    g.op(DepthwiseConv2D, target, source, weights=weights, bias=bias, **limits, **image["options"])
    return g.build(source, target), rng


@_MANY
@given(case=_depthwise())
def test_depthwise(library: Library, case: tuple[Int8Graph, np.random.Generator]) -> None:
    """Any image, strides of 1 and 2, padding, zero point and clamp, along either axis, and in place."""
    _check(library, *case)


@_MANY
@given(
    inputs=st.integers(1, 70),
    outputs=st.integers(1, 11),
    zero_points=st.tuples(_ZERO_POINT, _ZERO_POINT),
    seed=st.integers(0, 2**32 - 1),
)
def test_fully_connected(library: Library, inputs: int, outputs: int, zero_points: tuple[int, int], seed: int) -> None:
    """Any lengths."""
    g = GraphBuilder(rng=np.random.default_rng(seed))
    source = g.activation(inputs, zero_point=zero_points[0], scale=0.02)
    target = g.activation(outputs, zero_point=zero_points[1], scale=0.05)
    g.op(FullyConnected, target, source, weights=g.weights(outputs, inputs), bias=g.bias(outputs))
    _check(library, g.build(source, target), g.rng)


@_MANY
@given(
    scales=st.tuples(st.floats(1e-3, 1.0), st.floats(1e-3, 1.0), st.floats(1e-2, 4.0)),
    zero_points=st.tuples(_ZERO_POINT, _ZERO_POINT, _ZERO_POINT),
    limits=_LIMITS,
    seed=st.integers(0, 2**32 - 1),
)
def test_add(
    vectors: Library,
    scales: tuple[float, ...],
    zero_points: tuple[int, ...],
    limits: tuple[int, int],
    seed: int,
) -> None:
    """An image and the same image rescaled, under any scales, the sum's a multiple, zero points and clamp."""
    scales = (*scales[:2], scales[2] * max(scales[:2]))
    g = GraphBuilder(rng=np.random.default_rng(seed))
    first, second, target = (
        g.activation(1, 1, 300, scale=scale, zero_point=zero_point)
        for scale, zero_point in zip(scales, zero_points, strict=True)
    )
    g.op(DepthwiseConv2D, second, first, weights=g.weights(1, 1, 1, 300, axis=3), bias=g.bias(300))
    rescaled = g.build(first, second)
    g.op(Add, target, first, second, activation_min=limits[0], activation_max=limits[1])
    graph = g.build(first, target)
    assume(lower(graph, vectors.kernels)[1] is not None)  # scales that cannot be proved are the portable kernel's
    fields = params(graph, graph.ops[1])
    inputs = _inputs(graph, g.rng)
    others, expected = (reference.run(each, inputs).reshape(len(inputs), -1) for each in (rescaled, graph))
    pairs = zip(inputs, others, strict=True)
    kernel = f"kshot_{vectors.kernels}_elementwise_add_s8"
    actual = [vectors.runtime.run(kernel, fields, list(pair), 300) for pair in pairs]
    np.testing.assert_array_equal(np.stack(actual), expected)


@st.composite
def _pools(draw: st.DrawFn, kind: type[Op], channels: st.SearchStrategy[int]) -> tuple[Int8Graph, np.random.Generator]:
    g = GraphBuilder(rng=np.random.default_rng(draw(st.integers(0, 2**32 - 1))))
    taps = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    image = _window(draw, taps, (1, 1), 3)
    depth = draw(channels)
    source, target = (g.activation(*image[end], depth) for end in ("input", "output"))
    low, high = draw(_LIMITS)
    size = {"filter_height": taps[0], "filter_width": taps[1]}
    g.op(kind, target, source, activation_min=low, activation_max=high, **size, **image["options"])
    return g.build(source, target), g.rng


@_MANY
@given(case=_pools(MaxPool2D, st.sampled_from([4, 8, 12, 20])))
def test_max_pool(vectors: Library, case: tuple[Int8Graph, np.random.Generator]) -> None:
    """Any window, stride, padding and clamp."""
    _check(vectors, *case)


@_MANY
@given(case=st.sampled_from([AveragePool2D, MaxPool2D]).flatmap(lambda kind: _pools(kind, st.integers(1, 35))))
def test_pools_with_helium(helium: Library, case: tuple[Int8Graph, np.random.Generator]) -> None:
    """Both kinds, with any number of channels."""
    _check(helium, *case)


@_MANY
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 11)),
    zero_points=st.tuples(_ZERO_POINT, _ZERO_POINT),
    scale=_SCALE,
    seed=st.integers(0, 2**32 - 1),
)
def test_mean_with_helium(
    helium: Library, shape: tuple[int, int, int], zero_points: tuple[int, int], scale: float, seed: int
) -> None:
    """Any image, zero points and scale."""
    g = GraphBuilder(rng=np.random.default_rng(seed))
    source = g.activation(*shape, zero_point=zero_points[0], scale=0.02)
    target = g.activation(shape[2], zero_point=zero_points[1], scale=scale)
    g.op(Mean, target, source, keep_dims=False)
    _check(helium, g.build(source, target), g.rng)


@st.composite
def _any_depthwise(draw: st.DrawFn) -> tuple[Int8Graph, np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    g = GraphBuilder(rng=rng)
    taps = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    image = _window(draw, taps, dilation, 3)
    inputs, factor = draw(st.integers(1, 11)), draw(st.integers(1, 3))
    outputs = inputs * factor
    source = g.activation(*image["input"], inputs, zero_point=draw(_ZERO_POINT), scale=0.02)
    target = g.activation(*image["output"], outputs, zero_point=draw(_ZERO_POINT), scale=draw(_SCALE))
    low, high = draw(_LIMITS)
    options = {
        "bias": g.bias(outputs) if draw(st.booleans()) else None,
        "depth_multiplier": factor,
        "dilation_height": dilation[0],
        "dilation_width": dilation[1],
        "activation_min": low,
        "activation_max": high,
    }
    g.op(DepthwiseConv2D, target, source, weights=g.weights(1, *taps, outputs, axis=3), **options, **image["options"])
    return g.build(source, target), rng


@_MANY
@given(case=_any_depthwise())
def test_any_depthwise_with_helium(helium: Library, case: tuple[Int8Graph, np.random.Generator]) -> None:
    """Any window, stride, dilation, padding, number of channels and multiplier."""
    _check(helium, *case)
