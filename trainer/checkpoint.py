"""Checkpoints: the whole state of a training in one ``.npz``, replaced atomically, read without unpickling."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

VERSION = 1
CHECKPOINT_FILE = "checkpoint.npz"

Arrays = Sequence[npt.NDArray[Any]]


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged or of another training; the message names the file and the way out."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """State of a training between two steps.

    Attributes
    ----------
    identity : str
        Digest of options and data: a checkpoint continues the training that it is of, and no other.
    variables : sequence of ndarray
        Everything that a step changes, in the order of `trainer.stepper.Stepper.variables`.
    best : sequence of ndarray
        Weights of the best validation so far, or nothing.
    scalars : mapping of str to float
        Counters of the loop around the steps.
    """

    identity: str
    variables: Arrays
    best: Arrays
    scalars: Mapping[str, float]

    def save(self, folder: Path) -> None:
        """Write ``checkpoint.npz``; an older one stays whole until the new one is complete."""
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"partial-{CHECKPOINT_FILE}"
        head = {
            "version": VERSION,
            "identity": self.identity,
            "variables": len(self.variables),
            "best": len(self.best),
            "scalars": dict(self.scalars),
        }
        arrays = [*self.variables, *self.best]
        np.savez(partial, head=np.array(json.dumps(head)), **{f"array{i}": a for i, a in enumerate(arrays)})
        partial.replace(folder / CHECKPOINT_FILE)

    @classmethod
    def load(cls, folder: Path, *, identity: str) -> Checkpoint:
        """Read the checkpoint of the training `identity`.

        Raises
        ------
        CheckpointError
            If there is none, it cannot be read, or it belongs to other options or data.
        """
        path = folder / CHECKPOINT_FILE
        if not path.is_file():
            raise CheckpointError(f"{path} does not exist: there is no interrupted training here to resume")
        try:
            with np.load(path, allow_pickle=False) as stored:
                head = json.loads(str(stored["head"]))
                arrays = [stored[f"array{i}"] for i in range(head["variables"] + head["best"])]
                version, found, scalars = head["version"], head["identity"], head["scalars"]
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(f"{path} is damaged ({error}); train without resuming") from error
        if version != VERSION:
            raise CheckpointError(f"{path} has version {version}, this kshot reads {VERSION}; train without resuming")
        if found != identity:
            raise CheckpointError(
                f"{path} belongs to a training with other options or data; use those, or do not resume"
            )
        return cls(found, arrays[: head["variables"]], arrays[head["variables"] :], scalars)

    @staticmethod
    def remove(folder: Path) -> None:
        """Delete the checkpoint of a finished training."""
        (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
