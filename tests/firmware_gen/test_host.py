"""The compiled C equals the NumPy reference, through networks and through the learner's own calls."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import numpy as np
import pytest
from tiny_graphs import random_graph, reshape_only, tiny_conv, tiny_dense, tiny_embedding

from firmware_gen import host_structs
from firmware_gen.emit import generate
from firmware_gen.host import DeviceError, EnrolledClass, HostLibrary
from firmware_gen.host_build import HostBuildError
from firmware_gen.source_tree import SourceTree
from quantize.artifact import Int8Embedding
from quantize.learners import prototypes
from quantize.reference import run

pytestmark = pytest.mark.needs("gcc")

GRAPHS = {
    "tiny_conv": tiny_conv(),
    "tiny_dense": tiny_dense(),
    "long_output": tiny_dense(outputs=300),
    "host": reshape_only(),  # a name that the library's own functions must not mind
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("libraries")


@pytest.fixture(scope="module")
def tiny(folder) -> HostLibrary:
    return HostLibrary(generate(tiny_embedding(tiny_conv()), name="tiny_conv"), folder)


def _random_inputs(graph, count: int) -> np.ndarray:
    shape = (count, *graph.input_tensor.shape[1:])
    return np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)


@pytest.mark.parametrize("name", GRAPHS)
def test_embed_equals_reference(name, folder):
    """Every operator, and a network that is a mere copy, gives the reference's bytes on random inputs."""
    graph = GRAPHS[name]
    library = HostLibrary(generate(tiny_embedding(graph), name=name), folder)
    inputs = _random_inputs(graph, 2000)
    np.testing.assert_array_equal(library.embed(inputs), run(graph, inputs).reshape(len(inputs), -1))
    assert library.learns == (name != "long_output")


@pytest.mark.parametrize("seed", range(4))
def test_random_networks_equal_reference(seed, folder):
    """Long random networks, whose arena is shared by dozens of tensors, are exact from end to end."""
    graph = random_graph(seed)
    library = HostLibrary(generate(tiny_embedding(graph, examples=0), name=f"random_{seed}"), folder)
    inputs = _random_inputs(graph, 200)
    expected = run(graph, inputs).reshape(len(inputs), -1)
    np.testing.assert_array_equal(library.embed(inputs), expected)
    assert len(np.unique(expected)) > 3


@pytest.mark.needs("mlperf")
@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8"])
def test_mlperf_tiny_equals_reference(name, folder):
    """The four MLPerf Tiny models, as published, are exact."""
    embedding = Int8Embedding.from_tflite(Path(os.environ["KSHOT_DATA"]) / "mlperf_tiny" / f"{name}.tflite")
    library = HostLibrary(generate(embedding, name=f"net_{name}"), folder)
    inputs = _random_inputs(embedding.graph, 12)
    np.testing.assert_array_equal(library.embed(inputs), run(embedding.graph, inputs).reshape(len(inputs), -1))
    assert library.fingerprint == embedding.fingerprint


def test_threads_do_not_matter(tiny):
    """Any number of threads gives the same embeddings, also none and more threads than inputs."""
    inputs = _random_inputs(tiny_conv(), 33)
    expected = tiny.embed(inputs, threads=1)
    for threads in (2, 7, 100):
        np.testing.assert_array_equal(tiny.embed(inputs, threads=threads), expected)
    assert tiny.embed(inputs[:0]).shape == (0, 4)


@pytest.mark.parametrize(("n_way", "k_shot"), [(1, 1), (5, 1), (5, 5), (20, 3)])
def test_episodes_equal_the_numpy_learner(tiny, n_way, k_shot):
    """Answers, through the device's enroll and classify calls, are those of the NumPy learner."""
    rng = np.random.default_rng(n_way)
    for spread in (3, 127):  # narrow embeddings bring ties
        support = rng.integers(-spread - 1, spread + 1, (n_way, k_shot, 4)).astype(np.int8)
        queries = rng.integers(-spread - 1, spread + 1, (200, 4)).astype(np.int8)
        answers = tiny.run_episode(support, queries)
        expected = prototypes.Prototypes().answer(support, queries)
        assert answers.differing(expected) == 0
        np.testing.assert_array_equal(tiny.classify(support, queries), answers.ways)
        assert (answers.margins == 2**32 - 1).all() == (n_way == 1)


