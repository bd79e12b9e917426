"""Options shared by commands: the project, its keys as options, JSON output.

The option for a key of the project file takes its type, range and help from the key's declaration.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import click

from kshot.project import Project, load_project, table_types
from kshot.schema import rule_of

Command = Callable[..., Any]
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")


def project_options(*keys: str) -> Callable[[Command], Command]:
    """Give a command the project as its first argument.

    Adds `--project`, `--json` and an option for each key; what the user gives replaces the file's values.

    Parameters
    ----------
    *keys : str
        `"table"` for all keys of a table, or `"table.key"`.
    """

    def decorate(function: Command) -> Command:
        declared = dict(_declared(keys))

        @functools.wraps(function)
        def command(project_file: Path | None, **values: Any) -> Any:
            given = {name: values.pop(name) for name in declared}
            return function(_with_options(load_project(project_file), declared, given), **values)

        wrapped: Command = json_option(command)
        for name, (_, field) in reversed(declared.items()):
            wrapped = _option(name, field)(wrapped)
        return click.option(
            "-p",
            "--project",
            "project_file",
            type=click.Path(path_type=Path),
            help="Project file. [default: ./kshot.toml, if there is one]",
        )(wrapped)

    return decorate


def _declared(keys: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, Field[Any]]]]:
    """Parameter names with the table and the field that they stand for."""
    types = table_types()
    for spelled in keys:
        table, _, only = spelled.partition(".")
        for field in fields(types[table]):
            if only in ("", field.name):
                yield f"{table}_{field.name}", (table, field)


def _with_options(
    project: Project, declared: Mapping[str, tuple[str, Field[Any]]], given: Mapping[str, Any]
) -> Project:
    chosen: dict[str, dict[str, Any]] = {}
    for name, value in given.items():
        table, field = declared[name]
        if value is not None and value != ():
            chosen.setdefault(table, {})[field.name] = value
    for table, values in chosen.items():
        project = project.with_values(table, values)
    return project


def _option(name: str, field: Field[Any]) -> Callable[[Command], Command]:
    """The option that sets `field`."""
    rule, flag = rule_of(field), "--" + field.name.replace("_", "-")
    settings: dict[str, Any] = {"default": None, "help": rule.help, "show_default": _spelled(field.default)}
    item = field.default[0] if isinstance(field.default, tuple) else field.default
    if isinstance(item, bool):
        return click.option(f"{flag}/--no-{flag[2:]}", name, **settings)
    if isinstance(item, int):
        settings |= {"type": click.IntRange(_whole(rule.minimum), _whole(rule.maximum)), "metavar": "N"}
    elif isinstance(item, float):
        settings |= {"type": click.FloatRange(rule.minimum, rule.maximum), "metavar": "X"}
    elif rule.choices:
        settings["type"] = click.Choice(rule.choices)
    if isinstance(field.default, tuple):
        if rule.length:
            settings["nargs"] = rule.length
        else:
            flag = flag.removesuffix("s")
            settings |= {"multiple": True, "help": f"{rule.help} May be repeated."}
    return click.option(flag, name, **settings)


def _spelled(default: object) -> str | bool:
    """A default as the option takes it; False for an empty one, which needs no mention."""
    items = default if isinstance(default, tuple) else (default,)
    return " ".join(str(item) for item in items).lower() if default else False


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)
