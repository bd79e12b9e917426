"""Keys of the project file: one declaration gives default, type, range and help.

`kshot.toml`, the command-line options and the file that `kshot init` writes all derive from these declarations, so
they cannot disagree. A table of the file is a frozen dataclass that inherits from `Table`; `key` declares its fields.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Self


class ProjectError(ValueError):
    """A project file, or a value for one of its keys, that cannot be used.

    The message names the file (when there is one), the key, the value and what would work.
    """


@dataclass(frozen=True)
class Rule:
    """What a key accepts.

    Attributes
    ----------
    help : str
        One sentence for people, used in `--help` and by `kshot init`.
    minimum, maximum : float or None
        Inclusive bounds of a number, or of each number in a list.
    choices : tuple of str
        The only values allowed, or empty; for a list, of each item.
    pattern : str
        Regular expression that a text matches in full, or empty; for a list, each item.
    length : int or None
        How many items a list has; None allows any number but zero.
    """

    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    length: int | None = None

    def expectation(self) -> str:
        """What would be accepted, for the end of an error message."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.pattern:
            return f"text that matches {self.pattern}"
        if self.minimum is not None and self.maximum is not None:
            return f"from {self.minimum:g} to {self.maximum:g}"
        if self.minimum is not None:
            return f"at least {self.minimum:g}"
        return f"at most {self.maximum:g}"

    def accepts(self, value: object) -> bool:
        """Whether a single value of the right type lies within the rule."""
        if isinstance(value, str):
            return (not self.choices or value in self.choices) and bool(re.fullmatch(self.pattern or r"(?s).*", value))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        return (
            math.isfinite(value)
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
        )


def key(default: object, help_text: str, **limits: Any) -> Any:
    """Declare a key of a table: its default, its help and the limits that `Rule` takes."""
    return field(default=default, metadata={"rule": Rule(help_text, **limits)})


def rule_of(declared: Field[Any]) -> Rule:
    """The rule behind a field that was declared with `key`."""
    rule = declared.metadata["rule"]
    assert isinstance(rule, Rule)
    return rule


def nearest(word: str, known: Iterable[str]) -> str:
    """A `"; did you mean x?"` tail for an error message, or nothing when no known word is near."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f'; did you mean "{match[0]}"?' if match else ""


@dataclass(frozen=True)
class Table:
    """Base of the tables: checks every field against its rule.

    Raises
    ------
    ProjectError
        If a value has another type than the key's default, or lies outside the rule.
    """

    def __post_init__(self) -> None:
        for declared in fields(self):
            _check(self.title(), declared, getattr(self, declared.name))

    @classmethod
    def title(cls) -> str:
        """The table's name in the project file."""
        return cls.__name__.removesuffix("Table").lower()

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Self:
        """Make the table from parsed TOML; keys that are absent keep their defaults.

        Raises
        ------
        ProjectError
            If a key is unknown (the nearest known one is named), or its value is not acceptable.
        """
        known = {declared.name: declared for declared in fields(cls)}
        for name in values:
            if name not in known:
                raise ProjectError(f'[{cls.title()}] has no key "{name}"{nearest(name, known)}')
        return cls(**{name: _coerce(known[name], value) for name, value in values.items()})


def _coerce(declared: Field[Any], value: object) -> object:
    """TOML's spelling of a value to the field's: lists become tuples, whole numbers serve as floats."""
    if isinstance(declared.default, tuple) and isinstance(value, list):
        return tuple(value)
    if isinstance(declared.default, float) and type(value) is int:
        return float(value)
    return value


def _check(title: str, declared: Field[Any], value: object) -> None:
    """Refuse `value` unless it has the type of the field's default and obeys its rule."""
    rule, default, where = rule_of(declared), declared.default, f"{title}.{declared.name} = {_shown(value)}"
    if type(value) is not type(default):
        raise ProjectError(f"{where}: must be {_type_name(default)}, such as {_shown(default)}")
    items = value if isinstance(value, tuple) else (value,)
    if isinstance(default, tuple):
        if not items or (rule.length is not None and len(items) != rule.length):
            count = "at least 1 item" if rule.length is None else f"exactly {rule.length} items"
            raise ProjectError(f"{where}: must have {count}, such as {_shown(default)}")
        if any(type(item) is not type(default[0]) for item in items):
            raise ProjectError(f"{where}: each item must be {_type_name(default[0])}, such as {_shown(default)}")
    for item in items:
        if not rule.accepts(item):
            choice = nearest(item, rule.choices) if isinstance(item, str) else ""
            raise ProjectError(f"{where}: must be {rule.expectation()}{choice}")


def _shown(value: object) -> str:
    """A value as TOML spells it, near enough for a message."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _type_name(value: object) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", tuple: "a list"}
    return names[type(value)]
