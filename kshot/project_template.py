"""The text of a new project file: every key, its help and its default, from the declarations in `kshot.project`."""

from __future__ import annotations

import json
import textwrap
from dataclasses import fields

from kshot.project import Project, table_types
from kshot.schema import Table, rule_of

_HEAD = """\
# A kshot project: which classes to learn from, and how they get onto a microcontroller.
# A line that is commented out shows a key's default; take the # away to change it.
# Paths count from this file's folder. An option on the command line wins over this file.
"""


def project_text(project: Project) -> str:
    """Write `project` as a commented kshot.toml.

    Keys that differ from the defaults are set; the rest stand as comments with their defaults.
    """
    parts = [_HEAD]
    parts += [_table_text(name, getattr(project, name)) for name in table_types()]
    return "\n".join(parts)


def _table_text(name: str, table: Table) -> str:
    lines = [f"[{name}]"]
    for declared in fields(table):
        lines += textwrap.wrap(rule_of(declared).help, 110, initial_indent="# ", subsequent_indent="# ")
        value = getattr(table, declared.name)
        lines.append(f"{'# ' if value == declared.default else ''}{declared.name} = {toml_value(value)}")
    return "\n".join(lines) + "\n"


def toml_value(value: object) -> str:
    """A text, number, truth value or tuple of these as TOML spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return repr(value)