def test_device_api(tiny):
    """A class can be taught, asked about, listed, taught more, and forgotten; an aborted enrollment leaves no trace."""
    near, far = np.full((8, 8, 1), -100, np.int8), np.full((8, 8, 1), 100, np.int8)
    device = tiny.learner(max_classes=2)
    device.enroll_begin("wave")
    device.enroll_add(near)
    wave = device.enroll_commit()
    device.enroll_begin("\N{WAVING HAND SIGN}")
    device.enroll_add(far)
    hand = device.enroll_commit()
    assert device.classes() == [EnrolledClass("wave", wave, 1), EnrolledClass("\N{WAVING HAND SIGN}", hand, 1)]
    assert [device.classify(x).class_id for x in (near, far)] == [wave, hand]
    assert device.classify(near).distance == 0
    device.enroll_begin("wave")
    device.enroll_add(far)
    device.enroll_abort()
    assert device.classes()[0].shots == 1
    device.forget(wave)
    assert device.classify(near).class_id == hand
    assert device.classify(near).margin == 2**32 - 1


def test_views_of_arrays_are_taken_as_they_look(tiny):
    """A row of every second value is copied for the call, and lives as long as it."""
    values = np.random.default_rng(2).integers(-128, 128, (50, 8, 8, 2)).astype(np.int8)
    views, copies = tiny.learner(max_classes=1, max_shots=1), tiny.learner(max_classes=1, max_shots=1)
    for device, shot in ((views, values[0, ..., 0]), (copies, values[0, ..., 0].copy())):
        device.enroll_begin("it")
        device.enroll_add(shot[..., None])
        device.enroll_commit()
    for row in values:
        assert views.classify(row[..., :1]) == copies.classify(row[..., :1].copy())


def test_refusals_carry_the_status(tiny):
    """A call that the device refuses raises with the name of its status."""
    device = tiny.learner(max_classes=1)
    with pytest.raises(DeviceError, match="KSHOT_ERROR_EMPTY"):
        device.classify(np.zeros((8, 8, 1), np.int8))
    with pytest.raises(DeviceError, match="KSHOT_ERROR_STATE"):
        device.enroll_abort()
    with pytest.raises(DeviceError, match="KSHOT_ERROR_NOT_FOUND"):
        device.forget(1)


@pytest.mark.parametrize("bad", [np.zeros((2, 8, 8, 1), np.uint8), np.zeros((2, 63), np.int8)])
def test_wrong_inputs_are_refused(tiny, bad):
    """Another dtype or length never reaches the C."""
    with pytest.raises(ValueError, match=r"inputs: .* int8 \[n, 64\]"):
        tiny.embed(bad)
    with pytest.raises(ValueError, match=r"int8 \[n, 4\]"):
        tiny.run_episode(np.zeros((2, 1, 4), np.int8), bad)


def test_embed_only_library_has_no_learner(folder):
    """A model with a long output embeds, and says why it does nothing else."""
    library = HostLibrary(generate(tiny_embedding(tiny_dense(outputs=300)), name="long_output"), folder)
    with pytest.raises(ValueError, match="too long"):
        library.learner()
    with pytest.raises(ValueError, match="too long"):
        library.classify(np.zeros((1, 1, 300), np.int8), np.zeros((1, 300), np.int8))


def test_struct_layouts(tiny):
    """The structs that Python fills are as large as the compiler's."""
    assert ctypes.sizeof(host_structs.ClassStruct) == 28
    assert host_structs.ANSWER.itemsize == 16
    assert host_structs.THRESHOLD.itemsize == 8
    assert host_structs.NOTE.itemsize == 4
    assert (host_structs.VERIFICATION.itemsize, host_structs.VERIFICATION.fields["distance"][1]) == (8, 4)
    assert tiny.input_len == 64
    assert tiny.arena_bytes == 768


def test_same_tree_is_compiled_once(tiny, folder):
    """A second library from the same bytes is the file that is there."""
    before = tiny.path.stat().st_mtime_ns
    again = HostLibrary(generate(tiny_embedding(tiny_conv()), name="tiny_conv"), folder)
    assert again.path == tiny.path
    assert again.path.stat().st_mtime_ns == before


def test_missing_compiler(tmp_path):
    """Without a compiler the error names it and says what to install."""
    with pytest.raises(HostBuildError, match=r"no C compiler 'no-such-cc'.*apt"):
        HostLibrary(SourceTree("m", {}), tmp_path, compiler="no-such-cc")


def test_compiler_message_is_passed_on(tmp_path):
    """What the compiler says about bad C reaches the caller, and nothing is left behind."""
    with pytest.raises(HostBuildError, match=r"failed with status 1:\n[^$]*error:"):
        HostLibrary(SourceTree("m", {"model/m.h": "", "model/m.c": "int broken(\n"}), tmp_path)
    assert list(tmp_path.iterdir()) == []
