"""`EpisodeList`: the episodes of several tasks, drawn once and stored, so that whatever is compared answers the same.

The file is an ``.npz``: a JSON header with the data set's SHA-256 and how the episodes were drawn, and for each task
the arrays ``TASK/classes``, ``TASK/support`` and ``TASK/query`` of its episodes, one row an episode.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.artifact import ArtifactError
from trainer.episodes import Episode

FORMAT = "kshot-episodes"
VERSION = 1
_HEADER = "header"
_ARRAYS = ("classes", "support", "query")


@dataclass(frozen=True)
class Protocol:
    """How the episodes of a list were drawn.

    Attributes
    ----------
    dataset_sha256 : str
        Of the images that they index, before rotation.
    rotations : bool
        Whether the images turned by 90, 180 and 270 degrees stand behind those, as classes of their own.
    seed : int
    episodes : int
        Of each task.
    n_query : int
        Queries of each class in an episode.

    Raises
    ------
    ValueError
        If there are no episodes or queries.
    """

    dataset_sha256: str
    rotations: bool
    seed: int
    episodes: int
    n_query: int

    def __post_init__(self) -> None:
        if self.episodes < 2 or self.n_query < 1 or self.seed < 0:
            raise ValueError(
                f"{self.episodes} episodes with {self.n_query} queries from seed {self.seed}; "
                "at least 2, 1 and 0 are needed"
            )


@dataclass(frozen=True, eq=False)
class EpisodeList:
    """Episodes by the name of their task, `Protocol.episodes` of each."""

    protocol: Protocol
    tasks: Mapping[str, Sequence[Episode]]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. The same list gives the same bytes."""
        header = {"format": FORMAT, "version": VERSION, "tasks": list(self.tasks), **vars(self.protocol)}
        arrays: dict[str, npt.NDArray[Any]] = {_HEADER: np.array(json.dumps(header))}
        for task, episodes in self.tasks.items():
            for name in _ARRAYS:
                arrays[f"{task}/{name}"] = np.stack([getattr(e, name) for e in episodes]).astype(np.int32)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            staged = Path(scratch) / "episodes.npz"
            np.savez_compressed(staged, **arrays)
            staged.replace(path)

    @classmethod
    def load(cls, path: Path, *, dataset_sha256: str, rotations: bool, labels: npt.NDArray[np.int64]) -> EpisodeList:
        """Read a file that `save` wrote, and check every episode.

        Parameters
        ----------
        path : Path
        dataset_sha256, rotations
            What the list must have been drawn from; see `Protocol`.
        labels : int64 [n]
            The class of each image that an episode may index.

        Raises
        ------
        ArtifactError
            If the file is missing, damaged or of another version, was drawn from other images, or an episode is none.
        """
        arrays = _read(path)
        try:
            header = json.loads(str(arrays.pop(_HEADER)))
            if header.pop("format") != FORMAT:
                raise ArtifactError(f"{path} is no list of episodes; `kshot compare` writes one")
            if (version := header.pop("version")) != VERSION:
                raise ArtifactError(f"{path} has version {version}, this kshot reads {VERSION}: name another file")
            names, protocol = header.pop("tasks"), Protocol(**header)
            _check_source(path, protocol, dataset_sha256, rotations)
            tasks = {
                str(task): _episodes({name: arrays[f"{task}/{name}"] for name in _ARRAYS}, protocol, labels)
                for task in names
            }
        except ArtifactError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ArtifactError(f"{path} is damaged: {error}") from error
        return cls(protocol, tasks)


def _check_source(path: Path, protocol: Protocol, dataset_sha256: str, rotations: bool) -> None:
    if protocol.dataset_sha256 != dataset_sha256:
        raise ArtifactError(
            f"{path} holds episodes of other data (SHA-256 {protocol.dataset_sha256[:12]}..., not "
            f"{dataset_sha256[:12]}...); name another file"
        )
    if protocol.rotations != rotations:
        drawn = "with" if protocol.rotations else "without"
        raise ArtifactError(f"{path} holds episodes {drawn} rotations as classes; name another file")


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise ArtifactError(f"{path} does not exist; `kshot compare` writes it") from None
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise ArtifactError(f"{path} cannot be read as a list of episodes: {error}") from error


def _episodes(
    arrays: Mapping[str, npt.NDArray[Any]], protocol: Protocol, labels: npt.NDArray[np.int64]
) -> list[Episode]:
    """The episodes of one task; each must be one over images with these labels."""
    if any(array.dtype != np.int32 for array in arrays.values()):
        raise ValueError("indices are not int32")
    classes, support, query = (arrays[name].astype(np.int64) for name in _ARRAYS)
    if not len(classes) == len(support) == len(query) == protocol.episodes or query.shape[2] != protocol.n_query:
        raise ValueError(f"{len(classes)} episodes of {query.shape[2:]} queries, described are others")
    if min(support.min(), query.min()) < 0 or max(support.max(), query.max()) >= len(labels):
        raise ValueError(f"an image beyond the {len(labels)} that there are")
    if (labels[support] != classes[:, :, None]).any() or (labels[query] != classes[:, :, None]).any():
        raise ValueError("an image of another class than its episode says")
    return [Episode(*row) for row in zip(classes, support, query, strict=True)]
