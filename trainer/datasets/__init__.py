"""Images of many classes: sources, and splits whose classes are disjoint."""

from __future__ import annotations

from trainer.datasets.dataset import Dataset, DatasetError

__all__ = ["Dataset", "DatasetError"]
