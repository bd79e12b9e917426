"""`kshot store`: the classes that a board keeps, in images of its flash."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kshot.cli.options import project_options

if TYPE_CHECKING:
    from kshot.project import Project
    from kshot.store_image import StoreImage

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_output = click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write."
)


class _Number(click.ParamType[int]):
    """A whole number, also as 0x...."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(value, 0) if isinstance(value, str) else int(value)
        except ValueError:
            self.fail(f"{value!r} is no whole number", param, ctx)
        if number < 0:
            self.fail("an offset counts from the file's beginning", param, ctx)
        return number


def _store_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `open_image`, which reads a store that the options describe."""

    @functools.wraps(function)
    def command(project: Project, described: Path | None, offset: int, **values: Any) -> Any:
        def open_image(path: Path) -> StoreImage:
            from firmware_gen.store import load_plan
            from kshot.store_image import read_image

            return read_image(path, load_plan(described or project.source_folder), offset=offset)

        return function(open_image, **values)

    command = click.option(
        "--offset", type=_Number(), default=0, help="Where the store begins in each image; 0x... too."
    )(command)
    command = click.option(
        "--store",
        "described",
        type=click.Path(exists=True, path_type=Path),
        help="Generated project, or its store.json. [default: the project's]",
    )(command)
    return project_options()(command)


@click.group()
def store() -> None:
    """Look into images of a board's flash, and move classes between them.

    An IMAGE is a file that was read from the store's flash, as programmers and debuggers write it. None is changed:
    a changed store goes to another file.
    """


@store.command()
@click.argument("image", type=_FILE)
@_store_options
def inspect(open_image: Callable[[Path], StoreImage], as_json: bool, image: Path) -> None:
    """Show the classes of an IMAGE, and how the store is."""
    from kshot.report.output import print_json
    from kshot.report.store import print_store
    from kshot.store_image import describe

    found = describe(open_image(image))
    if as_json:
        print_json(found)
    else:
        print_store(found)


@store.command()
@click.argument("image", type=_FILE)
@click.option("--label", "labels", multiple=True, help="Class to export; may be repeated. [default: all]")
@_output
@_store_options
def export(
    open_image: Callable[[Path], StoreImage], as_json: bool, image: Path, labels: tuple[str, ...], output: Path
) -> None:
    """Write classes of an IMAGE as a bundle, for another device with the same model."""
    from kshot.report.output import print_json, print_lines
    from kshot.store_image import export_classes

    bundle = export_classes(open_image(image), labels)
    output.write_bytes(bundle)
    if as_json:
        print_json({"file": str(output), "bytes": len(bundle)})
    else:
        print_lines(f"{output}: {len(bundle):,} bytes")


@store.command("import")
@click.argument("image", type=_FILE)
@click.argument("bundle", type=_FILE)
@click.option("--replace", is_flag=True, help="Replace a class of the same label; otherwise it learns the shots, too.")
@_output
@_store_options
def import_(
    open_image: Callable[[Path], StoreImage], image: Path, bundle: Path, *, as_json: bool, replace: bool, output: Path
) -> None:
    """Take the classes of a BUNDLE into an IMAGE: all of them, or none."""
    from kshot.store_image import import_bundle

    opened = open_image(image)
    rows = import_bundle(opened, bundle.read_bytes(), merge=not replace)
    _write_changed(opened, rows, output, as_json=as_json)


@store.command()
@click.argument("image", type=_FILE)
@click.argument("other", type=_FILE)
@_output
@_store_options
def merge(open_image: Callable[[Path], StoreImage], as_json: bool, image: Path, other: Path, output: Path) -> None:
    """Add to an IMAGE what the OTHER one's device has learned: sums and counts exactly, kept shots once."""
    from kshot.store_image import merge_images

    opened = open_image(image)
    rows = merge_images(opened, open_image(other))
    _write_changed(opened, rows, output, as_json=as_json)


@store.command()
@click.argument("first", type=_FILE)
@click.argument("second", type=_FILE)
@_store_options
def diff(open_image: Callable[[Path], StoreImage], as_json: bool, first: Path, second: Path) -> None:
    """Compare two images class by class."""
    from kshot.report.output import print_json, print_lines
    from kshot.report.store import difference_table
    from kshot.store_image import differences

    rows = differences(open_image(first), open_image(second))
    if as_json:
        print_json(rows)
    elif rows:
        difference_table(rows).print()
    else:
        print_lines("the same classes")


def _write_changed(opened: StoreImage, rows: list[dict[str, Any]], output: Path, *, as_json: bool) -> None:
    from kshot.report.output import print_json, print_lines
    from kshot.report.store import class_table

    output.write_bytes(opened.changed)
    if as_json:
        print_json({"file": str(output), "classes": rows})
    else:
        class_table(rows).print()
        print_lines(f"{output}: {len(opened.changed):,} bytes")
