"""Packages: the generated C in the form that a build system of others takes in.

A format is a folder of ``templates/packages``. Its files are rendered to the same place in the package, ``NAME`` in a
path being the model's name; beside them stand the model's and the runtime's sources, in the folders that the format
has for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from firmware_gen.templating import render, templates

PLAIN = "plain"


class UnknownFormatError(ValueError):
    """No package format of this name."""


@dataclass(frozen=True)
class Publisher:
    """Who a package says that it is from.

    Attributes
    ----------
    author : str
        One line.
    url : str
        Home page; some formats refuse a package without one.

    Raises
    ------
    ValueError
        If a text is not one printable line, or `url` does not begin with http:// or https://.
    """

    author: str = "The kshot developers"
    url: str = "https://example.com/kshot"

    def __post_init__(self) -> None:
        if not self.author.isprintable() or not self.author.strip():
            raise ValueError(f"author {self.author!r}: use one line of text")
        if not re.fullmatch(r"https?://[!-~]+", self.url):
            raise ValueError(f"url {self.url!r}: use a web address that begins with https:// or http://")


@dataclass(frozen=True)
class Format:
    """How one build system wants its packages.

    Attributes
    ----------
    title : str
        For people.
    example : str
        Folder of the example program.
    flat : str or None
        The one folder that all sources lie in; None keeps ``model`` and ``kshot`` apart.
    """

    title: str
    example: str
    flat: str | None = None

    def place(self, path: str) -> str:
        """Where a source of the model or the runtime lies in the package."""
        return path if self.flat is None else f"{self.flat}/{PurePosixPath(path).name}"


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "arduino": Format("Arduino library", "examples/enroll", "src"),
        "platformio": Format("PlatformIO library", "examples/enroll/src", "src"),
        "zephyr": Format("Zephyr module", "samples/enroll/src"),
        "cmsis-pack": Format("CMSIS-Pack", "example"),
        "esp-idf": Format("ESP-IDF component", "examples/enroll/main"),
    }
)
"""The formats beside plain C, which `firmware_gen.emit` lays out itself."""


def package_files(
    name: str, sources: Mapping[str, str], context: Mapping[str, Any], publisher: Publisher
) -> dict[str, str]:
    """Lay out a package.

    Parameters
    ----------
    name : str
        Of the format.
    sources : mapping of str to str
        ``model/...`` and ``kshot/...``: relative POSIX path -> text.
    context : mapping
        What the templates name; `firmware_gen.emit` makes it.
    publisher : Publisher

    Returns
    -------
    dict
        Relative POSIX path -> text.

    Raises
    ------
    UnknownFormatError
        If there is no format of this name.
    """
    if name not in FORMATS:
        raise UnknownFormatError(f"format {name!r}: use {', '.join((PLAIN, *FORMATS))}")
    chosen = FORMATS[name]
    placed = {chosen.place(path): text for path, text in sources.items()}
    values = {
        **context,
        "title": chosen.title,
        "author": publisher.author,
        "url": publisher.url,
        "sources": sorted(path for path in placed if path.endswith(".c")),
        "functions": _functions(sources),
    }
    folder = f"packages/{name}"
    files = {path.replace("NAME", context["name"]): render(f"{folder}/{path}.j2", values) for path in templates(folder)}
    if context["learns"]:
        pictures = "examples.h.j2" if context["has_examples"] else "patterns.h.j2"
        files[f"{chosen.example}/examples.h"] = render(pictures, values)
    return placed | files


def _functions(sources: Mapping[str, str]) -> list[str]:
    """The calls of ``kshot.h`` and ``kshot_status.h``, for editors that colour them."""
    headers = sources["kshot/kshot.h"] + sources["kshot/kshot_status.h"]
    return sorted(re.findall(r"^[a-z][\w *]* \*?(kshot_\w+)\(", headers, flags=re.MULTILINE))
