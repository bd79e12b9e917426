"""Writes tests/golden again: PYTHONPATH=. python tests/firmware_gen/make_golden.py. Read the diff, then commit."""

from __future__ import annotations

from pathlib import Path

from tiny_graphs import identity, taught_by, tiny_conv, tiny_dense, tiny_embedding

from firmware_gen.emit import generate
from firmware_gen.source_tree import SourceTree
from firmware_gen.store import Geometry, StoreFlash

GOLDEN = Path(__file__).parents[1] / "golden"


def golden_trees() -> list[SourceTree]:
    """One model that learns and keeps its classes, one that only embeds, one with a head that takes steps."""
    head = taught_by(tiny_embedding(identity(4, zero_point=-9), examples=2), "maml")
    flash = StoreFlash("nrf52", Geometry(4096, 4), endurance=10_000)
    return [
        generate(tiny_embedding(tiny_conv(), examples=2), name="tiny_conv", max_classes=5, store=flash),
        generate(tiny_embedding(tiny_dense(outputs=257), examples=0), name="tiny_embed"),
        generate(head, name="tiny_head", max_classes=5, max_shots=3),
    ]


def golden_files(tree: SourceTree) -> dict[str, str]:
    """The C that depends on the model."""
    return {
        p: t for p, t in tree.files.items() if p in {"main.c", "examples.h", "store.json"} or p.startswith("model/")
    }


if __name__ == "__main__":
    for tree in golden_trees():
        SourceTree(tree.name, golden_files(tree)).write(GOLDEN / tree.name)
