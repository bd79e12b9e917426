"""What the runtime promises to every compiler and every project that takes it in."""

import re
from pathlib import Path

import pytest
from runtime_compilers import CLANG, GCC, M0, M4, M55, RUNTIME, SHARED_WARNINGS, Compiler, compile_objects, run

_M4_FPU = ("-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
_HEADERS = sorted(RUNTIME.glob("*.h"))

# What a C library or the compiler's own may be asked for; no allocation, no printing, and floating point in one file.
_INTEGER = r"idiv|idivmod|uidiv|uidivmod|lmul|u?ldivmod|memcpy\d?|memset\d?|memclr\d?"
_BINARY32 = r"f(add|sub|mul|div|2iz|2uiz|cmp\w\w)|u?i2f"
_ALLOWED = re.compile(rf"memcpy|memmove|memset|memcmp|strcmp|__aeabi_({_INTEGER})")
_ALLOWED_WITH_FLOATS = re.compile(rf"{_ALLOWED.pattern}|__aeabi_({_BINARY32})")


@pytest.mark.parametrize("optimisation", ["-Os", "-O3"])
@pytest.mark.parametrize(
    "compiler", [pytest.param(c, id=c.name, marks=pytest.mark.needs(c.need)) for c in (GCC, CLANG, M0, M4, M55)]
)
def test_no_compiler_warns(compiler: Compiler, optimisation: str, tmp_path: Path) -> None:
    """Clean under every warning of DESIGN.md; the optimiser finds some that others do not."""
    assert compile_objects(compiler, tmp_path, [optimisation])


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("header", _HEADERS, ids=lambda h: h.stem)
def test_each_header_stands_alone(header: Path, tmp_path: Path) -> None:
    """A header needs no other before it and may be included twice."""
    source = tmp_path / "include.c"
    source.write_text(f'#include "{header.name}"\n#include "{header.name}"\nextern int nothing;\n')
    run("gcc", "-std=c99", *SHARED_WARNINGS, f"-I{RUNTIME}", "-c", source, "-o", tmp_path / "include.o")


@pytest.mark.needs("g++")
def test_headers_serve_cpp(tmp_path: Path) -> None:
    """A C++ program includes all headers without a warning and links with the runtime compiled as C."""
    objects = compile_objects(GCC, tmp_path)
    source = tmp_path / "main.cpp"
    includes = "".join(f'#include "{header.name}"\n' for header in _HEADERS)
    source.write_text(includes + "int main() { return kshot_status_name(KSHOT_OK)[0] != 'K'; }\n")
    program = tmp_path / "program"
    run("g++", "-std=c++11", *SHARED_WARNINGS, f"-I{RUNTIME}", source, *objects, "-o", program)
    run(program)


@pytest.mark.needs("arm-gcc")
@pytest.mark.parametrize("compiler", [M0, M4], ids=str)
def test_the_runtime_asks_for_little(compiler: Compiler, tmp_path: Path) -> None:
    """Only memory and string functions and integer helpers are left for others to bring, and the head's binary32."""
    objects = compile_objects(compiler, tmp_path, ["-O2"])
    kinds = {
        path: re.findall(r"^(?:[0-9a-f]{8}|\s{8}) (\w) (\S+)$", run("arm-none-eabi-nm", path), re.MULTILINE)
        for path in objects
    }
    defined = {name for found in kinds.values() for kind, name in found if kind in "TRD"}
    for path, found in kinds.items():
        allowed = _ALLOWED_WITH_FLOATS if path.stem == "kshot_gradient_head" else _ALLOWED
        foreign = {name for kind, name in found if kind == "U"} - defined
        assert {name for name in foreign if not allowed.fullmatch(name)} == set(), path.stem


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        pytest.param(GCC, ("-mfma", "-ffp-contract=fast"), id="gcc", marks=pytest.mark.needs("gcc", "x86-64")),
        pytest.param(CLANG, ("-mfma", "-ffp-contract=on"), id="clang", marks=pytest.mark.needs("clang", "x86-64")),
        pytest.param(M4, (*_M4_FPU, "-ffp-contract=fast"), id="m4", marks=pytest.mark.needs("arm-gcc")),
    ],
)
def test_the_head_rounds_every_operation(compiler: Compiler, flags: tuple[str, ...], tmp_path: Path) -> None:
    """Where the processor could fuse a product and a sum, and the build allows it, the source forbids it."""
    target = tmp_path / "head.o"
    options = ("-std=gnu11", "-O3", *flags, f"-I{RUNTIME}")
    run(*compiler.command, *options, "-c", RUNTIME / "kshot_gradient_head.c", "-o", target)
    code = run("arm-none-eabi-objdump" if compiler is M4 else "objdump", "-d", target)
    assert re.search(r"\tv?mulss|\tvmul\.f32", code)
    assert not re.search(r"\tv(fn?m|ml)[as]", code)


@pytest.mark.needs("arm-gcc")
def test_all_state_is_the_callers(tmp_path: Path) -> None:
    """The runtime has no variable of its own, so that kshots share nothing."""
    symbols = run("arm-none-eabi-nm", *compile_objects(M0, tmp_path, ["-O2"]))
    assert re.findall(r" [bBdDC] \S+", symbols) == []


@pytest.mark.needs("arm-gcc")
def test_public_names_begin_with_kshot(tmp_path: Path) -> None:
    """Nothing that the runtime exports can meet a name of the project that takes it in."""
    symbols = run("arm-none-eabi-nm", "--extern-only", "--defined-only", *compile_objects(M0, tmp_path, ["-O2"]))
    names = re.findall(r" [A-Z] (\S+)", symbols)
    assert names
    assert [name for name in names if not name.startswith("kshot_")] == []
