"""From a graph that fails to the operator that does: the smallest part that still fails, kept to be looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.graph_generator import RandomGraph
from bench.graph_program import FAULTS, PASSED, GraphCase, Variant, marks
from quantize import oracles
from quantize.from_tflite import read_tflite
from quantize.graph import Int8Graph
from quantize.tflite_writer import write_tflite

_ARENA_BYTES = 1 << 20


@dataclass(frozen=True)
class Failure:
    """What is told of a graph that failed.

    Attributes
    ----------
    graph : str
        Its name, ``seed-number``.
    variant : str
    fault : str
        A value of `FAULTS`.
    operators : tuple of str
        What is left of it; after shrinking most often one operator.
    folder : Path
        ``model.tflite``, ``inputs.npy``, ``expected.npy`` and ``operators.json`` of what is left.
    """

    graph: str
    variant: str
    fault: str
    operators: tuple[str, ...]
    folder: Path


def answered(made: RandomGraph) -> GraphCase:
    """A graph with what TensorFlow Lite Micro makes of its inputs."""
    outputs = oracles.tflite_micro_outputs(made.model, made.inputs, arena_bytes=_ARENA_BYTES)
    return GraphCase(made, outputs.reshape(len(outputs), -1))


def shrink(case: GraphCase, variant: Variant, folder: Path) -> GraphCase:
    """The operator at which `case` begins to fail, alone where that is enough; or `case` itself."""
    prefixes = [_part(case.made, 0, end) for end in range(1, len(case.made.graph.ops) + 1)]
    failing = [i for i, mark in enumerate(marks(prefixes, variant, folder)) if mark != PASSED]
    if not failing:
        return case
    last = failing[0] + 1
    shorter = [_part(case.made, start, last) for start in range(1, last) if _is_closed(case.made.graph, start, last)]
    found = [part for part, mark in zip(shorter, marks(shorter, variant, folder), strict=True) if mark != PASSED]
    return found[-1] if found else prefixes[last - 1]


def keep(case: GraphCase, least: GraphCase, mark: str, variant: Variant, *, kept: Path) -> Failure:
    """Write what is `least` of a failing graph below `kept`."""
    folder = kept / f"{case.made.name}-{variant.name}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(least.made.model)
    np.save(folder / "inputs.npy", least.made.inputs)
    np.save(folder / "expected.npy", least.outputs)
    described = list(_described(least.made.graph))
    (folder / "operators.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    operators = tuple(f"{d['operator']} {d['input']} -> {d['output']}" for d in described)
    return Failure(case.made.name, variant.name, FAULTS[mark], operators, folder)


def _is_closed(graph: Int8Graph, start: int, end: int) -> bool:
    """Whether the ops from `start` to before `end` read nothing older but what op `start` reads."""
    source = graph.ops[start].inputs[0]
    known = {source} | {op.output for op in graph.ops[start:end]}
    return all(tensor in known for op in graph.ops[start:end] for tensor in op.inputs)


def _part(made: RandomGraph, start: int, end: int) -> GraphCase:
    """Ops `start` to before `end`, on the inputs that the whole graph gives them."""
    graph = made.graph
    source = graph.ops[start].inputs[0]
    inputs = made.inputs
    if source != graph.input:
        before = Int8Graph(graph.tensors, graph.ops[:start], graph.input, source)
        inputs = oracles.tflite_micro_outputs(write_tflite(before), inputs, arena_bytes=_ARENA_BYTES)
    model = write_tflite(Int8Graph(graph.tensors, graph.ops[start:end], source, graph.ops[end - 1].output))
    return answered(RandomGraph(made.name, model, read_tflite(model), inputs))


def _described(graph: Int8Graph) -> Iterator[dict[str, object]]:
    for op in graph.ops:
        source, target = graph.tensors[op.inputs[0]], graph.tensors[op.output]
        yield {
            "operator": type(op).__name__,
            "input": "x".join(map(str, source.shape[1:])),
            "output": "x".join(map(str, target.shape[1:])),
            "input_quantization": asdict(source.quant),
            "output_quantization": asdict(target.quant),
            **{key: value for key, value in asdict(op).items() if key not in ("name", "inputs", "output")},
        }
