"""Python values as C99 text: integers, arrays, strings, comments and identifiers.

A model is foreign data. Its numbers are range-checked; its names never become identifiers or paths, and where they
appear as text they can end neither the comment nor the string that holds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

CType = Literal["int8_t", "uint8_t", "int16_t", "uint16_t", "int32_t", "uint32_t"]

LINE_CHARS = 120
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")
_C_WORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while alignas alignof
    bool constexpr false nullptr static_assert thread_local true typeof typeof_unqual main errno null
"""
_CPP_WORDS = """
    and and_eq asm bitand bitor catch char8_t char16_t char32_t class co_await co_return co_yield compl concept
    consteval constinit const_cast decltype delete dynamic_cast explicit export friend mutable namespace new noexcept
    not not_eq operator or or_eq private protected public reinterpret_cast requires static_cast template this throw try
    typeid typename using virtual wchar_t xor xor_eq
"""
# A model's header must not stand in the way of these: <name>.h is on the include path.
_HEADERS = """
    assert complex ctype examples fenv inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype unistd newlib reent
    features
"""
_RESERVED = frozenset(_C_WORDS.split()) | frozenset(_CPP_WORDS.split()) | frozenset(_HEADERS.split())
_RESERVED_PREFIXES = ("kshot", "board", "_")


class InvalidNameError(ValueError):
    """A project's name that C, C++ or the runtime would trip over."""


def identifier(name: str) -> str:
    """Return `name` when C and C++ accept it as an identifier beside the runtime's own.

    Parameters
    ----------
    name : str
        Chosen by the user; becomes the prefix of every symbol of the model and the stem of its files.

    Raises
    ------
    InvalidNameError
        If it is no identifier of at most 32 characters, a keyword, or begins like the runtime's names.
    """
    if not _IDENTIFIER.fullmatch(name):
        shown = comment(name)
        raise InvalidNameError(
            f"name {shown!r}: use 1 to 32 ASCII letters, digits and underscores, not beginning with a digit"
        )
    if name.lower() in _RESERVED:
        raise InvalidNameError(f"name {name!r} is a word or a header of C or C++; {'my_' + name!r} would do")
    if name.lower().startswith(_RESERVED_PREFIXES):
        raise InvalidNameError(
            f"name {name!r}: names beginning with kshot, board or _ belong to the runtime and the compiler"
        )
    return name


def integer(value: int, ctype: CType = "int32_t") -> str:
    """Return a literal that a C compiler reads as exactly `value`.

    Raises
    ------
    OverflowError
        If `value` does not fit `ctype`.
    """
    low, high = _range(ctype)
    if not low <= value <= high:
        raise OverflowError(f"{value} does not fit {ctype}")
    if value == -(2**31):
        return "INT32_MIN"  # C reads -2147483648 as the negation of a constant that fits no 32-bit int
    return f"{value}u" if ctype == "uint32_t" and value > 2**31 - 1 else str(value)


def array(values: npt.ArrayLike, ctype: CType, *, indent: int = 4) -> str:
    """Return the elements of an initialiser, flattened in C order and packed into lines of at most 120 characters.

    Parameters
    ----------
    values : array_like of integers
        Any shape, at least one element, within the range of `ctype`.
    indent : int
        Spaces before each line.

    Raises
    ------
    ValueError
        If there is no element, or elements are not integers.
    OverflowError
        If an element does not fit `ctype`.
    """
    flat = np.asarray(values).ravel()
    if not flat.size or flat.dtype.kind not in "iu":
        raise ValueError(f"an initialiser needs integers, not {flat.size} elements of {flat.dtype}")
    low, high = _range(ctype)
    least, most = int(flat.min()), int(flat.max())
    if least < low or most > high:
        raise OverflowError(f"values from {least} to {most} do not fit {ctype}")
    plain = least > -(2**31) and most < 2**31
    return "\n".join(_packed((str(v) if plain else integer(v, ctype) for v in flat.tolist()), indent))


def binary32(value: float) -> str:
    """Return a literal that a C99 compiler reads as exactly the binary32 nearest to `value`.

    Raises
    ------
    OverflowError
        If it is not finite there.
    """
    with np.errstate(over="ignore"):
        nearest = float(np.float32(value))
    if not np.isfinite(nearest):
        raise OverflowError(f"{value} does not fit binary32")
    digits, power = nearest.hex().split("p")
    return f"{digits.rstrip('0').rstrip('.')}p{power}f"


def binary32_array(values: Iterable[float], *, indent: int = 4) -> str:
    """Return the initialiser of an array of `binary32` values, in lines that end with commas.

    Raises
    ------
    OverflowError
        If a value is not finite there.
    """
    return "\n".join(_packed(map(binary32, values), indent))


@cache
def _range(ctype: CType) -> tuple[int, int]:
    limits = np.iinfo(ctype.removesuffix("_t"))
    return int(limits.min), int(limits.max)


def _packed(items: Iterable[str], indent: int) -> Iterator[str]:
    """As many items a line as it has room for; none is as long as a line."""
    text, room = ", ".join(items) + ",", LINE_CHARS - indent
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= room else text.rfind(",", start, start + room) + 1
        yield " " * indent + text[start:end]
        start = end + 1


def string(text: str) -> str:
    """Return a C string literal that holds the UTF-8 bytes of `text`, whatever characters those are."""
    escapes = {ord('"'): '\\"', ord("\\"): "\\\\", ord("?"): "\\?"}  # \? keeps trigraphs apart
    # Three octal digits end by themselves; a hexadecimal escape would swallow the digits that follow it.
    body = (escapes.get(b) or (chr(b) if 0x20 <= b < 0x7F else f"\\{b:03o}") for b in text.encode("utf-8", "replace"))
    return '"' + "".join(body) + '"'


def comment(text: str, *, limit: int = 60) -> str:
    """Return `text` as it may stand inside either kind of C comment, a Makefile or a Markdown line.

    Only ASCII letters, digits, spaces and ``_-+.,:()[]=/`` survive; everything else becomes ``_``. No two slashes, nor
    a slash and a star, stand together, and at most `limit` characters remain.
    """
    kept = re.sub(r"[^A-Za-z0-9 _\-+.,:()\[\]=/]", "_", text[: limit + 1])
    kept = re.sub(r"/{2,}", "/", kept).strip()
    return kept if len(text) <= limit else kept[: limit - 3] + "..."
