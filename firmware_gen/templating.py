"""Text of generated files: templates rendered, and files taken over word for word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

_VERBATIM = (".c", ".h", ".hpp", ".ld", ".mk", ".S")


def render(template: str, context: Mapping[str, Any]) -> str:
    """Render a file of ``templates``; a name that the context lacks is an error."""
    return _environment().get_template(template).render(context)


@cache
def _environment() -> jinja2.Environment:
    """The one of all templates, which are compiled once."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("firmware_gen"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def verbatim(folder: str, destination: str) -> dict[str, str]:
    """Source files of a folder of this package, below `destination`."""
    root = resources.files(__package__).joinpath(folder)
    return {
        f"{destination}/{path}": entry.read_text(encoding="utf-8")
        for path, entry in _files(root)
        if path.endswith(_VERBATIM)
    }


def templates(folder: str) -> list[str]:
    """Paths of the templates below a folder of ``templates``, relative to it, without their suffix."""
    root = resources.files(__package__).joinpath("templates", folder)
    return [path.removesuffix(".j2") for path, _ in _files(root)]


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry
