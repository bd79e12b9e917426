"""The counting firmware behind `kshot bench`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firmware_gen.costs import macs
from firmware_gen.counting import count
from firmware_gen.emit import generate
from firmware_gen.targets import TARGETS
from quantize import reference
from quantize.artifact import Int8Embedding
from quantize.graph import Add, Conv2D, FullyConnected, Int8Graph, QuantParams, Tensor
from trainer.artifact import InputSpec


def _graph() -> Int8Graph:
    """A convolution, a sum and a dense layer: 6x6x4 -> 3."""
    rng = np.random.default_rng(1)
    one = QuantParams((0.05,), (0,))
    small = QuantParams((0.004,), (0,))

    def weights(*shape: int) -> Tensor:
        return Tensor("weights", shape, "int8", small, rng.integers(-127, 128, shape).astype(np.int8))

    tensors = (
        *(Tensor(f"image{i}", (1, 6, 6, 4), "int8", one) for i in range(3)),
        *(Tensor("output", (1, 3), "int8", one), weights(4, 1, 1, 4), weights(3, 144)),
    )
    ops = (
        Conv2D(name="conv", inputs=(0,), output=1, weights=4, bias=None),
        Add(name="add", inputs=(1, 0), output=2),
        FullyConnected(name="dense", inputs=(2,), output=3, weights=5, bias=None),
    )
    return Int8Graph(tensors, ops, 0, 3)


def test_multiplications_are_counted_by_shape() -> None:
    """Outputs times the inputs of one filter; a sum has none."""
    graph = _graph()
    assert [macs(graph, op) for op in graph.ops] == [36 * 4 * 4, 0, 3 * 144]


@pytest.mark.needs("arm-gcc", "qemu")
@pytest.mark.parametrize("target", ["m0", "m4", "m55"])
def test_layers_add_up_to_the_network(tmp_path: Path, target: str) -> None:
    """Outputs are right, each layer is counted, their sum is the whole, and only the network's own code is."""
    graph = _graph()
    tree = generate(Int8Embedding(graph=graph, input=InputSpec((6, 6, 4))), name="counted")
    inputs = np.random.default_rng(2).integers(-128, 128, (3, 6, 6, 4)).astype(np.int8)
    counted = count(tree, TARGETS[target], tmp_path, inputs)
    np.testing.assert_array_equal(counted.embeddings, reference.run(graph, inputs))
    assert len(counted.layers) == len(graph.ops)
    assert abs(counted.layers.sum() - counted.instructions[-1]) < 600  # readings of the clock, and the calls themselves
    assert counted.layers.min() > 0
    flash = (tmp_path / "build").rglob("*.bin")
    assert 500 < counted.code_bytes < max(path.stat().st_size for path in flash) - counted.constant_bytes
