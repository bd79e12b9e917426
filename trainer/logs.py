"""Curves for TensorBoard, written through TensorFlow alone: only to look at them takes the package `tensorboard`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainer.backend import load_tensorflow


class EventLog:
    """Event files in a folder; use it as a context manager, so that the last values reach the disk."""

    def __init__(self, folder: Path) -> None:
        self._tf = load_tensorflow()
        self._writer = self._tf.summary.create_file_writer(str(folder))

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Append one point to each curve."""
        summary = self._tf.compat.v1.Summary()
        for tag, value in values.items():
            summary.value.add(tag=tag, simple_value=value)
        with self._writer.as_default():
            self._tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=step)
