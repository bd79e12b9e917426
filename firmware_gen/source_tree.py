"""`SourceTree`: a generated project as text, before it touches a disk."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType


class SourceTreeError(ValueError):
    """A folder cannot be read as a generated project."""


@dataclass(frozen=True)
class SourceTree:
    """Files of a project.

    Attributes
    ----------
    name : str
        The model's name, which prefixes its symbols and is the stem of its files.
    files : mapping of str to str
        Relative POSIX path -> text; iterates in sorted order.
    learns : bool
        Whether the model comes with the learner, or only embeds.

    Raises
    ------
    ValueError
        If a path is absolute, leaves the tree or is not in normal form, or if one path is a folder of another.
    """

    name: str
    files: Mapping[str, str]
    learns: bool = True

    def __post_init__(self) -> None:
        for path in self.files:
            pure = PurePosixPath(path)
            if pure.is_absolute() or str(pure) != path or ".." in pure.parts or "\\" in path or path == ".":
                raise ValueError(f"{path!r} is not a plain relative path")
            for parent in pure.parents:
                if str(parent) in self.files:
                    raise ValueError(f"{str(parent)!r} is both a file and a folder")
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over paths and texts, in hexadecimal."""
        digest = hashlib.sha256()
        for path, text in self.files.items():
            for part in (path.encode(), text.encode()):
                digest.update(len(part).to_bytes(8, "little") + part)
        return digest.hexdigest()

    def write(self, folder: Path) -> Path:
        """Write every file under `folder` and return it.

        Files that hold the right text already keep their time stamp, so that `make` rebuilds only what changed. Files
        that are not part of the tree are left alone.

        Raises
        ------
        OSError
            If the folder or a file cannot be written.
        """
        for path, text in self.files.items():
            target = folder / path
            data = text.encode()
            if target.is_file() and target.read_bytes() == data:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return folder

    @classmethod
    def read(cls, folder: Path) -> SourceTree:
        """Read a generated project back, with whatever was edited in it.

        What was built in it stays out, and so does what is hidden, such as the files of an editor or of git.

        Raises
        ------
        SourceTreeError
            If the folder holds no generated project, or a file of it is not text.
        """
        makefile = folder / "Makefile"
        text = makefile.read_text(encoding="utf-8", errors="replace") if makefile.is_file() else ""
        model = re.search(r"^MODEL := (\w+)$", text, flags=re.MULTILINE)
        if model is None or not (folder / f"model/{model[1]}.c").is_file():
            raise SourceTreeError(f"{folder} holds no generated project; `kshot generate`, format plain, writes one")
        paths = [p for p in folder.rglob("*") if p.is_file() and not _is_foreign(p.relative_to(folder))]
        try:
            files = {p.relative_to(folder).as_posix(): p.read_bytes().decode() for p in paths}
        except UnicodeDecodeError as error:
            raise SourceTreeError(f"{folder} holds a file that is not text: {error}") from None
        return cls(name=model[1], files=files, learns="-DMODEL_LEARNS=1" in text)


def _is_foreign(path: Path) -> bool:
    """Whether a relative path is no part of a project: a build, or hidden."""
    return path.parts[0] == "build" or (str(path) != ".gitignore" and any(part[0] == "." for part in path.parts))
