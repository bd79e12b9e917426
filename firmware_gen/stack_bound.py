"""How deep the stack can get, from what the compiler says of each function.

Method: GCC's ``-fcallgraph-info=su`` writes a ``.ci`` file beside every object, with the stack of each function (the
figures of ``-fstack-usage``) and its calls. The bound is the heaviest path through that graph. Three things are not in
it and are added here:

* a call through a pointer goes to each of `indirect_targets` (in the runtime a model's ``embed`` and its learner's
  functions) and of `outer_targets` (its rejection's), of which a call through a pointer goes on to `indirect_targets`;
* a library function without ``.ci`` is charged with everything that its disassembly ever pushes or subtracts from the
  stack pointer, together with what it calls;
* one exception can arrive at the deepest point: its register frame and its handler's own path.

Recursion and stack of a size unknown when compiled have no bound and are errors.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "[^"]*?\\n(\d+) bytes \(([a-z,]+)\)')
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_INDIRECT = "__indirect_call"

_LABEL = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
_PUSH = re.compile(r"\t(v?push(?:\.w)?|v?stmdb(?:\.w)?)\t(?:sp!, )?\{([^}]*)\}")
_SUBTRACT = re.compile(r"\tsub(?:w|\.w)?\t(?:sp, )?sp, #(\d+)")
_STORE_BELOW = re.compile(r"\tstrd?(?:\.w)?\t.*\[sp, #-(\d+)\]!")
_BRANCH = re.compile(r"\tb[a-z.]*\t[0-9a-f]+ <([^>+]+)>")

EXCEPTION_FRAME_BYTES = 36
"""Eight registers, and a word to align them (Armv6-M and Armv7-M architecture manuals, "exception entry")."""

EXCEPTION_FRAME_FPU_BYTES = 108
"""The same with the floating-point registers."""


class UnboundedStackError(ValueError):
    """The program recurses, or a function's stack depends on data."""


@dataclass(frozen=True)
class Function:
    """What the bound needs to know of one function.

    Attributes
    ----------
    stack_bytes : int
        Its own, without those it calls.
    calls : frozenset of str
    """

    stack_bytes: int
    calls: frozenset[str]


def read_call_graph(files: Iterable[Path]) -> dict[str, Function]:
    """Join the ``.ci`` files of a program. A static function is called ``file:name`` in them.

    Raises
    ------
    UnboundedStackError
        If a function's stack has no bound.
    """
    stack: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    for file in files:
        for line in file.read_text(errors="replace").splitlines():
            if node := _NODE.match(line):
                name, size, kind = node.groups()
                if kind == "dynamic":
                    raise UnboundedStackError(f"{name}: its stack depends on data")
                stack[name] = max(
                    int(size), stack.get(name, 0)
                )  # an inline function may be compiled into several files
            elif edge := _EDGE.match(line):
                calls.setdefault(edge[1], set()).add(edge[2])
    return {name: Function(size, frozenset(calls.get(name, ()))) for name, size in stack.items()}


def read_disassembly(text: str) -> dict[str, Function]:
    """Bound each function's stack from ``objdump -d``: the sum of all that it pushes, wherever it does."""
    functions = {}
    for name, lines in _disassembled_functions(text):
        pushed = sum(_pushed_bytes(line) for line in lines)
        calls = frozenset(m[1] for line in lines if (m := _BRANCH.search(line)) and m[1] != name)
        functions[name] = Function(pushed, calls)
    return functions


def _disassembled_functions(text: str) -> Iterator[tuple[str, list[str]]]:
    name, lines = "", list[str]()
    for line in text.splitlines():
        if label := _LABEL.match(line):
            if name:
                yield name, lines
            name, lines = label[1], []
        else:
            lines.append(line)
    if name:
        yield name, lines


def _pushed_bytes(line: str) -> int:
    if push := _PUSH.search(line):
        register_bytes = 8 if push[1].startswith("v") and "d" in push[2] else 4
        return register_bytes * sum(_register_count(part) for part in push[2].split(","))
    if moved := _SUBTRACT.search(line) or _STORE_BELOW.search(line):
        return int(moved[1])
    return 0


def _register_count(part: str) -> int:
    """Registers in ``r4`` or ``d8-d11``."""
    first, _, last = part.strip().partition("-")
    return int(last[1:]) - int(first[1:]) + 1 if last else 1


def stack_bound(
    compiled: Mapping[str, Function],
    library: Mapping[str, Function],
    *,
    root: str,
    indirect_targets: Collection[str],
    outer_targets: Collection[str] = (),
    exception_handlers: Collection[str] = (),
    exception_frame_bytes: int = EXCEPTION_FRAME_BYTES,
) -> int:
    """Bytes of stack that the program can need.

    Parameters
    ----------
    compiled : mapping of str to Function
        From `read_call_graph`.
    library : mapping of str to Function
        From `read_disassembly`; used for functions that `compiled` does not have. A function in neither was not linked,
        because the compiler replaced the call.
    root : str
        Where the program begins.
    indirect_targets : collection of str
        What a call through a pointer may reach.
    outer_targets : collection of str
        What one may reach, too, but not from within a call through a pointer.
    exception_handlers : collection of str
        One of them may interrupt the program at any point; they do not interrupt each other.
    exception_frame_bytes : int
        What the processor pushes before it enters a handler.

    Raises
    ------
    UnboundedStackError
        If there is recursion; the message shows the circle.
    """
    depths: dict[tuple[str, bool], int] = {}

    def depth(name: str, path: tuple[tuple[str, bool], ...]) -> int:
        pointed = any(before == _INDIRECT for before, _ in path)
        here = (name, pointed)
        if here in path:
            circle = [before for before, _ in path[path.index(here) :]]
            raise UnboundedStackError(f"recursion: {' -> '.join((*circle, name))}")
        if here not in depths:
            function = compiled.get(name) or library.get(name)
            if name == _INDIRECT:
                function = Function(0, frozenset(indirect_targets) | frozenset(() if pointed else outer_targets))
            if function is None:
                return 0
            below = max((depth(callee, (*path, here)) for callee in function.calls), default=0)
            depths[here] = function.stack_bytes + below
        return depths[here]

    interrupted = max((exception_frame_bytes + depth(name, ()) for name in exception_handlers), default=0)
    return depth(root, ()) + interrupted
