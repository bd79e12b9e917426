"""Values come out of the compiler as they went in, and no text can leave its comment or string."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_gen.c_literals import (
    InvalidNameError,
    array,
    binary32,
    binary32_array,
    comment,
    identifier,
    integer,
    string,
)

HOSTILE = [
    "*/",
    '"; system("x"); //',
    "../../x",
    "a\\\nb",
    "??/",
    "/*",
    "// \\",
    "\0",
    "é\u202e",
    "%n{{x}}",
    "x" * 10240,
]


def _compiled_output(source: str, folder: Path) -> bytes:
    (folder / "probe.c").write_text(source, encoding="utf-8")
    flags = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-trigraphs")
    subprocess.run(["gcc", *flags, "-Wno-comment", "probe.c", "-o", "probe"], cwd=folder, check=True)
    return subprocess.run([folder / "probe"], check=True, capture_output=True).stdout


@pytest.mark.parametrize(
    ("value", "ctype", "text"),
    [
        (-128, "int8_t", "-128"),
        (255, "uint8_t", "255"),
        (-(2**31), "int32_t", "INT32_MIN"),
        (2**31 - 1, "int32_t", "2147483647"),
        (2**32 - 1, "uint32_t", "4294967295u"),
    ],
)
def test_integer_extremes(value, ctype, text):
    """The ends of each type are literals of that type."""
    assert integer(value, ctype) == text


@pytest.mark.parametrize(("value", "ctype"), [(128, "int8_t"), (-1, "uint16_t"), (2**31, "int32_t"), (256, "uint8_t")])
def test_integer_out_of_range(value, ctype):
    """A value that its type cannot hold is refused, alone and in an array."""
    with pytest.raises(OverflowError, match=ctype):
        integer(value, ctype)
    with pytest.raises(OverflowError, match=ctype):
        array([0, value], ctype)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=200))
def test_array_lines(values):
    """An initialiser keeps every element in order, in lines of at most 120 characters."""
    text = array(values, "int32_t")
    assert all(len(line) <= 120 and line.startswith("    ") for line in text.split("\n"))
    items = text.replace("INT32_MIN", str(-(2**31))).split(",")
    assert [int(item) for item in items[:-1]] == values
    assert items[-1] == ""


def test_array_needs_integers():
    """Floating point and nothing at all are refused: C has no empty initialiser."""
    for values in ([], [0.5], np.zeros((2, 0), np.int8)):
        with pytest.raises(ValueError, match="integers"):
            array(values, "int8_t")


@pytest.mark.needs("gcc")
def test_compiler_reads_the_same(tmp_path):
    """The compiler reads back exactly the integers and bytes that were written, trigraphs on."""
    numbers = [-(2**31), -1, 0, 2**31 - 1]
    texts = [t for t in HOSTILE if len(t) < 4096] + [
        "\x01" + "23",
        "tab\t",
        'quote"',
        "\U0001f600",
    ]  # C99's string limit
    strings = ",".join(f"{{{string(t)}, sizeof {string(t)} - 1}}" for t in texts)
    source = f"""#include <stdint.h>
#include <stdio.h>
static const int32_t numbers[] = {{{array(numbers, "int32_t")}}};
static const struct {{ const char *text; size_t len; }} texts[] = {{{strings}}};
int main(void)
{{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) printf("%ld\\n", (long)numbers[i]);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) fwrite(texts[i].text, 1, texts[i].len, stdout);
    return 0;
}}
"""
    expected = "".join(f"{n}\n" for n in numbers).encode() + b"".join(t.encode() for t in texts)
    assert _compiled_output(source, tmp_path) == expected


@pytest.mark.needs("gcc")
def test_binary32_values_survive_the_compiler(tmp_path):
    """The bits of the nearest binary32, for any value that has one, in lines of a bearable length."""
    rng = np.random.default_rng(8)
    values = [0.0, -0.0, 1.0, -1.5, 0.1, 1e-45, 1e-39, 3.4028235e38]
    values += [*rng.normal(size=50), *10.0 ** rng.uniform(-40, 38, 50)]
    text = binary32_array(values)
    assert all(len(line) <= 120 for line in text.splitlines())
    source = f"""
#include <stdio.h>
#include <string.h>
static const float values[] = {{
{text}
}};
int main(void)
{{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {{
        unsigned bits;
        memcpy(&bits, &values[i], sizeof bits);
        printf("%u\\n", bits);
    }}
    return 0;
}}
"""
    found = [int(line) for line in _compiled_output(source, tmp_path).split()]
    assert found == np.array(values, np.float32).view(np.uint32).tolist()


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e39])
def test_values_beyond_binary32_are_refused(value):
    """C has no literal for them."""
    with pytest.raises(OverflowError, match="does not fit binary32"):
        binary32(value)


@given(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=200)))
def test_comment_is_harmless(text):
    """What stands in a comment ends neither kind of comment, no line, and is short ASCII."""
    shown = comment(text)
    assert len(shown) <= 60
    assert shown.isascii()
    assert not shown or shown.isprintable()
    assert not any(bad in shown for bad in ("*", "\\", "//", '"', "?", "#", "$", "`", "{", "%"))


def test_comment_keeps_layer_names():
    """Ordinary names stay as they are."""
    assert comment("conv2d_1/Relu;batch_norm") == "conv2d_1/Relu_batch_norm"
    assert comment("x" * 61) == "x" * 57 + "..."


@pytest.mark.parametrize("name", ["glyphs", "Net_2", "a" * 32])
def test_identifier_accepts(name):
    """Names that C and C++ take are returned as they are."""
    assert identifier(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "2x", "a-b", "a" * 33, "é", "int", "CLASS", "nullptr", "kshot_x", "_x", "string", "main", "a\n", *HOSTILE],
)
def test_identifier_refuses(name):
    """Keywords, headers' names, the runtime's prefixes and anything that is no identifier are refused by name."""
    with pytest.raises(InvalidNameError, match="name "):
        identifier(name)
